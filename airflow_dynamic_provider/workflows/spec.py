"""What the tasks of one workflow in a Dag have to know of each other, written while the Dag file is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FailurePolicy = Literal["fail_fast", "run_all"]


@dataclass(frozen=True)
class KindTasks:
    """The two tasks of a kind of node.

    Attributes:
        task_id: The task that is cloned for each node.
        list_task_id: The task that holds the list of nodes, over which Airflow expands that one.
        plans: Whether its nodes plan further nodes when their inputs exist.
    """

    task_id: str
    list_task_id: str
    plans: bool = False


@dataclass(frozen=True)
class WorkflowSpec:
    """One workflow of a Dag.

    Attributes:
        name: Its task group.
        plan_task_id: The planning task.
        result_task_id: The task that returns the workflow's outputs.
        kinds: Kind -> its tasks.
        failure_policy: What one failed node means for the others.
        timeout: How many seconds the whole graph may take; ``None`` for no limit.
        max_nodes: How many nodes it may have.
        is_mapped: Whether there is a graph for each key of a map.
    """

    name: str
    plan_task_id: str
    result_task_id: str
    kinds: Mapping[str, KindTasks]
    failure_policy: FailurePolicy = "fail_fast"
    timeout: float | None = None
    max_nodes: int = 1000
    is_mapped: bool = False

    @property
    def may_grow(self) -> bool:
        """Whether nodes may be added while others run."""
        return any(kind.plans for kind in self.kinds.values())

    @property
    def node_task_ids(self) -> list[str]:
        """The tasks that are cloned for nodes."""
        return [kind.task_id for kind in self.kinds.values()]

    def pack(self) -> dict[str, Any]:
        """Return plain data, for a trigger's arguments."""
        return asdict(self)

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> WorkflowSpec:
        """Read what `pack` returned."""
        kinds = {name: KindTasks(**tasks) for name, tasks in packed["kinds"].items()}
        return cls(**{**packed, "kinds": kinds})
