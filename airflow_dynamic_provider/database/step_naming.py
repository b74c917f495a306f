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
    from airflow_dynamic_provider.execution.spaces import KeyPath

# ``task``, ``task[key]`` or ``task[?]`` for all keys. A ``*`` before it adds all that it depends on, and each
# ``+`` one level of it. What depends on a step runs again in any case, so that the ``*`` or ``+`` behind it,
# which asks for it in Dagster, changes nothing.
_STEP = re.compile(r"(?P<before>\*|\+*)(?P<task>[^\[\]*+]+)(\[(?P<key>.+)\])?[*+]*")

_ALL_KEYS = "?"


def find_steps(run: OpenRun, steps: Sequence[str]) -> ToClear:
    """Return the task instances that would run again: those of the steps, and what depends on them.

    Args:
        run: The Dag run.
        steps: ``task[key]``, ``task[?]`` for all keys, or ``task`` if it is not mapped; ``*`` or ``+`` may
            come before and follow.

    Raises:
        UnknownNameError: There is no such task or key.
        AmbiguousNameError: The task is mapped, and the step names no key.
    """
    starts = [pair for step in steps for pair in _pairs(run, step)]
    return with_downstream(run, starts, starts)


def _pairs(run: OpenRun, step: str) -> Iterator[Pair]:
    match = _STEP.fullmatch(step)
    task_id, key = (match["task"], match["key"]) if match else (step, None)
    paths = _paths(run, task_id, key)
    yield from _at(run, task_id, paths)
    before = match["before"] if match else ""
    levels = len(run.structure.order) if before == "*" else len(before)
    for each in _upstream(run, task_id, levels):
        yield from _at(run, each, paths)


def _paths(run: OpenRun, task_id: str, key: str | None) -> list[KeyPath] | None:
    """Return the key paths that a step names, ``None`` if its task is not mapped."""
    of_task = [info for info in run.structure.spaces.values() if task_id in info.task_ids]
    if key is None and of_task:
        raise AmbiguousNameError(
            f"the task {task_id!r} has a task instance for each key",
            remedy=f"Name a key, {task_id}[KEY], or all of them: {task_id}[{_ALL_KEYS}].",
        )
    if key is None:
        if task_id not in run.structure.order:
            raise unknown(f"task {task_id!r}", f"the Dag {run.dag_id!r}", task_id, run.structure.order)
        return None
    if not of_task:
        mapped = [each for info in run.structure.spaces.values() for each in info.task_ids]
        raise unknown(f"mapped task {task_id!r}", f"the Dag {run.dag_id!r}", task_id, mapped)
    if key == _ALL_KEYS:
        return list(read_keys(run.source, of_task[0]).positions)
    return list(find_key(run, key, of_task[0].of).paths)


def _at(run: OpenRun, task_id: str, paths: list[KeyPath] | None) -> Iterator[Pair]:
    """Yield the task instances of a task for some keys, or the keys around them; else for all its keys."""
    info = run.structure.space_of(task_id)
    if info is None:
        yield task_id, UNMAPPED
        return
    positions = read_keys(run.source, info).positions
    around = {path[: info.space.depth] for path in paths or ()} & positions.keys()
    for path in around or positions:
        yield task_id, positions[path]


def _upstream(run: OpenRun, task_id: str, levels: int) -> set[str]:
    """Return the author's tasks that a task depends on. Tasks of the package are no level."""
    found: set[str] = set()
    level = {task_id}
    for _ in range(levels):
        level = {each for before in level for each in _before(run, before)} - found
        found |= level
        if not level:
            break
    return found


def _before(run: OpenRun, task_id: str) -> Iterator[str]:
    for each in run.structure.upstream[task_id]:
        if run.structure.document(each).is_helper:
            yield from _before(run, each)
        else:
            yield each
