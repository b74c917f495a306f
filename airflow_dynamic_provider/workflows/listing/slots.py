"""Lists the nodes of each lane: assigns slots at first, and when nodes are added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import FINAL, REMOVED, SUCCESS
from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.execution.lengths import check_length
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.growth import RESERVED_SLOTS
from airflow_dynamic_provider.workflows.progress.stored import (
    ListedNode,
    PlanAddress,
    Root,
    Slot,
    StoredRoots,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode
    from airflow_dynamic_provider.workflows.progress.growth import Snapshot
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader

Places = dict[str, tuple[str, int]]


class RootPlan(Record):
    """The plan that a planning task instance has made, and its key."""

    plan: Plan
    key_path: KeyPath = ()
    map_index: int = xcom.UNMAPPED


class NodeList(Record):
    """The slots of a lane and the nodes in them."""

    slots: Sequence[Slot]
    nodes: Sequence[ListedNode | None]


def first_lists(spec: WorkflowSpec, roots: Iterable[RootPlan]) -> dict[str, NodeList]:
    """Return lane -> its list before any node has planned others."""
    slots: dict[str, list[Slot]] = {lane: [] for lane in spec.lanes}
    found = []
    for root in roots:
        address = PlanAddress(spec.plan_task_id, root.map_index, "", root.key_path, root.plan.fingerprint)
        places: Places = {}
        for node in root.plan.nodes:
            lane = spec.lane_of(node, is_of_root=True)
            places[node.name] = (lane, len(slots[lane]))
            slots[lane].append(Slot(node.name, root.key_path, root.map_index))
        found.append((root.plan, address, places))
    nodes: dict[str, list[ListedNode | None]] = {lane: [] for lane in spec.lanes}
    for plan, address, places in found:
        for node in plan.nodes:
            nodes[places[node.name][0]].append(_listed(node, address, places))
    if any(slots[name] for name, lane in spec.lanes.items() if lane.plans):
        for name in spec.growing_lanes:
            slots[name] += [Slot(stored.RESERVED)] * RESERVED_SLOTS
            nodes[name] += [None] * RESERVED_SLOTS
    return {lane: NodeList(slots[lane], nodes[lane]) for lane in spec.lanes}


def relist(snapshot: Snapshot, slots: Sequence[Slot]) -> NodeList:
    """Return the list with these slots, according to the plans that are known now."""
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
    planner = graph.planned_by[node.name]
    spec, fingerprint = snapshot.reader.spec, graph.plans[planner].fingerprint
    task_id, map_index = spec.plan_task_id, slot.root_index
    if planner:
        lane, map_index = places[slot.key_path][planner]
        task_id = spec.lanes[lane].task_id
    address = PlanAddress(task_id, map_index, planner, slot.key_path, fingerprint)
    return _listed(node, address, places[slot.key_path])


def _listed(node: PlannedNode, address: PlanAddress, places: Places) -> ListedNode:
    used = {name: places[name] for name in node.upstream if name in places}
    return ListedNode(node, address, used)


def store_first_lists(context: Any, spec: WorkflowSpec, roots: Sequence[RootPlan], planned_at: float) -> None:
    """Store the first list of each lane. The tasks that return the lists fetch them.

    The planning task calls this, or in a map the task that gathers the plans of all keys. One API call for
    each lane, one for each 64 nodes of it, and one more.

    Raises:
        TooManyOutputsError: A lane has more nodes than Airflow may map.
    """
    lists = first_lists(spec, roots)
    for lane, listed in lists.items():
        check_length(len(listed.slots), spec.lanes[lane].task_id, "nodes")
    for lane, listed in lists.items():
        for page, packed in packed_pages(listed.nodes, planned_at):
            xcom.push(context, stored.first_nodes_xcom(lane, page), packed)
        xcom.push(context, stored.first_slots_xcom(lane), [slot.pack() for slot in listed.slots])
    graphs = [Root(each.key_path, each.map_index, each.plan.fingerprint) for each in roots if each.plan.nodes]
    # Stored last, so that a reader that finds it finds everything.
    xcom.push(context, stored.ROOTS_XCOM, StoredRoots(graphs).pack())


def packed_pages(
    nodes: Sequence[ListedNode | None], planned_at: float, first: int = 0
) -> Iterator[tuple[int, Any]]:
    """Yield (page, its stored form), starting with the page of the slot ``first``."""
    size = stored.NODES_PER_PAGE
    for page in range(first // size, -(-len(nodes) // size)):
        yield page, stored.pack_nodes(nodes[page * size : (page + 1) * size], planned_at)


def check_listed(context: Any, spec: WorkflowSpec, reader: WorkflowReader, roots: Sequence[RootPlan]) -> None:
    """Check, after planning again, that the nodes that do not run again were listed for the same plans.

    A task that runs again makes one API call, one for each lane, and in a map one for each page of nodes.

    Raises:
        PlanMismatchError: They were listed for other plans.
    """
    if xcom.attempt_of(context) == 1:
        return
    kept = [at for at, state in reader.states().items() if _is_kept(spec, at, state)]
    if not kept:
        return
    now = {root.key_path: root.plan.fingerprint for root in roots if root.plan.nodes}
    if now != _listed_plans(reader):
        raise PlanMismatchError(
            "plans other nodes than those that have run or are listed, but was cleared without the "
            f"{len(kept)} task instances that run or list them",
            task_id=spec.plan_task_id,
            remedy=f"Clear {spec.plan_task_id!r} with its downstream tasks, so that all nodes run again.",
        )


def _is_kept(spec: WorkflowSpec, at: tuple[str, int], state: str | None) -> bool:
    """Whether a task instance is a node or a list of nodes from an earlier plan."""
    task_id, map_index = at
    if task_id == spec.plan_task_id or state in (None, REMOVED):
        return False
    # A lane that was skipped as a whole has no nodes, nor does a list that was never returned.
    return map_index != xcom.UNMAPPED or (task_id in spec.list_task_ids and state not in FINAL - {SUCCESS})


def _listed_plans(reader: WorkflowReader) -> Mapping[KeyPath, str]:
    plans: dict[KeyPath, str] = {}
    for name, lane in reader.spec.lanes.items():
        # Pages after the last slot are left over from an earlier, longer list.
        pages = -(-len(reader.slots(name)) // stored.NODES_PER_PAGE)
        # The nodes of the planning task come first.
        for page in range(pages if reader.spec.is_mapped else min(pages, 1)):
            packed = reader.pull(lane.list_task_id, stored.nodes_xcom(page))
            for each in stored.unpack_nodes(packed).nodes:
                if each is not None and not each.plan_address.planner:
                    plans[each.plan_address.key_path] = each.plan_address.fingerprint
    return plans
