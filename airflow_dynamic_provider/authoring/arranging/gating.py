"""Decides which cloned tasks need a gate before them, and what the gate looks at. Pure functions of notes.

In the examples, ``a`` and ``b`` are keys, ``load`` is cloned for them in one mapped group and ``use`` in
another, and ``total`` collects all clones of ``load``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.authoring.model.notes import Gathering, Way
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

    from airflow_dynamic_provider.authoring.model.notes import Notes, Pair


@dataclass(frozen=True)
class OneKey:
    """A gate stops a key unless one clone of a task has succeeded: that of the key, or of a part of it.

    Attributes:
        task_id: The task.
        way: The way from the key to that of the clone.
    """

    task_id: str
    way: Way


@dataclass(frozen=True)
class AllBelow:
    """A gate stops a key unless no clone of a task failed among those below the key.

    Attributes:
        task_id: The task.
        task_ids: The cloned tasks whose states matter: it, and those that produce its keys.
        keys_task_id: The task that lists its keys.
    """

    task_id: str
    task_ids: frozenset[str]
    keys_task_id: str


Check = OneKey | AllBelow | Gathering


def waits_for(check: Check) -> frozenset[str]:
    """Return the tasks that a gate has to wait for before it can look."""
    if isinstance(check, OneKey):
        return frozenset({check.task_id})
    return check.task_ids | {check.keys_task_id}


def find_gates(notes: Notes, edges: Set[Pair], cut: Set[Pair]) -> dict[str, tuple[Check, ...]]:
    """Return cloned task -> what the gate before it looks at, for those that need one.

    A task needs a gate for what it collects below its own key, and for each task of another mapped group of
    which it needs a key's clone, with two exceptions: another gate stops the key already
    (`_stopped_already`), or the task waits for all clones already (`_waited_for`).

    Args:
        notes: What is known of the Dag.
        edges: Pairs of one mapped group: the first waits for its own key's clone of the second.
        cut: Pairs of two mapped groups: the first needs those clones of the second that matter to its key.
    """
    upstream = {task: set(ups) for task, ups in notes.upstream.items()}
    beside: dict[str, set[str]] = defaultdict(set)
    across: dict[str, set[str]] = defaultdict(set)
    for task, up in cut:
        across[task].add(up)
        upstream[task].discard(up)
    for task, up in edges:
        beside[task].add(up)
        upstream[task].add(up)
    gates: dict[str, tuple[Check, ...]] = {}
    stops: dict[str, frozenset[OneKey]] = {}
    for task in _upstream_first(notes.space_of, beside):
        stopped = _stopped_already(notes, stops, task, beside[task])
        checks = (
            *_crossing_checks(notes, upstream, task, across[task], stopped),
            *notes.gathers.get(task, ()),
        )
        if checks:
            gates[task] = checks
        stops[task] = stopped | {check for check in checks if isinstance(check, OneKey)}
    return gates


def _crossing_checks(
    notes: Notes,
    upstream: Mapping[str, Set[str]],
    task: str,
    crossing: Set[str],
    stopped: frozenset[OneKey],
) -> list[Check]:
    """Return what a gate looks at in other mapped groups, in the order of the tasks' ids."""
    waited_for = _waited_for(notes, upstream, task) if crossing else frozenset()
    checks: list[Check] = []
    for up in sorted(crossing):
        own = [OneKey(up, way) for way in sorted(_ways(notes, task, up), key=lambda way: way.via)]
        is_ordered = (task, up) in notes.orders
        if not own:
            # The other's keys are below the task's own. Example: `produce` is cloned for `a` and produces
            # `a/1` and `a/2`. With `count_of_each >> use`, the clone of `use` for `a` waits for both.
            space = notes.space_of[up]
            origins = {origin.task_id for origin in space.origins}
            if is_ordered or up not in waited_for:
                checks.append(AllBelow(up, frozenset({up, *origins}), space.keys_task_id))
        elif is_ordered or not (stopped.issuperset(own) or up in waited_for):
            # An order always has its check: under `load >> use`, a key that `load` skips is skipped in
            # `use` as well, and nobody but the gate would tell.
            checks += own
    return checks


def _ways(notes: Notes, task: str, up: str) -> set[Way]:
    """Return the ways from a task's key to another's; none if the other's keys are below it."""
    ways = set(notes.uses.get((task, up), ()))
    own, other = notes.space_of[task], notes.space_of[up]
    if (task, up) in notes.orders and find_routes(own, other).found:
        ways.add(Way(other))
    return ways


def _stopped_already(
    notes: Notes, stops: Mapping[str, frozenset[OneKey]], task: str, beside: Iterable[str]
) -> frozenset[OneKey]:
    """Return what has succeeded for a key whenever the task starts for it, by the gates of tasks before it.

    Example: ``first`` and ``use`` share a group, ``use`` waits for ``first``, and both read what ``load`` has
    for their key. The gate before ``first`` fails for the key ``a`` when ``load`` failed for it. Airflow then
    makes ``first`` upstream_failed for ``a``, and ``use`` after it. So ``use`` needs no gate. It does need
    one under a trigger rule such as ``all_done``, with which it would start all the same.
    """
    if task not in notes.passing_on:
        return frozenset()
    return frozenset().union(*(stops[up] for up in beside if up in stops and up in notes.passing_on))


def _waited_for(notes: Notes, upstream: Mapping[str, Set[str]], task: str) -> set[str]:
    """Return the tasks whose clones are all done, and none failed, whenever the task starts for a key.

    Example: ``use`` reads the value of ``load`` for its own key, and waits for ``total``. ``total`` starts
    when all clones of ``load`` are done, unless one failed. So ``use`` finds its value there when it starts,
    without a gate. Where ``load`` was skipped for the key ``a``, reading its value skips ``use`` for ``a``.

    There may be more tasks on the way, as long as each of them passes failures on. On the way there is a
    point from which Airflow waits for all keys: where it leaves the key space, or where a task of the key
    space collects another. Up to that point a task only waits for its own key's clones.
    """
    space = notes.space_of[task]
    todo, seen, found = [(task, False)], {(task, False)}, set()
    while todo:
        here, waits_for_all = todo.pop()
        if here not in notes.passing_on:
            continue
        for up in upstream[here]:
            is_whole = (
                waits_for_all or notes.space_of.get(up) is not space or (here, up) in notes.collects_all
            )
            if is_whole:
                found.add(up)
            if (up, is_whole) not in seen:
                seen.add((up, is_whole))
                todo.append((up, is_whole))
    return found


def _upstream_first(tasks: Iterable[str], upstream: Mapping[str, Set[str]]) -> list[str]:
    """Return the tasks, each behind those before it. In a ring, which Airflow refuses, somewhere behind.

    With a stack of our own: a chain of tasks may be longer than Python allows calls to be deep.
    """
    order: dict[str, None] = {}
    begun: set[str] = set()
    for each in sorted(tasks):
        todo = [each]
        while todo:
            here = todo[-1]
            new = [] if here in begun else sorted(set(upstream.get(here, ())) - begun)
            begun.add(here)
            if new:
                todo += new
            else:
                order.setdefault(todo.pop())
    return list(order)
