"""Finds the clones that a command names by their task and key: ``task[key]``, as Dagster names steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.clearing import Pair, ToClear, with_downstream
from airflow_dynamic_provider.database.key_naming import find_key
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.errors import AmbiguousNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun

# ``task``, ``task[key]`` or ``task[?]`` for all keys; what depends on a step runs again in any case, so that
# the ``*`` or ``+`` that asks for it in Dagster changes nothing.
_STEP = re.compile(r"(?P<task>[^\[\]]+?)(\[(?P<key>.+)\])?[*+]*")

_ALL_KEYS = "?"


def find_steps(run: OpenRun, steps: Sequence[str]) -> ToClear:
    """Return the task instances that would run again: those of the steps, and what depends on them.

    Args:
        run: The Dag run.
        steps: ``task[key]``, ``task[?]`` for all keys, or ``task`` if it is not mapped; ``*`` or ``+`` may
            follow.

    Raises:
        UnknownNameError: There is no such task or key.
        AmbiguousNameError: The task is mapped, and the step names no key.
    """
    starts = [pair for step in steps for pair in _pairs(run, step)]
    return with_downstream(run, starts, starts)


def _pairs(run: OpenRun, step: str) -> Iterator[Pair]:
    match = _STEP.fullmatch(step)
    task_id, key = (match["task"], match["key"]) if match else (step, None)
    of_task = [info for info in run.structure.spaces.values() if task_id in info.task_ids]
    if key is None and of_task:
        raise AmbiguousNameError(
            f"the task {task_id!r} has a task instance for each key",
            remedy=f"Name a key, {task_id}[KEY], or all of them: {task_id}[{_ALL_KEYS}].",
        )
    if key is None:
        if task_id not in run.structure.order:
            raise unknown(f"task {task_id!r}", f"the Dag {run.dag_id!r}", task_id, run.structure.order)
        yield task_id, UNMAPPED
        return
    if not of_task:
        mapped = [each for info in run.structure.spaces.values() for each in info.task_ids]
        raise unknown(f"mapped task {task_id!r}", f"the Dag {run.dag_id!r}", task_id, mapped)
    keys = read_keys(run.source, of_task[0])
    named = keys.positions if key == _ALL_KEYS else find_key(run, key, of_task[0].of).paths
    for path in named:
        yield task_id, keys.positions[path]
