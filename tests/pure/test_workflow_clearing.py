"""The nodes that run again: all that depend on the cleared ones, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.workflows.clearing import Clearing, Dependents
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import (
    ConcurrencyLimit,
    Plan,
    PlannedCall,
    PlannedNode,
    pack_plan,
)
from airflow_dynamic_provider.workflows.plan.references import Reference
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph
from airflow_dynamic_provider.workflows.progress.stored import RESERVED, Slot

pytestmark = pytest.mark.pure


def refer(*names):
    """A template that refers to nodes or calls."""

    def find(value):
        return value if isinstance(value, Reference) else None

    return templates.pack([Reference(name) for name in names], find)


def node(name, *used, kind="work", after=(), limit=None):
    arguments = {"given": refer(*used)} if used else {}
    return PlannedNode(name, kind, arguments, tuple(after), limit=limit)


def graph_of(*nodes, calls=(), later=None, states=None, policy="run_all"):
    plans = {"": Plan("wf", nodes, tuple(calls)), **(later or {})}
    every = {each.name: "success" for plan in plans.values() for each in plan.nodes}
    return RunGraph(plans, frozenset({"planner"}), {**every, **(states or {})}, policy)


def again(graph, *names, planners=(), listed=()):
    return Dependents(graph, planners, listed).of(names)


def test_data_order_and_nothing_else():
    graph = graph_of(node("a"), node("b", "a"), node("c", after=["a"]), node("d", "b"), node("e"))
    assert again(graph, "a") == {"a", "b", "c", "d"}
    assert again(graph, "b") == {"b", "d"}
    assert again(graph, "e", "d") == {"d", "e"}
    assert again(graph) == set()


def test_a_limit_of_concurrency_is_no_dependency():
    peers = [node(f"m/{index}", limit=ConcurrencyLimit("m", index, 1)) for index in range(3)]
    assert again(graph_of(*peers), "m/0") == {"m/0"}


def test_what_uses_a_call_depends_on_all_that_is_in_it():
    graph = graph_of(
        node("before"),
        node("call/a", "before"),
        node("call/b"),
        node("after", "call"),
        node("last", after=["call/deep"]),
        node("call/deep/x"),
        calls=[PlannedCall("call", refer("call/a")), PlannedCall("call/deep", None)],
    )
    assert again(graph, "call/b") == {"call/b", "after"}
    assert again(graph, "before") == {"before", "call/a", "after"}
    assert again(graph, "call/deep/x") == {"call/deep/x", "last", "after"}
    assert again(graph, "call") == {"call/a", "call/b", "call/deep/x", "after", "last"}


def test_a_call_that_returns_what_it_was_given_passes_on_the_dependency():
    graph = graph_of(
        node("a"),
        node("b", "outer"),
        calls=[PlannedCall("outer", refer("inner")), PlannedCall("inner", refer("a"))],
    )
    assert again(graph, "a") == {"a", "b"}


def test_a_planning_node_takes_all_below_it_and_what_depends_on_them():
    later = {"p": Plan("later", (node("p/x"), node("p/y", "p/x")), (), refer("p/y"))}
    graph = graph_of(node("a"), node("p", "a", kind="planner"), node("b", "p"), node("c"), later=later)
    assert again(graph, "a", planners={"p"}) == {"a", "p", "p/x", "p/y", "b"}
    assert again(graph, "p/x", planners={"p"}) == {"p/x", "p/y", "b"}
    assert again(graph, "p/y", planners={"p"}) == {"p/y", "b"}


def test_what_a_plan_that_is_gone_had_listed_runs_again_with_its_planner():
    graph = graph_of(node("p", kind="planner"), node("b", "p"), states={"p": "failed"})
    assert again(graph, "p", planners={"p", "p/q"}, listed=["p", "p/x", "p/q", "p/q/z"]) == {
        "p",
        "p/x",
        "p/q",
        "p/q/z",
        "b",
    }


@st.composite
def graphs(draw):
    """Nodes that use or follow earlier ones: first some in calls, then some that use these."""
    nodes, calls = [], []

    def add(prefix, usable):
        pick = st.lists(st.sampled_from(usable), unique=True, max_size=2) if usable else st.just([])
        nodes.append(node(f"{prefix}n{len(nodes)}", *draw(pick), after=draw(pick)))

    for prefix in draw(st.lists(st.sampled_from(["", "k/", "k/l/"]), max_size=5)):
        add(prefix, [each.name for each in nodes])
    calls = [each for each in ("k", "k/l") if any(known.name.startswith(f"{each}/") for known in nodes)]
    for _ in range(draw(st.integers(1, 4))):
        add("", [*(each.name for each in nodes), *calls])
    return nodes, [PlannedCall(each) for each in calls]


def direct_sources(each, nodes):
    """Return the nodes that a node waits for, in the simplest way."""
    return {
        other.name
        for other in nodes
        for up in each.upstream
        if other.name == up or other.name.startswith(f"{up}/")
    }


@given(graphs(), st.data())
def test_what_runs_again_is_closed_and_minimal(drawn, data):
    nodes, calls = drawn
    chosen = data.draw(st.sets(st.sampled_from([each.name for each in nodes])))
    found = again(graph_of(*nodes, calls=calls), *chosen)
    assert chosen <= found
    for each in nodes:
        # Closed: a node that waits for one of them is one of them. Minimal: no other node is.
        assert (each.name in found) == (each.name in chosen or bool(direct_sources(each, nodes) & found))


class Stored:
    """The stored documents of a workflow, in memory."""

    def __init__(self, xcoms, states):
        self.xcoms, self.own_states = xcoms, states

    def states(self, task_ids):
        return {at: state for at, state in self.own_states.items() if at[0] in task_ids}

    def pull(self, task_id, xcom_key, map_index):
        return self.xcoms.get((task_id, xcom_key, map_index))


LANES = {
    "work": Lane("work", "wf.work", "wf.nodes.work", is_direct=True),
    "work__after": Lane("work", "wf.work__after", "wf.nodes.work__after", grows=True),
    "planner__after": Lane("planner", "wf.planner__after", "wf.nodes.planner__after", plans=True, grows=True),
}
#: The task instances that add nodes to the lists: the tasks that keep them, and the last reserved slots.
GROWTH = {
    ("wf.nodes.work__after", -1),
    ("wf.work__after", 3),
    ("wf.nodes.planner__after", -1),
    ("wf.planner__after", 1),
}


def clearing(slots, plans, states, policy="run_all", key_path=(), root_index=-1):
    """Return a graph from stored lists (lane -> slots), plans (place -> plan) and states."""
    spec = WorkflowSpec("wf", "wf.plan", "wf.result", LANES, failure_policy=policy)
    xcoms = {
        (LANES[lane].list_task_id, "return_value", -1): [slot.pack() for slot in each]
        for lane, each in slots.items()
    }
    xcoms |= {(task_id, "workflow_plan", index): pack_plan(plan) for (task_id, index), plan in plans.items()}
    lists = {(lane.list_task_id, -1): "success" for lane in LANES.values()}
    source = Stored(xcoms, {**lists, **states})
    reader = WorkflowReader("dag", "run", spec, source)
    return Clearing(reader, key_path, root_index, source.own_states)


ROOT = Plan("wf", (node("a"), node("p", "a", kind="planner"), node("b", "p"), node("c")))
LATER = Plan("later", (node("p/x"),), (), refer("p/x"))
SLOTS = {
    "work": [Slot("a"), Slot("c")],
    "work__after": [Slot("b"), Slot(RESERVED), Slot("p/x", plan=LATER.fingerprint), Slot(RESERVED)],
    "planner__after": [Slot("p"), Slot(RESERVED)],
}
DONE = {
    ("wf.work", 0): "success",
    ("wf.work", 1): "success",
    ("wf.work__after", 0): "success",
    ("wf.work__after", 1): "success",
    ("wf.work__after", 2): "success",
    ("wf.work__after", 3): "success",
    ("wf.planner__after", 0): "success",
    ("wf.planner__after", 1): "success",
}
PLANS = {("wf.plan", -1): ROOT, ("wf.planner__after", 0): LATER}


def test_with_a_planning_node_what_adds_nodes_runs_again():
    cleared = clearing(SLOTS, PLANS, DONE).clear(["p"])
    assert cleared.nodes == {
        "b": ("wf.work__after", 0),
        "p/x": ("wf.work__after", 2),
        "p": ("wf.planner__after", 0),
    }
    assert set(cleared.pairs) == {*cleared.nodes.values(), *GROWTH, ("wf.result", -1)}


def test_without_a_planning_node_nothing_is_added():
    cleared = clearing(SLOTS, PLANS, DONE).clear(["p/x"])
    assert cleared.pairs == [("wf.work__after", 0), ("wf.work__after", 2), ("wf.result", -1)]


def test_a_node_that_was_listed_for_another_plan_has_to_be_listed_again():
    slots = {**SLOTS, "work__after": [Slot("b"), Slot(RESERVED), Slot("p/x", plan="another"), Slot(RESERVED)]}
    cleared = clearing(slots, PLANS, DONE).clear(["p/x"])
    assert set(cleared.others) == GROWTH


def test_the_reserved_slot_that_runs_again_is_the_last_that_does_not_ask():
    asking = Slot(RESERVED, asks=True)
    slots = {**SLOTS, "work__after": [Slot("b"), Slot(RESERVED), Slot("p/x", plan=LATER.fingerprint), asking]}
    others = set(clearing(slots, PLANS, DONE).clear(["p"]).others)
    assert others == {*GROWTH, ("wf.work__after", 1)} - {("wf.work__after", 3)}
    # A run that was ended in between may have no other state.
    slots["work__after"][1] = Slot(None)
    assert set(clearing(slots, PLANS, DONE).clear(["p"]).others) == GROWTH


def test_a_node_that_was_never_listed_has_to_be_listed_too():
    plans = {**PLANS, ("wf.planner__after", 0): Plan("later", (node("p/x"), node("p/new")))}
    cleared = clearing(SLOTS, plans, DONE).clear(["p/new"])
    assert set(cleared.nodes) == {"b"}
    assert set(cleared.others) == GROWTH


def test_a_list_that_never_ended_is_made_up_for():
    states = {**DONE, ("wf.nodes.work", -1): "upstream_failed"}
    assert clearing(SLOTS, PLANS, states).clear(["c"]).pairs == [
        ("wf.work", 1),
        ("wf.nodes.work", -1),
        ("wf.result", -1),
    ]


def test_the_failed_ones_are_known_and_those_that_stay_are_told():
    states = {**DONE, ("wf.work", 0): "failed", ("wf.work", 1): "failed"}
    graph = clearing(SLOTS, PLANS, states)
    assert graph.failed == ["a", "c"]
    assert graph.clear(["a"]).failed_besides == ("c",)
    assert graph.clear(graph.failed).failed_besides == ()


def test_those_that_failing_fast_stopped_run_once_nothing_is_left_that_failed():
    states = {**DONE, ("wf.work", 0): "failed", ("wf.work", 1): "skipped"}
    graph = clearing(SLOTS, PLANS, states, "fail_fast")
    assert "c" in graph.clear(["a"], blocked={("wf.work", 1)}).nodes
    # A node that skipped itself does not run again.
    assert "c" not in graph.clear(["a"]).nodes


def test_one_that_waits_for_a_skipped_node_was_not_stopped_by_a_failure():
    root = Plan("wf", (node("a"), node("s"), node("t", "s")))
    slots = {"work": [Slot("a"), Slot("s")], "work__after": [Slot("t")]}
    states = {("wf.work", 0): "failed", ("wf.work", 1): "skipped", ("wf.work__after", 0): "skipped"}
    graph = clearing(slots, {("wf.plan", -1): root}, states, "fail_fast")
    cleared = graph.clear(["a"], blocked={("wf.work__after", 0)})
    assert set(cleared.nodes) == {"a"}


def test_of_a_map_it_is_the_graph_of_one_key():
    slots = {"work": [Slot("c", ("k",), 0), Slot("c", ("l",), 3)]}
    plans = {("wf.plan", 3): Plan("wf", (node("c"),)), ("wf.plan", 0): Plan("wf", (node("c"),))}
    cleared = clearing(slots, plans, DONE, key_path=("l",), root_index=3).clear(["c"])
    assert cleared.pairs == [("wf.work", 1), ("wf.result", 3)]


def test_names_are_those_of_nodes_and_calls_that_are_planned_now():
    root = Plan("wf", (node("call/a"), node("c")), (PlannedCall("call"),))
    slots = {"work": [Slot("call/a"), Slot("c"), Slot("gone")]}
    assert clearing(slots, {("wf.plan", -1): root}, DONE).names == ["call/a", "c", "call"]


def test_without_a_plan_nothing_is_known():
    graph = clearing({}, {}, {})
    assert (graph.names, graph.failed) == ([], [])
    assert graph.clear([]).pairs == [("wf.result", -1)]
