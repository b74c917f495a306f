"""Clears task instances in Airflow's database, with everything that depends on them and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.batch_clearing import KeptKeys, Parts, divide
from airflow_dynamic_provider.database.downstream import ALL, Found, find_downstream
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.definitions.keys import name_keys, render_label
from airflow_dynamic_provider.definitions.states import FAILED, REMOVED
from airflow_dynamic_provider.execution.layout import keep_xcom

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath

Pair = tuple[str, int]

# The number of task instances that are cleared at once.
_AT_ONCE = 400


@dataclass(frozen=True)
class ToClear:
    """The task instances that would run again.

    It reads only what it is asked for, because there may be hundreds of thousands.

    Attributes:
        run: The Dag run.
        wanted: Task -> map indexes, `ALL` for every task instance of the task.
        keys: The keys of the run.
        named: (task, map index) -> its label, if that is not its key.
        warning: A warning for the user who clears them; empty if there is none.
        parts: (Batched task, number of the batch) -> positions of the keys that run again; all keys of the
            batch if it is missing.
    """

    run: OpenRun
    wanted: Found
    keys: RunKeys
    named: Mapping[Pair, str] = field(default_factory=dict)
    warning: str = ""
    parts: Parts = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Their number. Task instances whose keys are gone are not counted."""
        return sum(count for (_, is_removed), count in self._found.items() if not is_removed)

    @property
    def task_ids(self) -> set[str]:
        """The tasks that have any."""
        return {task_id for task_id, is_removed in self._found if not is_removed}

    def first(self, limit: int | None = None) -> list[Instance]:
        """Return the first of them, or all. Those whose keys are gone are left out.

        Those that failed come first, then the others of keys and nodes, then those of collectors and helpers,
        each in the order in which the tasks run.
        """
        from sqlalchemy import case, func

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        if not self.wanted:
            return []
        is_there = func.coalesce(TaskInstance.state, "none") != REMOVED
        ranks = {task_id: number for number, task_id in enumerate(sorted(self.wanted, key=self._rank))}
        order = [case((TaskInstance.state == FAILED, 0), else_=1), case(ranks, value=TaskInstance.task_id)]
        found = read_instances(
            self.run.source, self.wanted, None, [self._is_wanted, is_there], limit or self.total, order
        )
        return list(found.values())

    def markers(self, limit: int | None = None) -> list[str | Pair] | None:
        """Return the same for Airflow's API: a task id for all its task instances, or (task id, map index).

        It contains the task instances whose keys are gone. Airflow would not bring them back when keys take
        their positions again. Without keys, Airflow removes them again.

        Args:
            limit: The maximum number of markers. If there are more, the result is ``None``. It also is if
                only some keys of batches run again, because Airflow's API would run all of them.
        """
        if self.parts:
            return None
        whole = {task_id for task_id, count in self._existing.items() if self._count(task_id) == count}
        parted = {task_id: self._count(task_id) for task_id in self._existing if task_id not in whole}
        if limit is not None and len(whole) + sum(parted.values()) > limit:
            return None
        pairs = self._pairs([task_id for task_id, count in parted.items() if count])
        markers: list[str | Pair] = [*whole, *pairs]
        return sorted(markers, key=lambda each: (each, -1) if isinstance(each, str) else each)

    def all_of_them(self) -> Iterator[list[Pair]]:
        """Yield (task, map index) of all of them, also of those whose keys are gone, some at a time."""
        todo = iter(self._pairs(self._existing))
        while some := list(islice(todo, _AT_ONCE)):
            yield some

    def label(self, instance: Instance) -> str:
        """Return the key or node name of a task instance; empty if it is not mapped.

        For a batch, it names the keys that run again.
        """
        at = instance.pair
        if instance.map_index < 0:
            return ""
        if at in self.parts:
            named = name_keys(self.keys.at(instance.task_id, self.parts[at]))
            # A batch that never started has no label.
            return f"{named} of {instance.label}" if instance.label else named
        return self.named.get(at) or self.keys.label(at) or instance.label or ""

    def _rank(self, task_id: str) -> tuple[bool, int]:
        order = self.run.structure.order
        return task_id not in self._own_ids, order.index(task_id) if task_id in order else len(order)

    @cached_property
    def _own_ids(self) -> set[str]:
        """The author's tasks that run for keys, and those that run nodes of workflows."""
        structure = self.run.structure
        columns = {task_id for info in structure.spaces.values() for task_id in info.task_ids}
        return columns.union(*(spec.node_task_ids for spec in structure.workflows.values()))

    def _count(self, task_id: str) -> int:
        return sum(self._found.get((task_id, is_removed), 0) for is_removed in (False, True))

    @cached_property
    def _existing(self) -> dict[str, int]:
        """Task -> number of its task instances."""
        return {task_id: count for (task_id,), count in self._counted().items()}

    @cached_property
    def _found(self) -> dict[tuple[str, bool], int]:
        """(Task, whether the keys are gone) -> number of task instances that run again."""
        from sqlalchemy import func

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        states = self._counted(func.coalesce(TaskInstance.state, "none"), conditions=[self._is_wanted])
        found: dict[tuple[str, bool], int] = {}
        for (task_id, state), count in states.items():
            at = (task_id, state == REMOVED)
            found[at] = found.get(at, 0) + count
        return found

    def _counted(self, *columns: Any, conditions: Sequence[Any] = ()) -> dict[Any, int]:
        """Return (task, other columns) -> number of task instances."""
        from sqlalchemy import func, select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        groups = (TaskInstance.task_id, *columns)
        wanted = select(*groups, func.count()).where(*self.run.source.instances_of(self.wanted), *conditions)
        rows = self.run.session.execute(wanted.group_by(*groups)) if self.wanted else ()
        return {tuple(group): count for *group, count in rows}

    def _pairs(self, task_ids: Iterable[str]) -> list[Pair]:
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        columns = (TaskInstance.task_id, TaskInstance.map_index)
        wanted = select(*columns).where(*self.run.source.instances_of(list(task_ids)), self._is_wanted)
        return [(task_id, index) for task_id, index in self.run.session.execute(wanted.order_by(*columns))]

    @cached_property
    def _is_wanted(self) -> Any:
        """The condition that finds them among the task instances of their tasks."""
        from sqlalchemy import and_, false, or_

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        by_indexes: dict[frozenset[int] | None, list[str]] = {}
        for task_id, indexes in self.wanted.items():
            by_indexes.setdefault(ALL if indexes is ALL else frozenset(indexes), []).append(task_id)
        return or_(
            false(),
            *(
                TaskInstance.task_id.in_(task_ids)
                if indexes is ALL
                # A mapped task that was never expanded has a single task instance.
                else and_(
                    TaskInstance.task_id.in_(task_ids), among(TaskInstance.map_index, {*indexes, UNMAPPED})
                )
                for indexes, task_ids in by_indexes.items()
            ),
        )


def with_downstream(
    run: OpenRun,
    pairs: Iterable[Pair],
    starts: Iterable[Pair],
    labels: Mapping[Pair, str] | None = None,
    warning: str = "",
) -> ToClear:
    """Return the existing task instances that run again.

    For a task that runs its keys in batches, the position of a key stands in place of a map index.

    Args:
        run: The Dag run.
        pairs: (task, map index) of task instances that run again.
        starts: (task, map index) of task instances that run again with everything that depends on them.
        labels: (task, map index) -> its label, if that is not its key.
        warning: A warning for the user who clears them.
    """
    keys = RunKeys(run)
    found = find_downstream(run.structure, _by_task(starts), keys.paths_of)
    for task_id, indexes in _by_task(pairs).items():
        known = found.setdefault(task_id, set())
        found[task_id] = ALL if known is ALL else known | indexes
    wanted, parts = divide(run, found)
    return ToClear(run, wanted, keys, labels or {}, warning, parts)


class RunKeys:
    """The keys of a run's spaces, each read once."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._known: dict[str, list[KeyPath]] = {}

    def paths_of(self, info: SpaceInfo) -> list[KeyPath]:
        """Return the key paths of a space, by position."""
        if info.of not in self._known:
            self._known[info.of] = list(read_keys(self._run.source, info).paths or ())
        return self._known[info.of]

    def at(self, task_id: str, positions: Iterable[int]) -> list[KeyPath]:
        """Return the key paths at some positions of the space that a task is cloned for, in order."""
        info = self._run.structure.space_of(task_id)
        paths = [] if info is None else self.paths_of(info)
        return [paths[position] for position in sorted(positions)]

    def label(self, at: Pair) -> str | None:
        """Return the key of a clone; ``None`` if it is none. Airflow has no label before a clone starts."""
        task_id, map_index = at
        info = self._run.structure.space_of(task_id)
        paths = [] if info is None or task_id in info.batched else self.paths_of(info)
        return render_label(paths[map_index]) if 0 <= map_index < len(paths) else None


def clear(run: OpenRun, to_clear: ToClear, *, keep_results: bool = False) -> None:
    """Clear the task instances, so that the scheduler runs them again. An ended run is queued again.

    The scheduler sees nothing of it before the transaction ends.

    Args:
        run: The Dag run.
        to_clear: The task instances.
        keep_results: Whether cached tasks may use results that are kept. Otherwise they compute them again.

    Raises:
        LayoutError: Another release has stored what became of the other keys of a batch.
        ReadError: What became of the other keys of a batch cannot be loaded.
    """
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, clear_task_instances, store_xcom

    kept = KeptKeys(run, to_clear.parts)
    found: list[Any] = []
    for pairs in to_clear.all_of_them():
        for task_id, indexes in _by_task(pairs).items():
            wanted = select(TaskInstance).where(
                *run.source.instances_of([task_id]), among(TaskInstance.map_index, indexes)
            )
            found += run.session.scalars(wanted)
    clear_task_instances(found, run.session)
    kept.store()
    if keep_results:
        for ti in found:
            place = {"dag_id": ti.dag_id, "run_id": ti.run_id, "task_id": ti.task_id}
            store_xcom(run.session, keep_xcom(ti.max_tries), True, map_index=ti.map_index, **place)


def _by_task(pairs: Iterable[Pair]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for task_id, map_index in pairs:
        found.setdefault(task_id, set()).add(map_index)
    return found
