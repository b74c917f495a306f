"""The results of an embedded run as plain values, without a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class EmbeddedTaskInstance:
    """A task instance that has ended.

    Attributes:
        task_id: Its task.
        map_index: Its map index; -1 if it is not mapped.
        label: Its label in Airflow's UI, which is the mapping key of a clone; ``None`` if it is not mapped.
        state: Its final state.
        results: XCom key -> value, for everything that it returned or pushed.
        metadata: The metadata of its outputs.
        error: The last error that it raised, if it failed.
    """

    task_id: str
    map_index: int
    label: str | None
    state: str | None
    results: Mapping[str, Any] = field(default_factory=dict)
    metadata: layout.StoredMetadata = field(default_factory=layout.StoredMetadata)
    error: BaseException | str | None = None

    @property
    def result(self) -> Any:
        """The return value of its operator."""
        return self.results.get(layout.RETURN_VALUE)

    @property
    def name(self) -> str:
        """The task id, with the label of a mapped task instance."""
        return self.task_id if self.label is None else f"{self.task_id}[{self.label}]"


@dataclass(frozen=True)
class EmbeddedRun:
    """A Dag run that has ended.

    Attributes:
        dag_id: The Dag.
        run_id: The run.
        state: Its final state.
        seconds: Its duration in seconds.
        task_instances: Its task instances, in the order in which they started.
        keys_in_batches: Task that ran its keys in batches -> the result of each key, with its position as map
            index. A gate in front of batches has none.
    """

    dag_id: str
    run_id: str
    state: str
    seconds: float
    task_instances: tuple[EmbeddedTaskInstance, ...]
    keys_in_batches: Mapping[str, tuple[EmbeddedTaskInstance, ...]] = field(default_factory=dict)

    @property
    def exit_status(self) -> int:
        """0 if the run succeeded, else 1."""
        return 0 if self.state == "success" else 1

    def result(self, task_id: str) -> Any:
        """Return the return value of a task that is not mapped.

        Raises:
            LookupError: The run has no such task instance.
        """
        for ti in self.task_instances:
            if ti.task_id == task_id and ti.map_index == UNMAPPED:
                return ti.result
        raise LookupError(f"the run has no task instance {task_id!r} that is not mapped")
