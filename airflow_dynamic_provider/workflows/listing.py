"""Lists the nodes of each kind, for Airflow to expand over, when they are first planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.execution import xcom
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.execution.states import REMOVED
from airflow_dynamic_provider.execution.storing import check_length
from airflow_dynamic_provider.workflows import stored
from airflow_dynamic_provider.workflows.stored import ListedNode, Origin, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_dynamic_provider.workflows.plan import Plan, PlannedNode
    from airflow_dynamic_provider.workflows.reading import Snapshot, WorkflowReader
    from airflow_dynamic_provider.workflows.spec import WorkflowSpec

KeyPath = tuple[str, ...]
Places = dict[str, tuple[str, int]]


@dataclass(frozen=True)
class RootPlan:
    """What a planning task instance has planned, and for which key."""

    plan: Plan
    key_path: KeyPath = ()
    map_index: int = xcom.UNMAPPED


@dataclass(frozen=True)
class NodeList:
    """The slots of a lane and the nodes in them."""

    slots: Sequence[Slot]
    nodes: Sequence[ListedNode | None]


def first_lists(spec: WorkflowSpec, roots: Iterable[RootPlan]) -> dict[str, NodeList]:
    """Return lane -> its list as it is before any node has planned others."""
    slots: dict[str, list[Slot]] = {lane: [] for lane in spec.lanes}
    origins = []
    for root in roots:
        origin = Origin(spec.plan_task_id, root.map_index, "", root.key_path, root.plan.fingerprint)
        places: Places = {}
        for node in root.plan.nodes:
            lane = spec.lane_of(node, is_of_root=True)
            places[node.name] = (lane, len(slots[lane]))
            slots[lane].append(Slot(node.name, root.key_path, root.map_index))
        origins.append((root.plan, origin, places))
    nodes: dict[str, list[ListedNode | None]] = {lane: [] for lane in spec.lanes}
    for plan, origin, places in origins:
        for node in plan.nodes:
            nodes[places[node.name][0]].append(_listed(node, origin, places))
    if any(slots[name] for name, lane in spec.lanes.items() if lane.plans):
        for name in [name for name, lane in spec.lanes.items() if not lane.is_direct]:
            slots[name].append(Slot(stored.ROOM))
            nodes[name].append(None)
    return {lane: NodeList(slots[lane], nodes[lane]) for lane in spec.lanes}


def relist(snapshot: Snapshot, slots: Sequence[Slot]) -> NodeList:
    """Return the list with those slots, by the plans that are known now."""
    places = {
        key_path: {name: (at.lane, at.index) for name, at in snapshot.reader.places(key_path).items()}
        for key_path in snapshot.graphs
    }
    return NodeList(slots, [_listed_in(snapshot, slot, places) for slot in slots])


def _listed_in(snapshot: Snapshot, slot: Slot, places: Mapping[KeyPath, Places]) -> ListedNode | None:
    graph = snapshot.graphs.get(slot.key_path)
    node = graph.nodes.get(slot.name) if graph is not None and slot.name else None
    if graph is None or node is None:
        return None
    planner = graph.origins[node.name]
    spec, fingerprint = snapshot.reader.spec, graph.plans[planner].fingerprint
    task_id, map_index = spec.plan_task_id, slot.root_index
    if planner:
        lane, map_index = places[slot.key_path][planner]
        task_id = spec.lanes[lane].task_id
    origin = Origin(task_id, map_index, planner, slot.key_path, fingerprint)
    return _listed(node, origin, places[slot.key_path])


def _listed(node: PlannedNode, origin: Origin, places: Places) -> ListedNode:
    used = {name: places[name] for name in node.upstream if name in places}
    return ListedNode(node, origin, used)


def store_list(
    context: Any, spec: WorkflowSpec, lane: str, listed: NodeList, planned_at: float, first: int = 0
) -> None:
    """Store the list of a lane: the pages from that of slot ``first``, then what Airflow expands over.

    One API call for each 64 nodes, and one more.

    Raises:
        TooManyOutputsError: There are more nodes in the lane than Airflow may map.
    """
    check_length(len(listed.slots), spec.lanes[lane].task_id, "nodes")
    task_id = spec.lanes[lane].list_task_id
    size = stored.NODES_PER_PAGE
    for page in range(first // size, -(-len(listed.nodes) // size)):
        nodes = listed.nodes[page * size : (page + 1) * size]
        xcom.push_to(context, task_id, stored.nodes_xcom(page), stored.pack_nodes(nodes, planned_at))
    names = [slot.pack() for slot in listed.slots]
    xcom.push_to(context, task_id, RETURN_VALUE, names, mapped_length=len(names))


def is_listed_already(
    context: Any, spec: WorkflowSpec, reader: WorkflowReader, roots: Sequence[RootPlan]
) -> bool:
    """Say whether the nodes are those that are listed, so that those that have ended may stay.

    Only a planning task that runs again has to ask. Two API calls, and one for each lane.

    Raises:
        PlanMismatchError: They are others, though some of those that were listed were not cleared.
    """
    if xcom.attempt_of(context) == 1:
        return False
    kept = {
        key: state
        for key, state in reader.states().items()
        if state not in (None, REMOVED) and key[1] != xcom.UNMAPPED and key[0] != spec.plan_task_id
    }
    before = _listed_plans(reader)
    if not kept:
        return False
    now = {root.key_path: root.plan.fingerprint for root in roots if root.plan.nodes}
    if now == before:
        return True
    raise PlanMismatchError(
        f"plans other nodes than those that have run: {len(kept)} of their task instances were not cleared",
        task_id=spec.plan_task_id,
        remedy=f"Clear {spec.plan_task_id!r} with its downstream tasks, so that all nodes run again.",
    )


def _listed_plans(reader: WorkflowReader) -> Mapping[KeyPath, str]:
    plans: dict[KeyPath, str] = {}
    for lane in reader.spec.lanes.values():
        page = 0
        while (packed := reader.pull(lane.list_task_id, stored.nodes_xcom(page))) is not None:
            for each in stored.unpack_nodes(packed).nodes:
                if each is not None and not each.origin.planner:
                    plans[each.origin.key_path] = each.origin.fingerprint
            if not reader.spec.is_mapped:
                # The nodes of the planning task come first.
                break
            page += 1
    return plans
