"""Decides which cloned tasks need a gate before them, and what the gate checks. Pure functions of `Notes`.

In the examples, ``a`` and ``b`` are keys, ``load`` is cloned for them in one mapped group and ``use`` in
another, and ``total`` collects all clones of ``load``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_dynamic_provider.authoring.model.notes import Gathering, Way
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

    from airflow_dynamic_provider.authoring.model.notes import Notes, Pair


class OneKey(Record):
    """A check that stops a key unless the clone of a task for the key, or for a part of it, has succeeded.

    Attributes:
        task_id: The task.
        way: The way from the key to the key of the task's clone.
    """

    task_id: str
    way: Way


class AllBelow(Record):
    """A check that stops a key if a clone of a task failed below the key.

    Attributes:
        task_id: The task.
        task_ids: The cloned tasks whose states matter: the task, and those that produce its keys.
        keys_task_id: The task that lists its keys.
    """

    task_id: str
    task_ids: frozenset[str]
    keys_task_id: str


Check = OneKey | AllBelow | Gathering


def waits_for(check: Check) -> frozenset[str]:
    """Return the tasks that a gate waits for before it checks."""
    if isinstance(check, OneKey):
        return frozenset({check.task_id})
    return check.task_ids | {check.keys_task_id}


def find_gates(notes: Notes, edges: Set[Pair], cut: Set[Pair]) -> dict[str, tuple[Check, ...]]:
    """Return cloned task -> the checks of the gate before it, for the tasks that need one.

    A task needs a gate for what it collects below its own key. It also needs one for each task of another
    mapped group from which it needs the clone for its key, with two exceptions: another gate already stops
    the key (`_stopped_already`), or the task already waits for all clones (`_waited_for`).

    Args:
        notes: The facts about the Dag.
        edges: Pairs in one mapped group: the first waits for the second's clone for its own key.
        cut: Pairs in two mapped groups: the first needs the second's clones that matter to its key.
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
    """Return the checks of a gate on other mapped groups, in the order of their task ids."""
    waited_for = _waited_for(notes, upstream, task) if crossing else frozenset()
    checks: list[Check] = []
    for up in sorted(crossing):
        own = [OneKey(up, way) for way in sorted(_ways(notes, task, up), key=lambda way: way.via)]
        # A batch decides for each of its keys, so nothing else has decided for them before.
        is_ordered = (task, up) in notes.orders or task in notes.cut_of
        if not own:
            # The keys of the other task are below the task's own. Example: `produce` is cloned for `a` and
            # produces `a/1` and `a/2`. With `count_of_each >> use`, the clone of `use` for `a` waits for
            # both.
            space = notes.space_of[up]
            origins = {origin.task_id for origin in space.origins}
            if is_ordered or up not in waited_for:
                checks.append(AllBelow(up, frozenset({up, *origins}), space.keys_task_id))
        elif is_ordered or not (stopped.issuperset(own) or up in waited_for):
            # An order always needs its check: with `load >> use`, a key that `load` skips is also skipped in
            # `use`, and only the gate can skip it.
            checks += own
    return checks


def _ways(notes: Notes, task: str, up: str) -> set[Way]:
    """Return the ways from a task's key to another task's; none if the other's keys are below it."""
    ways = set(notes.uses.get((task, up), ()))
    own, other = notes.space_of[task], notes.space_of[up]
    if (task, up) in notes.orders and find_routes(own, other).found:
        ways.add(Way(other))
    return ways


def _stopped_already(
    notes: Notes, stops: Mapping[str, frozenset[OneKey]], task: str, beside: Iterable[str]
) -> frozenset[OneKey]:
    """Return the checks that have passed whenever the task starts for a key, because of earlier gates.

    Example: ``first`` and ``use`` share a group, ``use`` waits for ``first``, and both read the value of
    ``load`` for their key. If ``load`` failed for the key ``a``, the gate before ``first`` fails for it.
    Airflow then makes ``first`` upstream_failed for ``a``, and ``use`` after it. So ``use`` needs no gate. It
    does need one with a trigger rule such as ``all_done``, because it would start in spite of the failure.
    """
    if task not in notes.passing_on:
        return frozenset()
    return frozenset().union(*(stops[up] for up in beside if up in stops and up in notes.passing_on))


def _waited_for(notes: Notes, upstream: Mapping[str, Set[str]], task: str) -> set[str]:
    """Return the tasks whose clones are all done, without a failure, whenever the task starts for a key.

    Example: ``use`` reads the value of ``load`` for its own key, and waits for ``total``. ``total`` starts
    when all clones of ``load`` are done, unless one failed. So ``use`` finds its value when it starts,
    without a gate. If ``load`` was skipped for the key ``a``, reading its value skips ``use`` for ``a``.

    There may be more tasks in between, if each of them passes failures on. Airflow waits for all keys from
    the point where the path leaves the key space, or where a task of the key space collects another. Before
    that point, a task waits only for the clones of its own key.
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
    """Return the tasks in topological order. Tasks in a cycle, which Airflow refuses, are in any order.

    It does not call itself, because a chain of tasks may be longer than Python's recursion limit.
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
