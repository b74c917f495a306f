"""Enforces ``max_nodes`` while a workflow grows: each planning node counts all planned nodes.

A node first stores how many nodes it has planned, and then reads the counts of the others. The node that
reads last sees all counts, so together they never plan more than is allowed. The nodes of a plan are added
only after the node that made it has succeeded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILED, UPSTREAM_FAILED
from airflow_dynamic_provider.execution.forms import reading
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.waiting.leaving import failure

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader

# The nodes of their plans are not added.
_WITHOUT_NODES = (FAILED, UPSTREAM_FAILED)


def claim_nodes(
    context: Any, reader: WorkflowReader, key_path: KeyPath, node: PlannedNode, plan: Plan
) -> None:
    """Count the nodes of a plan, in the process of the node that made it.

    Two API calls, one for each lane, and one more for each lane whose nodes plan others.

    Raises:
        AirflowFailException: The workflow would have too many nodes.
    """
    map_index = xcom.map_index_of(context)
    xcom.push(context, stored.PLANNED_XCOM, {"map_index": map_index, "nodes": len(plan.nodes)})
    known = _known(context, reader, key_path, (context["ti"].task_id, map_index))
    if known + len(plan.nodes) <= reader.spec.max_nodes:
        return
    raise failure(
        f"{node.name!r} plans {len(plan.nodes)} nodes, and {known} are planned already, together more "
        f"than max_nodes={reader.spec.max_nodes}. Raise the limit, or end the recursion earlier."
    )


def _known(context: Any, reader: WorkflowReader, key_path: KeyPath, own: tuple[str, int]) -> int:
    """Return how many nodes a graph has, without those that the given node plans."""
    states = reader.states()
    known = 0
    for name, lane in reader.spec.lanes.items():
        planned = _claims(context, lane.task_id) if lane.plans else {}
        for index, slot in enumerate(reader.slots(name)):
            if not slot.name or slot.key_path != key_path:
                continue
            # The claim of the node that made a later plan includes the nodes listed for that plan.
            known += 0 if slot.plan else 1
            at = (lane.task_id, index)
            if at != own and xcom.state_at(states, *at) not in _WITHOUT_NODES:
                known += planned.get(index, 0)
    return known


def _claims(context: Any, task_id: str) -> dict[int, int]:
    """Return map index -> how many nodes its task instance has planned. One API call."""
    rows = xcom.pull_all(context, task_id, stored.PLANNED_XCOM)
    with reading("how many nodes were planned", rows):
        return {row["map_index"]: row["nodes"] for row in rows}
