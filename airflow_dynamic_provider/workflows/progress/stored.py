"""The layout of plans and nodes in XCom: the XCom keys, and the stored JSON with its versions.

========================================  ===============================================================
XCom of a planning task instance          (the planning task, or a node that plans further nodes)
========================================  ===============================================================
``workflow_plan``                         the plan: its nodes, its calls, its output
========================================  ===============================================================

========================================  ===============================================================
XCom of the task that lists nodes first   (the planning task, or the one that gathers all keys' plans)
========================================  ===============================================================
``workflow_roots``                        the graphs: their keys and plans
``workflow_slots.<lane>``                 the first list of a lane, for the task that returns it
``workflow_nodes.<lane>.<page>``          for some of its slots: the node and its plan
========================================  ===============================================================

========================================  ===============================================================
XCom of a task that returns a list
========================================  ===============================================================
``return_value``                          the name of the node in each slot; Airflow expands over it. ``""``
                                          is a slot for a node of a later plan, ``None`` a free slot
``workflow_nodes.<page>``                 for some of the slots: the node and its plan
``workflow_list``                         a fingerprint of the graphs and the first list that it was begun for
========================================  ===============================================================

========================================  ===============================================================
XCom of a node's task instance
========================================  ===============================================================
``return_value``                          its return value, as Airflow stores it
``workflow_node``                         the same value with the node's name, a stamp of the value, and the
                                          stamps of the values that it used
``workflow_blocked``                      why the node did not run, if it was blocked
========================================  ===============================================================

A *slot* is a node's map index among the clones of its lane. The name and the fingerprint identify a node; the
slot only says where to find it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.execution.forms import Form, integer, reading
from airflow_dynamic_provider.workflows.plan.plan import PlannedNode, pack_node, unpack_node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PLAN_XCOM = "workflow_plan"
PLANNED_XCOM = "workflow_planned"
NODE_XCOM = "workflow_node"
BLOCKED_XCOM = "workflow_blocked"
ROOTS_XCOM = "workflow_roots"
LIST_XCOM = "workflow_list"

_REMEDY = "Clear the planning task with its downstream tasks, so that the installed release plans again."

NODES = Form("a list of nodes", frozenset({"planned_at", "plans", "nodes"}), _REMEDY)
NODE = Form(
    "what a node left",
    frozenset({"node", "map_index", "fingerprint", "stamp", "used", "value"}),
    _REMEDY,
)

ROOTS = Form("the graphs of a workflow", frozenset({"roots"}), _REMEDY)
LIST_MARK = Form("the mark of a list of nodes", frozenset({"begun_for"}), _REMEDY)

#: How many nodes one XCom holds. A node reads one such XCom, however many nodes there are.
NODES_PER_PAGE = 64

#: The name of a slot for a node of a later plan.
RESERVED = ""

#: The event that sends a waiting task instance to a worker, because only a worker can decide if it may run.
DECIDE = "decide"


def nodes_xcom(page: int) -> str:
    """Return the XCom key of a page of nodes, on the task that returns the list of their lane."""
    return f"workflow_nodes.{page}"


def first_nodes_xcom(lane: str, page: int) -> str:
    """Return the XCom key of a page of a lane's nodes, on the task that lists nodes first."""
    return f"workflow_nodes.{lane}.{page}"


def first_slots_xcom(lane: str) -> str:
    """Return the XCom key of a lane's first list, on the task that lists nodes first."""
    return f"workflow_slots.{lane}"


def pack_blocked(name: str, reason: str) -> dict[str, Any]:
    """Return the stored form of the reason why a node did not run."""
    return {"node": name, "reason": reason}


def unpack_blocked(packed: Any) -> tuple[str, str]:
    """Return the name of a node that did not run, and the reason, from the stored form.

    Raises:
        LayoutError: Its shape is unknown.
    """
    with reading("why a node was not run", packed):
        # Airflow keeps an XCom of a trigger as JSON in a string.
        document = json.loads(packed) if isinstance(packed, str) else packed
        return document["node"], document["reason"]


class PlanAddress(Record):
    """The plan that a node belongs to, and where it is stored.

    Attributes:
        task_id: The task that planned it.
        map_index: The map index of the task instance that planned it.
        planner: The name of the node that planned it; empty for the planning task.
        key_path: The key that the graph belongs to; empty outside a map.
        fingerprint: The fingerprint of the plan.
    """

    task_id: str
    map_index: int
    planner: str
    key_path: tuple[str, ...]
    fingerprint: str


class Slot(Record):
    """One slot in the list of a lane.

    Attributes:
        name: The node, `RESERVED`, or ``None`` for a free slot.
        key_path: The key that the node's graph belongs to; empty outside a map.
        root_index: The map index of the planning task of that graph.
        plan: The fingerprint of the node's plan, if another node planned it.
        asks: Whether the task instance in a reserved slot asks the scheduler for more task instances.
    """

    name: str | None
    key_path: tuple[str, ...] = ()
    root_index: int = -1
    plan: str = ""
    asks: bool = False

    def pack(self) -> Any:
        """Return the stored form: only the name if there is nothing else to store."""
        around = {"key_path": list(self.key_path), "index": self.root_index} if self.key_path else {}
        planned = {"plan": self.plan} if self.plan else {}
        further = {**around, **planned, **({"asks": True} if self.asks else {})}
        return {"node": self.name, **further} if further else self.name

    @classmethod
    def unpack(cls, stored: Any) -> Slot:
        """Read the stored form.

        Raises:
            LayoutError: Its shape is unknown.
        """
        if stored is None or isinstance(stored, str):
            return cls(stored)
        with reading("a slot", stored):
            key_path = tuple(stored.get("key_path", ()))
            return cls(
                stored["node"],
                key_path,
                integer(stored.get("index", -1)),
                stored.get("plan", ""),
                stored.get("asks", False),
            )


def unpack_slots(stored: Any) -> list[Slot]:
    """Read the list over which Airflow expands a lane; empty if there is none yet.

    Raises:
        LayoutError: Its shape is unknown.
    """
    with reading("a list of slots", stored):
        return [Slot.unpack(each) for each in stored or ()]


class Root(Record):
    """A graph, identified by its key and the task instance of its planning task.

    Attributes:
        key_path: The key that the graph belongs to; empty outside a map.
        map_index: The map index of the planning task.
        fingerprint: The fingerprint of the planning task's plan.
    """

    key_path: tuple[str, ...]
    map_index: int
    fingerprint: str


class StoredRoots(Record):
    """The graphs of a workflow that have nodes, in the order of their keys."""

    roots: Sequence[Root]

    def mark(self, slots: Sequence[Slot]) -> str:
        """Return a digest of the graphs and a first list. A stored list with the same digest may stay."""
        whole = [self.pack()["roots"], [slot.pack() for slot in slots]]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        roots = [[list(each.key_path), each.map_index, each.fingerprint] for each in self.roots]
        return {**ROOTS.stamp, "roots": roots}

    @classmethod
    def unpack(cls, stored: Any) -> StoredRoots:
        """Read the stored form.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        document = ROOTS.read(stored)
        with reading(ROOTS.noun, stored):
            roots = document["roots"]
            return cls([Root(tuple(path), integer(index), mark) for path, index, mark, *_ in roots])


def pack_list_mark(mark: str) -> dict[str, Any]:
    """Return the stored form of the mark of a list."""
    return {**LIST_MARK.stamp, "begun_for": mark}


def unpack_list_mark(stored: Any) -> str | None:
    """Read the mark of a list; ``None`` if there is no list.

    Raises:
        LayoutError: Its version or its shape is unknown.
    """
    if stored is None:
        return None
    return str(LIST_MARK.read(stored)["begun_for"])


class ListedNode(Record):
    """A node in a list, as its own task instance reads it.

    Attributes:
        node: The planned node.
        plan_address: The plan that it belongs to.
        places: Node that it uses -> lane and slot, if they were known when it was listed.
    """

    node: PlannedNode
    plan_address: PlanAddress
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)


class NodePage(Record):
    """The stored nodes of some slots.

    Attributes:
        nodes: The nodes, ``None`` for a slot without one.
        planned_at: The time when the planning task began, in seconds since the epoch.
    """

    nodes: Sequence[ListedNode | None]
    planned_at: float


def pack_nodes(listed: Sequence[ListedNode | None], planned_at: float) -> dict[str, Any]:
    """Return the stored form of the nodes of some slots."""
    plans: dict[PlanAddress, int] = {}
    nodes = [
        None
        if each is None
        else [
            plans.setdefault(each.plan_address, len(plans)),
            pack_node(each.node),
            *_pack_places(each.places),
        ]
        for each in listed
    ]
    return {
        **NODES.stamp,
        "planned_at": planned_at,
        "plans": [
            [each.task_id, each.map_index, each.planner, list(each.key_path), each.fingerprint]
            for each in plans
        ],
        "nodes": nodes,
    }


def unpack_nodes(stored: Any) -> NodePage:
    """Read the stored form of the nodes of some slots.

    Raises:
        LayoutError: Its version or its shape is unknown.
    """
    document = NODES.read(stored)
    with reading(NODES.noun, stored):
        plans = [_unpack_address(*each[:5]) for each in document["plans"]]
        nodes = [None if each is None else _unpack_listed(each, plans) for each in document["nodes"]]
        return NodePage(nodes, float(document["planned_at"]))


# A stored list may have more items if a later release stored it.


def _unpack_address(
    task_id: str, map_index: int, planner: str, key_path: Sequence[str], fingerprint: str
) -> PlanAddress:
    return PlanAddress(task_id, map_index, planner, tuple(key_path), fingerprint)


def _unpack_listed(stored: Sequence[Any], plans: Sequence[PlanAddress]) -> ListedNode:
    return ListedNode(unpack_node(stored[1]), plans[_place(stored[0], plans)], _unpack_places(stored[2:3]))


def _place(stored: Any, places: Sequence[Any]) -> int:
    """Return a valid position: Python would count a negative one from the end."""
    if integer(stored) not in range(len(places)):
        raise IndexError(f"there is no item {stored}")
    return int(stored)


def _pack_places(places: Mapping[str, tuple[str, int]]) -> list[Any]:
    return [{name: list(place) for name, place in places.items()}] if places else []


def _unpack_places(stored: Sequence[Any]) -> dict[str, tuple[str, int]]:
    return {name: (place[0], place[1]) for each in stored for name, place in each.items()}


class StoredNode(Record):
    """The stored result of a node's task instance.

    Attributes:
        name: The node.
        key_path: The key that the graph belongs to; empty outside a map.
        map_index: Its slot.
        fingerprint: The fingerprint of the node as it was planned.
        stamp: A digest of the value.
        used: Node -> the stamp of its value that was used; ``call/`` -> the stamp of the call's output
            template.
        value: Its return value.
    """

    name: str
    key_path: tuple[str, ...]
    map_index: int
    fingerprint: str
    stamp: str
    used: Mapping[str, str] = field(default_factory=dict)
    value: Any = None

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            **NODE.stamp,
            "node": self.name,
            **({"key_path": list(self.key_path)} if self.key_path else {}),
            "map_index": self.map_index,
            "fingerprint": self.fingerprint,
            "stamp": self.stamp,
            "used": dict(self.used),
            "value": self.value,
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredNode:
        """Read the stored form.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        document = NODE.read(stored)
        with reading(NODE.noun, stored):
            return cls(
                document["node"],
                tuple(document.get("key_path", ())),
                integer(document["map_index"]),
                document["fingerprint"],
                document["stamp"],
                dict(document["used"]),
                document["value"],
            )
