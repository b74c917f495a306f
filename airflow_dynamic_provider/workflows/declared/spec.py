"""What the tasks of a workflow know about each other, set while the Dag file is parsed."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, as_dict
from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.execution.forms import build, misshapen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dynamic_provider.workflows.declared.definition import FailurePolicy
    from airflow_dynamic_provider.workflows.plan.plan import PlannedNode

#: The name, in a task group, of the task that gathers the plans of all keys.
GATHER = "gather"

#: The name of the task that succeeds when all lists that may grow have begun.
LISTED = "listed"

#: The key of the workflow in the document of a result task.
_DOCUMENT = "dynamic_workflow"


class Lane(Record):
    """A task that is cloned for nodes of one kind.

    If tasks can start in the triggerer, a kind has two lanes, because all clones of a task start in the same
    place: a lane on workers for nodes that can start at once, which the triggerer would delay by seconds, and
    a lane in the triggerer for nodes that wait.

    Attributes:
        kind: The kind.
        task_id: The task that is cloned for each node.
        list_task_id: The task that returns the list of nodes, over which Airflow expands the lane.
        plans: Whether its nodes plan further nodes when their inputs exist.
        is_direct: Whether it is for the nodes that can start at once.
        grows: Whether nodes may be added to the list while the workflow runs.
        is_cached: Whether its nodes keep their results over runs.
    """

    kind: str
    task_id: str
    list_task_id: str
    plans: bool = False
    is_direct: bool = False
    grows: bool = False
    is_cached: bool = False


class WorkflowSpec(Record):
    """One workflow of a Dag.

    Attributes:
        name: The id of its task group.
        plan_task_id: The planning task.
        result_task_id: The task that returns the workflow's output.
        lanes: Unique name -> lane: the tasks that are cloned for nodes.
        failure_policy: What a failed node means for the others.
        timeout: How many seconds the whole graph may take; ``None`` for no limit.
        max_nodes: The maximum number of nodes.
        is_mapped: Whether there is a graph for each key of a map.
    """

    name: str
    plan_task_id: str
    result_task_id: str
    lanes: Mapping[str, Lane]
    failure_policy: FailurePolicy = "fail_fast"
    timeout: float | None = None
    max_nodes: int = 1000
    is_mapped: bool = False

    @property
    def listing_task_id(self) -> str:
        """The task that lists nodes first: the planning task, or the one that gathers all keys' plans."""
        return f"{self.name}.{GATHER}" if self.is_mapped else self.plan_task_id

    @property
    def planning_task_ids(self) -> set[str]:
        """The tasks of the package that plan nodes, or list them."""
        listed = f"{self.name}.{LISTED}"
        return {self.plan_task_id, self.listing_task_id, listed, *self.list_task_ids}

    @property
    def growing_lanes(self) -> list[str]:
        """The lanes that may get more nodes while the workflow runs."""
        return [name for name, lane in self.lanes.items() if lane.grows]

    @property
    def node_task_ids(self) -> list[str]:
        """The tasks that are cloned for nodes."""
        return [lane.task_id for lane in self.lanes.values()]

    @property
    def cached_task_ids(self) -> list[str]:
        """The tasks that are cloned for nodes which keep their results over runs."""
        return [lane.task_id for lane in self.lanes.values() if lane.is_cached]

    @property
    def list_task_ids(self) -> list[str]:
        """The tasks that return the lists of nodes."""
        return [lane.list_task_id for lane in self.lanes.values()]

    @property
    def planners(self) -> frozenset[str]:
        """The kinds whose nodes plan further nodes."""
        return frozenset(lane.kind for lane in self.lanes.values() if lane.plans)

    def lane_of(self, node: PlannedNode, *, is_of_root: bool) -> str:
        """Return the lane of a node.

        Args:
            node: The node.
            is_of_root: Whether the planning task planned it, not another node.

        Raises:
            PlanMismatchError: It was planned when the workflow had different kinds.
        """
        starts_at_once = is_of_root and not node.upstream and node.limit is None
        waiting = self._lanes_of_kinds.get((node.kind, False))
        if waiting is None:
            raise PlanMismatchError(
                f"{node.name!r} is planned to run {node.kind!r}, for which {self.name!r} has no task: "
                "the Dag was changed during the run",
                task_id=self.plan_task_id,
                remedy=f"Clear {self.plan_task_id!r} with its downstream tasks, so that all nodes are "
                "planned again, or restore what the body called before.",
            )
        return self._lanes_of_kinds.get((node.kind, starts_at_once), waiting)

    @functools.cached_property
    def _lanes_of_kinds(self) -> dict[tuple[str, bool], str]:
        return {(lane.kind, lane.is_direct): name for name, lane in self.lanes.items()}

    def pack(self) -> dict[str, Any]:
        """Return plain data, for the arguments of a trigger."""
        return {**as_dict(self), "lanes": {name: _plain(lane) for name, lane in self.lanes.items()}}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> WorkflowSpec:
        """Read what `pack` returned, in this release or another.

        Raises:
            LayoutError: It is of another shape.
        """
        stored = packed.get("lanes") if isinstance(packed, Mapping) else None
        if not isinstance(stored, Mapping) or not isinstance(packed.get("name"), str):
            raise misshapen("a workflow", packed)
        lanes = {name: build(Lane, "a lane of a workflow", tasks) for name, tasks in stored.items()}
        return build(cls, "a workflow", packed, lanes=lanes)

    def document(self) -> str:
        """Return the ``doc_json`` of the result task.

        Commands and pages know a Dag only in Airflow's serialized form, and find its workflows in this
        document.
        """
        return json.dumps({_DOCUMENT: self.pack()})


def _plain(lane: Lane) -> dict[str, Any]:
    """Return the fields of a lane, without one that releases have not always stored if it is not set."""
    return {name: value for name, value in as_dict(lane).items() if name != "is_cached" or value}


def find_workflows(tasks: Iterable[Any]) -> dict[str, WorkflowSpec]:
    """Return name -> workflow, from the serialized tasks of a Dag. For commands and pages."""
    # Imported here, because no task reads documents.
    from airflow_dynamic_provider.execution.documents import read_object

    documents = [read_object(getattr(task, "doc_json", None)) for task in tasks]
    specs = [WorkflowSpec.unpack(document[_DOCUMENT]) for document in documents if _DOCUMENT in document]
    return {spec.name: spec for spec in specs}
