"""The failed keys and tasks of a run, grouped by their errors.

Errors are equal if they differ only in numbers, paths, identifiers and the key itself. So a thousand keys
that failed because one service was down are one group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.error_patterns import name_of_group, pattern_of
from airflow_dynamic_provider.database.failed_keys import MOST_KEYS, read_failed_keys
from airflow_dynamic_provider.database.failures import read_failures
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_dynamic_provider.database.instances import Instance
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo

#: The message of an error that is not stored.
NOT_STORED = "(the error is not stored: the log of the task instance may tell it)"


@dataclass
class FailureGroup:
    """Some failures of one task with the same error.

    Attributes:
        task_id: The task.
        of: The dynamic output whose keys failed; ``None`` if the task has no keys.
        error: The error of the first of them.
        pattern: What their errors have in common.
        names: The keys that failed, or the labels of the task instances.
        positions: The positions of the keys.
    """

    task_id: str
    of: str | None
    error: str
    pattern: str
    names: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    @property
    def group(self) -> str:
        """A short name of the group, for addresses."""
        return name_of_group(self.task_id, self.pattern)


@dataclass(frozen=True)
class GroupedFailures:
    """All failures of a run.

    Attributes:
        groups: The groups, from the largest.
        left_out: The number of failed keys that were not read.
    """

    groups: Sequence[FailureGroup]
    left_out: int


def group_failures(run: OpenRun, spaces: Sequence[SpaceInfo]) -> GroupedFailures:
    """Return the failed keys of some key spaces, and the other failed tasks of the run, by their errors.

    Args:
        run: The Dag run.
        spaces: The key spaces. `MOST_KEYS` of each are read.
    """
    found = [group_keys(Matrix(run.source, info)) for info in spaces]
    others: dict[str, FailureGroup] = {}
    for instance, error in _other_failures(run):
        _add(others, instance.task_id, None, error, instance.label or str(instance.map_index))
    groups = [*(group for each in found for group in each.groups), *others.values()]
    return GroupedFailures(_from_the_largest(groups), sum(each.left_out for each in found))


def group_keys(matrix: Matrix) -> GroupedFailures:
    """Return the failed keys of one key space by their errors."""
    groups: dict[str, FailureGroup] = {}
    failed, left_out = read_failed_keys(matrix)
    paths = matrix.keys.paths or ()
    for key in failed:
        name = render_key(paths[key.position])
        _add(groups, key.task_id, matrix.info.of, key.error, name).positions.append(key.position)
    return GroupedFailures(_from_the_largest(groups.values()), left_out)


def _add(
    groups: dict[str, FailureGroup], task_id: str, of: str | None, error: str | None, name: str
) -> FailureGroup:
    error = error or NOT_STORED
    new = FailureGroup(task_id, of, error, pattern_of(error, name))
    group = groups.setdefault(new.group, new)
    group.names.append(name)
    return group


def _from_the_largest(groups: Iterable[FailureGroup]) -> list[FailureGroup]:
    return sorted(groups, key=lambda group: -len(group.names))


def _other_failures(run: OpenRun) -> Iterator[tuple[Instance, str | None]]:
    """Yield the failed task instances that run for no key of a dynamic output, and their errors."""
    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    by_key = {task_id for info in run.structure.spaces.values() for task_id in info.task_ids}
    others = [task_id for task_id in run.structure.order if task_id not in by_key]
    failed = read_instances(run.source, others, conditions=[TaskInstance.state == FAILED], limit=MOST_KEYS)
    helpers = {task_id for info in run.structure.spaces.values() for task_id in info.helpers}
    errors = read_failures(run.source, failed.values())
    for at, instance in failed.items():
        if instance.task_id not in helpers:
            error = errors.get(at)
            yield instance, None if error is None else str(error)
