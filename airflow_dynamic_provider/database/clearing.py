"""Clears task instances in Airflow's database, with everything that depends on them and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.downstream import ALL, Found, find_downstream
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.database.parts import parts
from airflow_dynamic_provider.definitions.keys import render_label
from airflow_dynamic_provider.definitions.states import REMOVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath

Pair = tuple[str, int]


@dataclass(frozen=True)
class ToClear:
    """The task instances that would run again.

    Attributes:
        instances: The task instances, by task and map index.
        markers: The same for Airflow's API: a task id for all its task instances, or (task id, map index).
        labels: (task, map index) -> its label: its key, or the name of a node.
        warning: A warning for the user who clears them; empty if there is none.
        removed: The task instances whose keys are gone. They are cleared too, because Airflow would not
            bring them back when keys take their positions again. Without keys, Airflow removes them again.
    """

    instances: Sequence[Instance]
    markers: Sequence[str | Pair]
    labels: Mapping[Pair, str] = field(default_factory=dict)
    warning: str = ""
    removed: Sequence[Instance] = ()

    def label(self, instance: Instance) -> str:
        """Return the key or node name of a task instance; empty if it is not mapped."""
        if instance.map_index < 0:
            return ""
        return self.labels.get((instance.task_id, instance.map_index)) or instance.label or ""


def with_downstream(
    run: OpenRun,
    pairs: Iterable[Pair],
    starts: Iterable[Pair],
    labels: Mapping[Pair, str] | None = None,
    warning: str = "",
) -> ToClear:
    """Return the existing task instances that run again.

    Args:
        run: The Dag run.
        pairs: (task, map index) of task instances that run again.
        starts: (task, map index) of task instances that run again with everything that depends on them.
        labels: (task, map index) -> its label, if that is not its key.
        warning: A warning for the user who clears them.
    """
    keys = _Keys(run)
    wanted = find_downstream(run.structure, _by_task(starts), keys.paths_of)
    for task_id, indexes in _by_task(pairs).items():
        known = wanted.setdefault(task_id, set())
        wanted[task_id] = ALL if known is ALL else known | indexes
    existing = [each for _, each in sorted(read_instances(run.source, wanted).items())] if wanted else []
    found = [each for each in existing if _is_wanted(wanted, each)]
    instances = [each for each in found if each.state != REMOVED]
    return ToClear(
        instances,
        _markers(found, existing),
        {**keys.labels(instances), **(labels or {})},
        warning,
        [each for each in found if each.state == REMOVED],
    )


def _is_wanted(wanted: Found, instance: Instance) -> bool:
    indexes = wanted[instance.task_id]
    # A mapped task that was never expanded has a single task instance.
    return indexes is ALL or instance.map_index in indexes or instance.map_index == UNMAPPED


def _markers(found: Iterable[Instance], existing: Iterable[Instance]) -> list[str | Pair]:
    """Return the task id where all task instances of a task are found, else (task id, map index) for each."""
    counts = Counter(instance.task_id for instance in existing)
    markers: list[str | Pair] = []
    for task_id, indexes in _by_task((each.task_id, each.map_index) for each in found).items():
        is_whole = len(indexes) == counts[task_id]
        markers += [task_id] if is_whole else [(task_id, index) for index in sorted(indexes)]
    return markers


class _Keys:
    """The keys of a run's spaces, each read once."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._known: dict[str, list[KeyPath]] = {}

    def paths_of(self, info: SpaceInfo) -> list[KeyPath]:
        """Return the key paths of a space, by position."""
        if info.of not in self._known:
            self._known[info.of] = list(read_keys(self._run.source, info).paths or ())
        return self._known[info.of]

    def labels(self, instances: Iterable[Instance]) -> dict[Pair, str]:
        """Return (task, map index) -> key, of clones. Airflow has no label for clones that never started."""
        found = {}
        for instance in instances:
            info = self._run.structure.space_of(instance.task_id)
            paths = [] if info is None else self.paths_of(info)
            if 0 <= instance.map_index < len(paths):
                found[instance.task_id, instance.map_index] = render_label(paths[instance.map_index])
        return found


def clear(run: OpenRun, to_clear: ToClear) -> None:
    """Clear the task instances, so that the scheduler runs them again. An ended run is queued again."""
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, clear_task_instances

    every = (*to_clear.instances, *to_clear.removed)
    by_task = _by_task((each.task_id, each.map_index) for each in every)
    found: list[Any] = []
    for task_id, indexes in by_task.items():
        for part in parts(indexes):
            wanted = select(TaskInstance).where(
                *run.source.instances_of([task_id]), TaskInstance.map_index.in_(part)
            )
            found += run.session.scalars(wanted)
    clear_task_instances(found, run.session)


def _by_task(pairs: Iterable[Pair]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for task_id, map_index in pairs:
        found.setdefault(task_id, set()).add(map_index)
    return found
