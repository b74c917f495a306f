"""Reads what became of each task and key from the values and states of a run in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.in_memory import reading
from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, pull, state_at
from airflow_dynamic_provider.authoring.dag_graphs import ensure_graph_of
from airflow_dynamic_provider.definitions.declarations import DynamicOut
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, render_key
from airflow_dynamic_provider.definitions.states import FAILED, SUCCESS
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.helpers import NestedKeysOperator
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator
from airflow_dynamic_provider.execution.sources import ItemSource, ResultSource
from airflow_dynamic_provider.execution.spaces import ProducedSpace
from airflow_dynamic_provider.execution.typed_values import value_of
from airflow_dynamic_provider.local.results import LocalOutcome, LocalTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from airflow.sdk import DAG

    from airflow_dynamic_provider.airflow_adapter.in_memory import MemoryRun
    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask
    from airflow_dynamic_provider.execution.sources import Source
    from airflow_dynamic_provider.local.scheduling import Scheduler


def keep_outputs(dag: DAG) -> None:
    """Have each task keep all its dynamic outputs in the form that is read here, as if all were collected."""
    for task in dag.tasks:
        if isinstance(task, DynamicTaskOperator):
            task.collected_outputs |= {
                name for name, out in task.declarations.items() if isinstance(out, DynamicOut)
            }


def read_tasks(run: MemoryRun, scheduler: Scheduler) -> dict[str, LocalTask]:
    """Return what became of the author's tasks, in the order in which they ran."""
    graph = ensure_graph_of(run.dag)
    helpers = graph.helpers | graph.gate_ids
    ran = dict.fromkeys(task_id for task_id, _ in run.memory.states if task_id not in helpers)
    tasks = {}
    for task_id in ran:
        task = run.dag.get_task(task_id)
        with reading(run, task) as context:
            outcomes = _Outcomes(run, scheduler, context, task)
            clone = graph.clones.get(task_id)
            tasks[task_id] = outcomes.of_task() if clone is None else outcomes.of_clone(clone)
    return tasks


class _Outcomes:
    """Reads the outcomes of one task."""

    def __init__(
        self, run: MemoryRun, scheduler: Scheduler, context: MutableMapping[str, Any], task: Any
    ) -> None:
        self._states = run.memory.states
        self._scheduler = scheduler
        self._context = context
        self._task = task
        self._declared: Mapping[str, Any] = getattr(task, "declarations", {})
        self._spaces = {
            (each.space.producer_id, each.space.output): each.space
            for each in run.dag.tasks
            if isinstance(each, NestedKeysOperator)
        }

    def of_task(self) -> LocalTask:
        """Return the outcome of a task of the author that the package does not map."""
        task_id = self._task.task_id
        indexes = sorted(index for each, index in self._states if each == task_id)
        if indexes == [UNMAPPED]:
            return LocalTask(task_id, once=self._instance(UNMAPPED, self._value_once()))
        found = {str(index): self._instance(index, self._returned(index)) for index in indexes}
        return LocalTask(task_id, keys=found)

    def of_clone(self, clone: ClonedTask) -> LocalTask:
        """Return the outcome of a task for each of its keys."""
        task_id = self._task.task_id
        reader = Reader(self._context, self._states)
        if self._states.get((clone.spec.space.keys_task_id, UNMAPPED)) != SUCCESS:
            return LocalTask(task_id, keys={}, once=self._instance(UNMAPPED, None))
        paths = reader.keys(clone.spec.space)
        values = self._values_of(reader, clone, len(paths))
        outcome = self._instance if clone.cut is None else _Batched(clone, reader).outcome
        found = {render_key(path): outcome(index, values.get(index)) for index, path in enumerate(paths)}
        return LocalTask(task_id, keys=found)

    def _instance(self, index: int, value: Any) -> LocalOutcome:
        own = (self._task.task_id, index)
        state = state_at(self._states, *own) or FAILED
        stored = pull(self._context, own[0], layout.METADATA_XCOM, index)
        return LocalOutcome(
            state=state,
            value=value if state == SUCCESS else None,
            error=self._scheduler.errors.get(own) if state == FAILED else None,
            metadata={} if stored is None else layout.StoredMetadata.unpack(stored).outputs,
            tries=self._scheduler.tries.get(own, 0),
        )

    def _returned(self, index: int) -> Any:
        return pull(self._context, self._task.task_id, layout.RETURN_VALUE, index)

    def _value_once(self) -> Any:
        if self._states[self._task.task_id, UNMAPPED] != SUCCESS:
            return None
        return {name: self._output(name) for name in self._declared} if self._declared else self._returned(-1)

    def _output(self, name: str) -> Any:
        """Return an output of a task that runs once: of a dynamic one, key -> value."""
        out = self._declared[name]
        task_id = self._task.task_id
        if not isinstance(out, DynamicOut):
            stored = pull(self._context, task_id, name if len(self._declared) > 1 else layout.RETURN_VALUE)
            return value_of(stored, out.type) if layout.holds_typed(stored) else stored
        xcom = layout.keys_xcom(name, is_only=_is_only(self._declared))
        space = ProducedSpace(task_id, xcom, None, task_id, name, out.is_required)
        return {path[-1]: value for path, value in self._items(ItemSource(space, out.type))}

    def _values_of(self, reader: Reader, clone: ClonedTask, count: int) -> dict[int, Any]:
        """Return position -> value of a cloned task."""
        if not self._declared:
            return self._results(reader, clone, range(count))
        produced: dict[int, Any] = {index: {} for index in range(count)}
        positions = {path: index for index, path in enumerate(reader.keys(clone.spec.space))}
        for name, out in self._declared.items():
            if not isinstance(out, DynamicOut):
                used = range(count) if name in clone.spec.stored_outputs else range(0)
                for index, value in _read(reader, ResultSource(clone.spec, name), used).items():
                    produced[index][name] = value
                continue
            for index in produced:
                produced[index][name] = {}
            space = self._spaces[self._task.task_id, name]
            for path, value in self._items(ItemSource(space, out.type)):
                produced[positions[path[:-1]]][name][path[-1]] = value
        return produced

    def _results(self, reader: Reader, clone: ClonedTask, indexes: range) -> dict[int, Any]:
        source = ResultSource(clone.spec, DEFAULT_OUTPUT)
        if DEFAULT_OUTPUT in clone.spec.stored_outputs:
            return _read(reader, source, indexes)
        # Nothing uses the results. A batch does not store them then, and Airflow stores each of the others.
        return {index: source.value_of(self._returned(index)) for index in indexes if clone.cut is None}

    def _items(self, source: ItemSource) -> Iterator[tuple[tuple[str, ...], Any]]:
        reader = Reader(self._context, self._states)
        paths = reader.keys(source.space)
        for index, value in _read(reader, source, range(len(paths))).items():
            yield paths[index], value


class _Batched:
    """Reads the outcomes of the keys of a batched task from the records of its batches."""

    def __init__(self, clone: ClonedTask, reader: Reader) -> None:
        # Imported here, because most Dags have no batches.
        from airflow_dynamic_provider.execution.columns.batched import BatchedColumn

        self._column = BatchedColumn(reader, clone.spec, DEFAULT_OUTPUT)

    def outcome(self, index: int, value: Any) -> LocalOutcome:
        """Return the outcome of a key."""
        ((_, state, record),) = self._column.records([index])
        error = self._column.error(index) if state == FAILED else None
        if record is None:
            return LocalOutcome(state, error=error)
        return LocalOutcome(
            state=state,
            value=value if state == SUCCESS else None,
            error=error,
            metadata=layout.StoredMetadata.unpack(record.metadata).outputs if record.metadata else {},
            tries=record.tries,
        )


def _read(reader: Reader, source: Source, indexes: range) -> dict[int, Any]:
    """Return position -> value, for the keys that succeeded."""
    fetched = make_column(reader, source).fetch(indexes)
    return {
        index: source.value_of(value) for index, (outcome, value) in fetched.items() if outcome == SUCCESS
    }


def _is_only(declared: Mapping[str, Any]) -> bool:
    return sum(isinstance(out, DynamicOut) for out in declared.values()) == 1
