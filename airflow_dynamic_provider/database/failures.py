"""Why task instances failed, and why others could not run because of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, UPSTREAM_FAILED
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.failures import StoredFailure, because
from airflow_dynamic_provider.execution.layout import FAILURE_XCOM, NOT_STARTED_XCOM, StoredNotStarted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.failures import KeyFailure

    Pair = tuple[str, int]

#: The states of a task instance whose last try failed.
FAILED_TRY = frozenset({FAILED, "up_for_retry"})

# The fields of a stored error without its traceback.
_ERROR_FIELDS = ("version", "readable_by", "type", "message", "attempt")


def read_failures(source: RunSource, instances: Iterable[Instance]) -> dict[Pair, KeyFailure]:
    """Return (task, map index) -> error, for the task instances that failed and stored it.

    This takes one query if one of them failed, and none otherwise.

    Args:
        source: The run.
        instances: The task instances.
    """
    failed = {each.pair: each for each in instances if each.state in FAILED_TRY}
    if not failed:
        return {}
    stored = source.pull_some(
        {task_id for task_id, _ in failed}, FAILURE_XCOM, {index for _, index in failed}, keep_errors=True
    )
    found = {at: _of_last_try(stored.get(at), instance) for at, instance in failed.items()}
    return {at: failure for at, failure in found.items() if failure is not None}


def read_errors(source: RunSource, instances: Iterable[Instance]) -> dict[Pair, str]:
    """Return the same without tracebacks, which are long, for any number of task instances."""
    failed = {each.pair: each for each in instances if each.state in FAILED_TRY}
    if not failed:
        return {}
    task_ids, indexes = {task_id for task_id, _ in failed}, {index for _, index in failed}
    stored = source.pull_parts(task_ids, FAILURE_XCOM, indexes, _ERROR_FIELDS)
    found = {at: _of_last_try(stored.get((*at, FAILURE_XCOM)), instance) for at, instance in failed.items()}
    return {at: str(failure) for at, failure in found.items() if failure is not None}


def _of_last_try(stored: Any, instance: Instance) -> KeyFailure | None:
    try:
        found = StoredFailure.unpack(stored)
    except LayoutError:
        # There is none, or a later release has stored it. A page can do without.
        return None
    return found.failure if found.attempt == instance.try_number else None


def read_not_started(source: RunSource, instances: Iterable[Instance]) -> dict[Pair, str]:
    """Return (task, map index) -> why a clone was not started, for the clones that a limit stopped.

    This takes one query if a task instance was skipped, and none otherwise.

    Args:
        source: The run.
        instances: The task instances.
    """
    skipped = [each.pair for each in instances if each.state == SKIPPED]
    if not skipped:
        return {}
    stored = source.pull_some(
        {task_id for task_id, _ in skipped}, NOT_STARTED_XCOM, {index for _, index in skipped}
    )
    return {at: StoredNotStarted.unpack(stored[at]).reason for at in skipped if at in stored}


def read_causes(
    source: RunSource, clones: Mapping[str, CloneSpec], blocked: Collection[Pair]
) -> dict[Pair, str]:
    """Return (task, position) -> why the clone could not run, for some clones that are upstream_failed.

    This takes two queries if there are such clones, and none otherwise.

    Args:
        source: The run.
        clones: The specifications of the clones of the key space, by task.
        blocked: The clones.
    """
    before = {task_id: list(_upstream(clones[task_id])) for task_id, _ in blocked}
    if not before:
        return {}
    wanted = {each for upstream in before.values() for each, _ in upstream}
    instances = read_instances(source, wanted, {UNMAPPED, *(position for _, position in blocked)})
    failures = read_failures(source, instances.values())
    found: dict[Pair, str] = {}
    for task_id, position in blocked:
        for other, is_same_key in before[task_id]:
            at = (other, position if is_same_key else UNMAPPED)
            instance = instances.get(at)
            if instance is not None and instance.state == FAILED:
                found[task_id, position] = because(other, failures.get(at))
                break
    return found


def _upstream(spec: CloneSpec) -> Iterable[tuple[str, bool]]:
    """Yield the tasks upstream of a clone, the nearest first, and whether they run for the same key."""
    todo, seen = [spec], {spec.task_id}
    while todo:
        each = todo.pop(0)
        for other in each.other_upstream:
            yield other, False
        for clone in each.same_key:
            if clone.task_id not in seen:
                seen.add(clone.task_id)
                todo.append(clone)
                yield clone.task_id, True


def is_blocked(instance: Instance) -> bool:
    """Return whether a task instance could not run because of one that failed."""
    return instance.state == UPSTREAM_FAILED
