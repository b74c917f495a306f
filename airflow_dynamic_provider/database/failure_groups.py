"""The failed keys and tasks of a run, grouped by their errors.

Errors are equal if they differ only in numbers, paths, identifiers and the key itself. So a thousand keys
that failed because one service was down are one group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.failures import read_failures
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dynamic_provider.database.instances import Instance
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo

#: The number of failed keys of one dynamic output that are read.
MOST_KEYS = 10_000

#: The message of an error that is not stored.
NOT_STORED = "(the error is not stored: the log of the task instance may tell it)"

_AT_ONCE = 400

# What differs between errors that have the same cause, from the longest to the shortest.
_VARIABLE = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{12,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?:[a-z]+:/)?(?:/[^\s/:'\"]+)+/?", re.IGNORECASE), "<path>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)


@dataclass
class FailureGroup:
    """Some failures of one task with the same error.

    Attributes:
        task_id: The task.
        of: The dynamic output whose keys failed; ``None`` if the task has no keys.
        error: The error of the first of them.
        names: The keys that failed, or the labels of the task instances.
    """

    task_id: str
    of: str | None
    error: str
    names: list[str]


@dataclass(frozen=True)
class GroupedFailures:
    """All failures of a run.

    Attributes:
        groups: The groups, from the largest.
        left_out: The number of failed keys that were not read.
    """

    groups: Sequence[FailureGroup]
    left_out: int


def pattern_of(error: str, name: str = "") -> str:
    """Return an error without what may differ between errors of the same cause.

    Args:
        error: The error.
        name: The key that failed.
    """
    if name:
        error = error.replace(name, "<key>")
    for variable, placeholder in _VARIABLE:
        error = variable.sub(placeholder, error)
    return error


def group_failures(run: OpenRun, spaces: Sequence[SpaceInfo]) -> GroupedFailures:
    """Return the failed keys of some key spaces, and the other failed tasks of the run, by their errors.

    Args:
        run: The Dag run.
        spaces: The key spaces. Their keys are read some at a time, and `MOST_KEYS` of each at most.
    """
    groups: dict[tuple[str, str], FailureGroup] = {}
    left_out = 0

    def add(task_id: str, of: str | None, error: str | None, name: str) -> None:
        told = error or NOT_STORED
        group = groups.setdefault((task_id, pattern_of(told, name)), FailureGroup(task_id, of, told, []))
        group.names.append(name)

    for info in spaces:
        matrix = Matrix(run.source, info)
        positions = matrix.choose(Query(states=(FAILED,)))
        left_out += max(0, len(positions) - MOST_KEYS)
        for start in range(0, min(len(positions), MOST_KEYS), _AT_ONCE):
            for row in matrix.rows(positions[start : start + _AT_ONCE]):
                for task_id, cell in row.cells.items():
                    if cell is not None and cell.state == FAILED:
                        add(task_id, info.of, cell.error, render_key(row.key_path))
    for instance, error in _other_failures(run):
        add(instance.task_id, None, error, instance.label or str(instance.map_index))
    return GroupedFailures(sorted(groups.values(), key=lambda group: -len(group.names)), left_out)


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
