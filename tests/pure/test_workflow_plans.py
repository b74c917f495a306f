"""Plans: the names and the order of their nodes, their refusals, and their stored form."""

from __future__ import annotations

import json
import re

import pytest
from airflow.sdk import task, task_group
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import dynamic_workflow, map_task
from airflow_dynamic_provider.definitions.records import field_names, replace
from airflow_dynamic_provider.errors import (
    LayoutError,
    NodeCycleError,
    NodeNameError,
    TooManyNodesError,
)
from airflow_dynamic_provider.execution.layout import MadeBy
from airflow_dynamic_provider.workflows.plan.plan import (
    ConcurrencyLimit,
    KeptOutput,
    Plan,
    PlannedCall,
    PlannedNode,
    pack_node,
    pack_plan,
    unpack_node,
    unpack_plan,
)
from airflow_dynamic_provider.workflows.plan.tree import render_plan
from airflow_dynamic_provider.workflows.plan.validation import topological_order
from airflow_dynamic_provider.workflows.planning.planning import plan_later
from tests.pure.json_objects import stored
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


@task
def work(value=None, other=None): ...


@task
def rest(value=None): ...


@task(task_id="trained")
def train(value=None): ...


@task_group
def group(value):
    return work.override(task_id="inside")(work(value))


@task_group(group_id="quiet")
def silent():
    work()


@dynamic_workflow
def inner(count):
    return [work(number) for number in range(count)]


@dynamic_workflow
def outer(count):
    return [inner(count), inner.override(task_id="named")(1)]


def plan(body, *, max_nodes=1000):
    return dynamic_workflow(max_nodes=max_nodes)(body).plan({})


def names(made):
    return [node.name for node in made.nodes]


def after(made):
    return {node.name: set(node.after) for node in made.nodes if node.after}


def test_automatic_names_count_in_the_order_of_the_calls():
    def body():
        work(), rest(), work(), train(), work(), train()

    assert names(plan(body)) == ["work", "rest", "work-2", "trained", "work-3", "trained-2"]


def test_automatic_names_avoid_those_that_are_given_later():
    def body():
        work(), work(), work()
        rest.override(task_id="work-2")()
        rest.override(task_id="work")()

    assert names(plan(body)) == ["work-3", "work-4", "work-5", "work-2", "work"]


def test_a_name_stays_through_further_overrides():
    def body():
        return work.override(task_id="a").override(retries=0)()

    assert names(plan(body)) == ["a"]
    with refused(NodeNameError, "the name 'a' is given to two nodes"):
        plan(lambda: [body(), body()])


def test_the_nodes_of_calls_are_named_after_them():
    made = plan(lambda: [outer(2), outer(0)])
    assert names(made) == ["outer/inner/work", "outer/inner/work-2", "outer/named/work", "outer-2/named/work"]
    assert [call.name for call in made.calls] == [
        "outer",
        "outer/inner",
        "outer/named",
        "outer-2",
        "outer-2/inner",
        "outer-2/named",
    ]
    assert made.output == [{"$ref": "outer"}, {"$ref": "outer-2"}]
    assert made.calls_by_name["outer/inner"].output == [
        {"$ref": "outer/inner/work"},
        {"$ref": "outer/inner/work-2"},
    ]


def test_a_prefix_stands_before_every_name():
    made = inner.plan({"count": 1}, prefix="a/b")
    assert names(made) == ["a/b/work"]
    assert made.output == [{"$ref": "a/b/work"}]


def test_the_nodes_of_task_groups_are_named_after_them():
    made = plan(lambda: [group(1), group(2), group.override(group_id="x")(3)])
    assert names(made) == [
        "group/work",
        "group/inside",
        "group-2/work",
        "group-2/inside",
        "x/work",
        "x/inside",
    ]


def test_a_task_group_without_a_value_can_be_ordered():
    made = plan(lambda: [(rest() >> silent() >> rest())])
    assert after(made) == {"quiet/work": {"rest"}, "rest-2": {"quiet"}}
    assert made.waits_for(made.nodes_by_name["rest-2"]) == ("quiet/work",)


def test_a_map_task_is_a_call_of_numbered_nodes():
    made = plan(lambda: map_task(work, concurrency=2, min_success_ratio=0.5)(["a", "b"]))
    assert made.nodes == (
        PlannedNode("work-map/0", "work", {"value": "a"}, limit=ConcurrencyLimit("work-map", 0, 2)),
        PlannedNode("work-map/1", "work", {"value": "b"}, limit=ConcurrencyLimit("work-map", 1, 2)),
    )
    assert made.calls == (PlannedCall("work-map", [{"$ref": "work-map/0"}, {"$ref": "work-map/1"}], 0.5),)


def test_a_map_task_of_a_promise_is_one_node_until_later():
    made = plan(lambda: map_task(work.override(task_id="m"), 3, 0.5)(rest(), [1, 2]))
    assert made.nodes[1] == PlannedNode(
        "m",
        "work__map",
        {"lists": {"value": {"$ref": "rest"}, "other": [1, 2]}, "concurrency": 3, "min_success_ratio": 0.5},
    )


def test_planning_a_map_task_later():
    flow = dynamic_workflow(lambda: map_task(work.override(task_id="m"), 3, 0.5)(rest(), [1, 2]))
    kinds = flow.find_kinds()
    arguments = {"lists": {"value": ["a", "b"]}, "bound": {"other": (1,)}, "concurrency": 3}
    arguments["min_success_ratio"] = 0.5
    made = plan_later(kinds["work__map"].target, arguments, "x/m", kinds, retries=1)
    limit, other = ConcurrencyLimit("x/m", 1, 3), {"$tuple": [1]}
    assert made.nodes[1] == PlannedNode(
        "x/m/1", "work", {"other": other, "value": "b"}, retries=1, limit=limit
    )
    assert made.calls == (PlannedCall("x/m", [{"$ref": "x/m/0"}, {"$ref": "x/m/1"}], 0.5),)
    assert made.output == {"$ref": "x/m"}
    with refused(TooManyNodesError, "has 2 nodes so far, more than max_nodes=1"):
        plan_later(kinds["work__map"].target, arguments, "x/m", kinds, max_nodes=1)


def test_planning_a_workflow_later():
    kinds = dynamic_workflow(lambda: inner(rest())).find_kinds()
    made = plan_later(kinds["inner"].target, {"count": 2}, "x/inner", kinds)
    assert names(made) == ["x/inner/work", "x/inner/work-2"]


def test_a_workflow_that_gets_a_promise_is_one_node_until_later():
    made = plan(lambda: inner([rest()]))
    assert made.nodes[1] == PlannedNode("inner", "inner", {"count": [{"$ref": "rest"}]})


@pytest.mark.parametrize("name", ["a/b", "", "x" * 251, "a\nb"])
def test_names_that_are_refused(name):
    with refused(NodeNameError, "is not a name for a node") as caught:
        plan(lambda: work.override(task_id=name)())
    assert "test_workflow_plans.py, line" in str(caught.value)


def test_a_number_is_no_name():
    with refused(TypeError, "task_id"):
        plan(lambda: work.override(task_id=3)())


def test_two_nodes_of_one_name_are_refused_with_both_lines():
    def body():
        work.override(task_id="twin")()
        rest.override(task_id="twin")()

    first = body.__code__.co_firstlineno + 1
    with pytest.raises(NodeNameError) as caught:
        plan(body)
    text = str(caught.value)
    assert (
        f"the name 'twin' is given to two nodes; the first one is at test_workflow_plans.py, line {first}"
        in text
    )
    assert text.endswith(f'line {first + 1}: rest.override(task_id="twin")())')


def test_one_name_in_two_scopes_is_fine():
    made = plan(lambda: [group(1), work.override(task_id="inside")()])
    assert names(made) == ["group/work", "group/inside", "inside"]


def test_a_ring_is_refused_with_its_nodes_and_lines():
    def body():
        first = work.override(task_id="a")()
        second = work.override(task_id="b")(first)
        third = work.override(task_id="c")(second)
        rest(third)
        third >> first

    start = body.__code__.co_firstlineno
    with pytest.raises(NodeCycleError) as caught:
        plan(body)
    text = str(caught.value)
    match = re.search(r"one another: ('\w' -> '\w' -> '\w' -> '\w');", text)
    assert match[1] in {"'a' -> 'b' -> 'c' -> 'a'", "'b' -> 'c' -> 'a' -> 'b'", "'c' -> 'a' -> 'b' -> 'c'"}
    assert f"'a' is called at test_workflow_plans.py, line {start + 1}" in text
    assert f"'c' is called at test_workflow_plans.py, line {start + 3}" in text


@pytest.mark.parametrize(
    "order",
    [
        lambda node, call: node >> node,
        lambda node, call: call >> call,
        lambda node, call: [call >> node, node >> call],
        lambda node, call: [rest(call) >> node, node >> call],
    ],
)
def test_rings_through_calls(order):
    with refused(NodeCycleError, "nodes wait for one another"):
        plan(lambda: [order(work(), inner(2)), None][1])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_every_node_stands_after_those_that_it_waits_for(edges):
    # Towards the higher rank, so there is no ring.
    ranks = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    upstream = {str(node): [] for node in range(10)}
    for one, other in edges:
        if ranks[one] != ranks[other]:
            first, then = sorted((one, other), key=ranks.__getitem__)
            upstream[str(then)].append(str(first))
    order = topological_order(upstream, {})
    assert sorted(order) == sorted(upstream)
    assert all(order.index(each) < order.index(node) for node in order for each in upstream[node])


def test_nodes_that_wait_for_nothing_keep_their_order():
    assert topological_order({str(node): [] for node in (3, 1, 2, 0)}, {}) == ["3", "1", "2", "0"]


def test_an_order_holds_for_all_nodes_of_a_call():
    def body():
        first, second, last = inner(2), inner(2), rest()
        first >> second >> last

    made = plan(body)
    assert after(made) == {"inner-2/work": {"inner"}, "inner-2/work-2": {"inner"}, "rest": {"inner-2"}}
    assert made.waits_for(made.nodes_by_name["rest"]) == ("inner-2/work", "inner-2/work-2")


def test_an_order_for_a_call_holds_at_its_first_nodes():
    @dynamic_workflow
    def chain():
        return work(work(work()))

    made = plan(lambda: rest() >> chain())
    assert after(made) == {"chain/work": {"rest"}}


def test_an_order_through_a_call_without_nodes():
    def body():
        rest() >> inner(0) >> outer(0)[0] >> rest()

    made = plan(body)
    assert after(made) == {"outer/named/work": {"rest"}, "rest-2": {"outer"}}

    def through_data():
        empty = inner(0)
        rest() >> empty
        return work(empty)

    assert after(plan(through_data)) == {"work": {"rest"}}


def test_an_order_holds_for_a_node_that_uses_a_call_without_nodes():
    @dynamic_workflow
    def around():
        return work(inner(0))

    assert after(plan(lambda: rest() >> around())) == {"around/work": {"rest"}}


def test_a_call_without_nodes_that_is_returned_is_no_ring():
    @dynamic_workflow
    def around():
        empty = inner(0)
        work() >> empty
        return empty

    assert names(plan(lambda: around())) == ["around/work"]


def test_an_order_that_the_data_gives_anyway_is_not_said_twice():
    def body():
        value = rest()
        value >> work(value)

    assert after(plan(body)) == {}


def test_too_many_nodes_stop_the_body():
    reached = []

    def body():
        for number in range(10):
            reached.append(number)
            work(number)

    with refused(TooManyNodesError, "the workflow 'body' has 4 nodes so far, more than max_nodes=3"):
        plan(body, max_nodes=3)
    assert reached == [0, 1, 2, 3]
    assert len(plan(lambda: [inner(2), work()], max_nodes=3).nodes) == 3
    with refused(TooManyNodesError, "has 4 nodes so far"):
        plan(lambda: [inner(2), work(), map_task(work)([1])], max_nodes=3)


EVERYTHING = Plan(
    workflow="everything",
    nodes=(
        PlannedNode("plain", "work"),
        PlannedNode(
            "call/0", "work", {"value": {"$ref": "plain", "path": [0]}}, limit=ConcurrencyLimit("call", 0, 2)
        ),
        PlannedNode(
            "late", "work__map", {"lists": {"value": {"$ref": "call"}}}, ("plain", "call"), retries=0
        ),
    ),
    calls=(PlannedCall("call", [{"$ref": "call/0"}], 0.5), PlannedCall("none")),
    output={"$tuple": [{"$ref": "late"}, 5]},
)

#: A plan stored by a published release. The reader of plans must keep reading it.
STORED = """
{
  "version": 1,
  "workflow": "everything",
  "nodes": [
    {"name": "plain", "kind": "work"},
    {
      "name": "call/0", "kind": "work",
      "arguments": {"value": {"$ref": "plain", "path": [0]}}, "window": ["call", 0, 2]
    },
    {
      "name": "late", "kind": "work__map", "arguments": {"lists": {"value": {"$ref": "call"}}},
      "after": ["plain", "call"], "retries": 0
    }
  ],
  "calls": [{"name": "call", "output": [{"$ref": "call/0"}], "min_success_ratio": 0.5}, {"name": "none"}],
  "output": {"$tuple": [{"$ref": "late"}, 5]}
}
"""


def test_the_stored_form():
    assert pack_plan(EVERYTHING) == json.loads(STORED)
    assert unpack_plan(stored(json.loads(STORED))) == EVERYTHING
    assert [unpack_node(pack_node(node)) for node in EVERYTHING.nodes] == list(EVERYTHING.nodes)


def test_a_plan_is_the_same_in_whatever_order_its_objects_are_kept():
    packed = pack_plan(EVERYTHING)
    backwards = dict(reversed(packed.items()))
    for kept in (stored(packed), stored(backwards), backwards):
        read = unpack_plan(kept)
        assert read == EVERYTHING
        assert read.fingerprint == EVERYTHING.fingerprint
        assert [node.fingerprint for node in read.nodes] == [node.fingerprint for node in EVERYTHING.nodes]


def test_every_field_is_stored():
    for cls, one in {
        Plan: EVERYTHING,
        PlannedNode: EVERYTHING.nodes[2],
        PlannedCall: EVERYTHING.calls[0],
    }.items():
        empty = {name for name in field_names(cls) if not getattr(one, name)}
        # How an output is kept is tested by itself, because releases did not always store it.
        assert empty <= {"kept", "limit", "retries"}


@pytest.mark.parametrize("made_by", [None, MadeBy("d", "r", "t")])
def test_how_an_output_is_kept_is_stored_and_changes_no_fingerprint(made_by):
    calls = [replace(call, kept=KeptOutput("4567", "2", made_by, "called")) for call in EVERYTHING.calls]
    plan = replace(EVERYTHING, kept=KeptOutput("0123", "1", made_by), calls=tuple(calls))
    assert unpack_plan(stored(pack_plan(plan))) == plan
    assert plan.fingerprint == EVERYTHING.fingerprint


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"version": 1},
        {"version": 1, "workflow": 3},
        {"version": 1, "workflow": "w", "nodes": [{}]},
        {"version": 1, "workflow": "w", "nodes": [{"name": "a"}]},
        {"version": 1, "workflow": "w", "nodes": [{"name": "a", "kind": "b", "window": [1]}]},
        {"version": 1, "workflow": "w", "nodes": [{"name": "a", "kind": "b", "after": [1]}]},
        {"version": 1, "workflow": "w", "nodes": ["a"]},
        {"version": 1, "workflow": "w", "calls": [{}]},
        {"version": 1, "workflow": "w", "calls": 3},
    ],
)
def test_other_shapes_are_refused(stored):
    with pytest.raises(LayoutError, match="as it is stored"):
        unpack_plan(stored)


def test_other_versions_are_refused():
    with refused(LayoutError, "a plan is stored in version 2, but this release reads 1"):
        unpack_plan({"version": 2, "graph": []})


def test_a_thousand_nodes_are_small():
    made = plan(lambda: [work(number, rest(number)) for number in range(500)])
    assert len(made.nodes) == 1000
    assert len(json.dumps(pack_plan(made))) < 200_000


def test_fingerprints_tell_what_changed():
    node = PlannedNode("a", "work", {"value": 1}, ("b",), limit=ConcurrencyLimit("c", 0, 2))
    same = replace(node, name="other", retries=3, arguments={"value": 1})
    changes = [{"kind": "k"}, {"arguments": {"value": 2}}, {"after": ()}, {"limit": None}]
    changed = [replace(node, **change).fingerprint for change in changes]
    assert same.fingerprint == node.fingerprint
    assert len({node.fingerprint, *changed}) == 5
    assert inner.plan({"count": 2}).fingerprint == inner.plan({"count": 2}).fingerprint
    assert inner.plan({"count": 2}).fingerprint != inner.plan({"count": 3}).fingerprint


def test_what_a_node_waits_for():
    made = plan(lambda: [work(inner(2), rest()) << rest()])
    last = made.nodes[-1]
    assert last.upstream == ("inner", "rest", "rest-2")
    assert made.waits_for(last) == ("inner/work", "inner/work-2", "rest", "rest-2")
    assert made.nodes_of("inner") == ("inner/work", "inner/work-2")
    assert made.nodes_of("rest") == ("rest",)


def test_the_tree():
    def body():
        first = rest({"a": [1, (2, "x")]})
        calls = inner(2)
        last = work.override(task_id="last")(calls[0], first["rows"])
        rest() >> last
        map_task(work, min_success_ratio=0.5)(["y" * 50])

    assert render_plan(plan(body)) == "\n".join(
        [
            "body: 6 nodes",
            "  rest: rest(value={'a': [1, (2, 'x')]})",
            "  inner/",
            "    work: work(value=0)",
            "    work-2: work(value=1)",
            "  rest-2: rest()",
            "  last: work(value=inner[0], other=rest['rows']) after rest-2",
            "  work-map/ (min_success_ratio=0.5)",
            f"    0: work(value='{'y' * 36}...)",
        ]
    )
