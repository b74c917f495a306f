"""Finds what stopped keys that could not start: the nearest task before them that failed for the key.

A gate, or the preparation of a batch, passes on the states of other tasks. So what it checks counts, and the
gate itself only if none of these tasks is found to have failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILED
from airflow_dynamic_provider.execution.failures import because, pull_failure
from airflow_dynamic_provider.execution.gates import SameKey
from airflow_dynamic_provider.execution.outcomes.marks import read_failures
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.failures import KeyFailure
    from airflow_dynamic_provider.execution.gates import Check
    from airflow_dynamic_provider.execution.spaces import KeyPath, Route, Space

#: The class of an error, and why a key could not start.
Cause = tuple[str | None, str]


class _Before(NamedTuple):
    """A task before a clone: one that runs for its key, with the route to its keys, or another one."""

    task_id: str
    clone: CloneSpec | None = None
    route: Route = ()
    is_gate: bool = False


def find_causes(reader: Reader, clone: CloneSpec, positions: Sequence[int]) -> dict[int, Cause]:
    """Return position -> what stopped the key.

    One API call for the states of the tasks before, some for each of them that does not run for the same
    keys, and the calls of `marks` for the errors of each task that failed. It makes more if the keys of these
    tasks are others, or if they run in batches.

    Args:
        reader: Reads the keys and the states.
        clone: The task that could not run.
        positions: The positions of its keys.
    """
    if not positions:
        return {}
    before = list(_before(reader, clone))
    reader.know([each.clone for each in before if each.clone is not None])
    found: dict[int, Cause] = {}
    for each in before:
        rest = [position for position in positions if position not in found]
        if not rest:
            break
        if each.clone is not None:
            found |= _causes_by_key(reader, clone.space, each, each.clone, rest)
        elif (failed := _find_failed(reader.context, each.task_id)) is not None:
            # If it is a task with a clone for each key, any of them stopped the key.
            failure = pull_failure(reader.context, failed, xcom.UNMAPPED)
            found |= dict.fromkeys(rest, _cause(failed, failure))
    return found


def _before(reader: Reader, clone: CloneSpec) -> Iterator[_Before]:
    """Yield the tasks before a clone, the nearest first, and gates last."""
    todo: list[tuple[CloneSpec, Route]] = [(clone, ())]
    seen, gates = {clone.task_id}, []
    while todo:
        spec, route = todo.pop(0)
        # A gate waits for whole tasks, but only its checks count.
        for task_id in () if _checks_of_gate(reader, spec) else spec.other_upstream:
            if task_id not in seen:
                seen.add(task_id)
                yield _Before(task_id)
        for other, way in _needed(reader, spec):
            if other.task_id not in seen:
                seen.add(other.task_id)
                todo.append((other, (*route, *way)))
                is_gate = bool(_checks_of_gate(reader, other))
                found = _Before(other.task_id, other, (*route, *way), is_gate)
                if is_gate:
                    gates.append(found)
                else:
                    yield found
    yield from gates


def _needed(reader: Reader, spec: CloneSpec) -> Iterator[tuple[CloneSpec, Route]]:
    """Yield the cloned tasks that a clone waits for, each with the route to its keys."""
    yield from ((other, ()) for other in spec.same_key)
    checks = _checks_of_gate(reader, spec) if spec.batches is None else spec.batches.checks
    for check in checks:
        if isinstance(check, SameKey):
            for route in find_routes(spec.space, check.base).found:
                yield check.clone, (*route, *check.via)


def _checks_of_gate(reader: Reader, spec: CloneSpec) -> Sequence[Check]:
    """Return the checks of a gate; none of another task."""
    return getattr(reader.context["dag"].get_task(spec.task_id), "checks", ())


def _find_failed(context: Mapping[str, Any], task_id: str) -> str | None:
    """Return the nearest task that failed: a task, or one before it because of which it could not run.

    Two API calls for each task on the way, however many clones it has.
    """
    todo, seen = [task_id], {task_id}
    while todo:
        each = todo.pop(0)
        if not xcom.has_failed(context, [each]):
            continue
        if xcom.count_in(context, [each], [FAILED]):
            return each
        before = context["dag"].get_task(each).upstream_task_ids - seen
        seen |= before
        todo += sorted(before)
    return None


def _causes_by_key(
    reader: Reader, space: Space, before: _Before, clone: CloneSpec, positions: Sequence[int]
) -> dict[int, Cause]:
    """Return the keys that a cloned task stopped, because it failed for the key that they need."""
    needed = _follow(reader, space, before.route, positions)
    failed = _failed_at(reader, clone, sorted(set(needed.values())))
    return {
        own: _cause(before.task_id, failed[at], is_gate=before.is_gate)
        for own, at in needed.items()
        if at in failed
    }


def _failed_at(reader: Reader, clone: CloneSpec, positions: Sequence[int]) -> dict[int, KeyFailure | None]:
    """Return the positions at which a task failed, each with the error, if it is stored."""
    if clone.batches is not None:
        # Imported here, because most clones run one key.
        from airflow_dynamic_provider.execution.columns.batched import BatchedColumn

        column = BatchedColumn(reader, clone, "")
        return {
            at: column.failure(at, record)
            for at, state, record in column.records(positions)
            if state == FAILED
        }
    failed = [position for position in positions if reader.state(clone.task_id, position) == FAILED]
    stored = read_failures(reader, clone, failed)
    return {at: stored[at].failure if at in stored else None for at in failed}


def _follow(reader: Reader, space: Space, route: Route, positions: Sequence[int]) -> dict[int, int]:
    """Return position -> position of the key that it needs, if there is one, at the end of a route."""
    paths = {position: reader.key_at(space, position) for position in positions}
    for link in route:
        paths = {position: space.path_of_link(link, path) for position, path in paths.items()}
        space = space.links[link]
    if not route:
        return {position: position for position in positions}
    places: dict[KeyPath, int] = {path: position for position, path in reader.paths(space)}
    return {position: places[path] for position, path in paths.items() if path in places}


def _cause(task_id: str, failure: KeyFailure | None, *, is_gate: bool = False) -> Cause:
    # The error of a gate only says what it found.
    kind = None if failure is None or is_gate else failure.kind
    return kind, because(task_id, failure)
