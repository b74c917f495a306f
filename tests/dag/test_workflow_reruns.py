"""Whatever of a workflow is cleared, the outputs are those of now, or an error says what is to be cleared.

The tests of one Dag share a run: each clears more of the run that the one before has left.
"""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.models.xcom import XComModel
from airflow.sdk import dag, get_current_context, task
from airflow.utils.session import create_session

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_workflow,
    map_task,
)
from airflow_dynamic_provider.execution.layout import METADATA_XCOM
from airflow_dynamic_provider.version_compat import AirflowSkipException
from airflow_dynamic_provider.workflows.progress.stored import PLAN_XCOM
from tests.dag.tasks import keep
from tests.dag.test_reruns import may_lose_keys
from tests.dag.workflow_clears import as_told, command, names, place_of, run_again, told
from tests.dag_runs import start_run

#: What the tasks below do; a test changes it between two runs. ``acts`` is node -> "fail" or "skip",
#: ``versions`` is node -> what is in its value, ``parts`` is what the later plans are of, ``run`` is the run
#: that it belongs to.
WORLD = SimpleNamespace()

#: Dag -> its run that has succeeded, and the rest of the world in which it did.
LEFT = {}


@pytest.fixture(autouse=True)
def _world(request):
    vars(WORLD).update(acts={}, versions={}, parts=["x", "y"], keys={"a": 1, "b": 2}, more=0, run=None)
    failed_before = request.session.testsfailed
    yield
    has_passed = request.session.testsfailed == failed_before
    if has_passed and WORLD.run is not None and WORLD.run.state == "success":
        LEFT[WORLD.run.dag.dag_id] = {**vars(WORLD), "acts": {}}


def begin(the_dag):
    """Run a Dag for the first time."""
    WORLD.run = start_run(the_dag).run()
    return WORLD.run


def succeeded(the_dag):
    """Return a run that has succeeded: the one that the test before has left, or a new one."""
    if (left := LEFT.pop(the_dag.dag_id, None)) is None:
        return begin(the_dag)
    vars(WORLD).update(left)
    return WORLD.run


def change(*names):
    """Let nodes give other values from now on."""
    WORLD.versions |= {name: WORLD.versions.get(name, 1) + 1 for name in names}


@task
def make(name, *inputs):
    match WORLD.acts.get(name):
        case "fail":
            raise ValueError("as the test says")
        case "skip":
            raise AirflowSkipException("as the test says")
    return value(name, *inputs)


def value(name, *inputs):
    return [f"{name}{WORLD.versions.get(name, '')}", *inputs]


def node(name, *inputs):
    return make.override(task_id=name)(name, *inputs)


@task
def parts():
    return list(WORLD.parts)


@dynamic_workflow(failure_policy="run_all")
def graph():
    a, b = node("a"), node("b")
    c, d = node("c", a), node("d", a, b)
    return {"c": c, "d": d, "e": node("e", d), "f": node("f")}


def expected():
    a, b = value("a"), value("b")
    return {
        "c": value("c", a),
        "d": value("d", a, b),
        "e": value("e", value("d", a, b)),
        "f": value("f"),
    }


@dag(schedule=None)
def simple():
    keep(graph())


def check(run, wanted):
    assert run.state == "success", {ti: error for ti, error in run.errors.items() if error}
    assert run.xcom("keep") == wanted


def test_a_failed_node_is_cleared_with_what_depends_on_it_and_nothing_else():
    WORLD.acts = {"b": "fail"}
    run = begin(simple())
    assert run.state == "failed"
    assert "1 of 6 nodes failed: 'b'. To run it again" in told(run)
    WORLD.acts = {}
    as_told(run)
    assert names(run, run_again(run)) == {"b", "d", "e", "result", "keep"}
    check(run, expected())


def test_a_node_that_succeeded_is_cleared_and_gives_another_value():
    run = succeeded(simple())
    check(run, expected())
    change("a")
    command(run, "--node", "a", "--yes")
    assert names(run, run_again(run)) == {"a", "c", "d", "e", "result", "keep"}
    check(run, expected())


def test_several_nodes_may_be_cleared_at_once():
    run = succeeded(simple())
    change("c", "f")
    command(run, "--node", "c", "--node", "f", "--yes")
    assert names(run, run_again(run)) == {"c", "f", "result", "keep"}
    check(run, expected())


@dynamic_workflow(failure_policy="fail_fast")
def fast():
    first = node("first")
    return [node("second", first), node("other", node("third"))]


@dag(schedule=None)
def failing_fast():
    keep(fast())


def test_what_a_failed_node_stopped_runs_with_it():
    WORLD.acts = {"first": "fail"}
    run = begin(failing_fast())
    assert run.state == "failed"
    assert "1 of 4 nodes failed: 'first'" in told(run, "fast.result")
    WORLD.acts = {}
    as_told(run, "fast.result")
    again = names(run, run_again(run), "fast")
    assert again == {"first", "second", "other", "third", "result", "keep"}
    check(run, [value("second", value("first")), value("other", value("third"))])


@pytest.mark.parametrize("downstream", [False, True])
def test_airflows_own_clear_of_a_node_that_gives_the_same_value(downstream):
    run = succeeded(simple())
    run.clear(*place_of(run, "a"), downstream=downstream).run()
    check(run, expected())


def test_airflows_own_clear_of_a_node_that_gives_another_value():
    run = succeeded(simple())
    old = run.xcom("keep")
    change("a")
    run.clear(*place_of(run, "a"), downstream=False).run()
    # The result has not been asked for again.
    assert run.xcom("keep") == old
    run.clear("graph.result").run()
    assert run.state == "failed"
    assert "its node 'c' cannot be used: it was computed from an earlier value of 'a'" in told(run)
    as_told(run)
    assert names(run, run_again(run)) == {"c", "d", "e", "result", "keep"}
    check(run, expected())


@pytest.mark.parametrize("act", ["fail", "skip"])
def test_airflows_own_clear_of_a_node_that_gives_none_any_more(act):
    run = succeeded(simple())
    WORLD.acts = {"a": act}
    run.clear(*place_of(run, "a")).run()
    assert run.state == "failed"
    assert run.state_of("keep") == "upstream_failed"
    text = "1 of 6 nodes failed: 'a'" if act == "fail" else "computed from an earlier value of 'a'"
    assert text in told(run)
    WORLD.acts = {}
    change("a")
    command(run, "--node", "a", "--yes").run()
    check(run, expected())


@pytest.mark.parametrize("act", ["fail", "skip"])
def test_airflows_own_clear_of_a_waiting_node_that_gives_none_any_more(act):
    # It keeps its XComs, for it goes on where the triggerer left it.
    run = succeeded(simple())
    WORLD.acts = {"d": act}
    run.clear(*place_of(run, "d")).run()
    assert run.state == "failed"
    text = (
        "1 of 6 nodes failed: 'd'" if act == "fail" else "'e' cannot be used: it was computed from an earlier"
    )
    assert text in told(run)
    WORLD.acts = {}
    command(run, "--node", "d", "--yes").run()
    check(run, expected())


@dynamic_workflow(failure_policy="run_all")
def grown(given):
    planned = later(node("start", given))
    return {"planned": node("end", planned), "aside": node("aside")}


@dynamic_workflow
def later(_start):
    return [node(name) for name in WORLD.parts]


@dag(schedule=None)
def growing():
    keep(grown(parts()))


def expected_growth():
    made = [value(name) for name in WORLD.parts]
    return {"planned": value("end", made), "aside": value("aside")}


#: Parts of later plans, one after the other, when there were x and y: fewer, more, others, none.
OTHERS = (["x"], ["y", "z", "x", "w"], ["v"], [])


def test_a_planning_node_is_cleared_and_plans_the_same_fewer_or_others():
    run = succeeded(growing())
    check(run, expected_growth())
    for now in (["x", "y"], *OTHERS, ["x", "y"]):
        WORLD.parts = now
        command(run, "--node", "later", "--yes", workflow="grown")
        again = names(run, run_again(run), "grown")
        check(run, expected_growth())
        assert again >= {"later", "end", "result", "keep"} | {f"later/{name}" for name in now}
        assert not again & {"start", "aside", "plan"}


@pytest.mark.parametrize("is_whole_task", [False, True])
def test_airflows_own_clear_of_a_planning_node_that_plans_others(is_whole_task):
    run = succeeded(growing())
    for now in (*OTHERS, ["x", "y"]):
        WORLD.parts = now
        task_id, index = place_of(run, "later")
        run.clear(task_id, None if is_whole_task else index).run()
        assert run.state == "failed"
        for _ in range(3):
            if run.state == "success":
                break
            as_told(run, "grown.result").run()
        check(run, expected_growth())


@pytest.mark.parametrize("start", ["parts", "grown.plan"], ids=["another root plan", "the same root plan"])
def test_a_workflow_that_has_grown_is_planned_again(start):
    run = succeeded(growing())
    for now in (["y", "z", "x", "w"], [], ["x", "y"]):
        WORLD.parts = now
        run.clear(start).run()
        check(run, expected_growth())
        assert run.xcom("grown.make", map_index=0) == value("start", run.xcom("parts"))


def test_a_node_that_was_planned_later_fails_and_runs_again_alone():
    WORLD.acts = {"y": "fail"}
    run = begin(growing())
    assert run.state == "failed"
    assert "nodes failed: 'later/y'. To run it again" in told(run, "grown.result")
    WORLD.acts = {}
    as_told(run, "grown.result")
    assert names(run, run_again(run), "grown") == {"later/y", "end", "result", "keep"}
    check(run, expected_growth())


def test_a_node_does_not_wait_for_ever_for_one_that_was_planned_too_late():
    run = succeeded(growing())
    WORLD.parts = [*WORLD.parts, "z"]
    run.clear(*place_of(run, "end"), downstream=False).clear(*place_of(run, "later")).run()
    assert run.state == "failed"
    assert "'later/z'" in told(run, "grown.result")
    as_told(run, "grown.result").run()
    check(run, expected_growth())


@dynamic_workflow
def labelled(_start):
    return node("told", constant(WORLD.versions.get("constant", 1)))


@dynamic_workflow
def constant(number):
    return [node("inner"), number]


@dynamic_workflow(failure_policy="run_all")
def constants():
    return labelled(node("start"))


@dag(schedule=None)
def telling():
    keep(constants())


def test_a_constant_that_a_call_returns_is_not_taken_from_an_earlier_plan():
    run = begin(telling())
    check(run, value("told", [value("inner"), 1]))
    WORLD.versions = {"constant": 2}
    run.clear(*place_of(run, "labelled")).run()
    assert run.state == "failed"
    assert (
        "'labelled/told' cannot be used: it was computed from an earlier value of 'labelled/constant'"
        in told(run, "constants.result")
    )
    as_told(run, "constants.result").run()
    check(run, value("told", [value("inner"), 2]))


def test_the_lists_and_the_room_for_later_plans_may_be_cleared_like_any_other():
    run = begin(growing())
    rooms = [
        (ti.task_id, ti.map_index)
        for ti in run.dag_run.get_task_instances()
        if ti.map_index >= 0 and ti.task_id.startswith("grown.") and not is_node(ti)
    ]
    assert rooms
    for room in rooms:
        run.clear(*room, downstream=False)
    assert run_again(run) == set(rooms)
    check(run, expected_growth())
    lists = [task_id for task_id, _ in run.tries() if ".nodes." in task_id]
    for downstream in (False, True):
        for task_id in lists:
            run.clear(task_id, downstream=downstream)
        run.run()
        check(run, expected_growth())


def test_a_later_plan_that_is_gone_is_told_by_whoever_needs_it():
    run = succeeded(growing())
    with create_session() as session:
        of_run = session.query(XComModel).filter_by(run_id=run.run_id, key=PLAN_XCOM)
        of_run.filter(XComModel.map_index >= 0).delete()
    run.clear(*place_of(run, "end")).run()
    assert run.state == "failed"
    assert (
        "its node 'later' cannot be used: its plan is gone. Clear it and all that depends on it: "
        f"airflow dynamic-outputs clear growing {run.run_id} --workflow grown --node later --yes"
    ) in told(run, *place_of(run, "end"))
    as_told(run, *place_of(run, "end")).run()
    check(run, expected_growth())


def is_node(ti):
    return ti._rendered_map_index not in (None, str(ti.map_index))


@dynamic_workflow(failure_policy="run_all")
def tolerant():
    made = map_task(make, min_success_ratio=0.5)(["m", "n", "o"])
    return node("sum", made)


@dag(schedule=None)
def tolerating():
    keep(tolerant())


def test_a_tolerated_node_that_succeeds_later_is_not_left_out_of_what_used_the_others():
    WORLD.acts = {"n": "fail"}
    run = begin(tolerating())
    check(run, value("sum", [value("m"), None, value("o")]))
    WORLD.acts = {}
    run.clear("tolerant.make", 1).run()
    assert run.state == "failed"
    assert "'sum' cannot be used: it was computed from an earlier value" in told(run, "tolerant.result")
    as_told(run, "tolerant.result").run()
    check(run, value("sum", [value("m"), value("n"), value("o")]))


def test_a_node_that_succeeded_and_is_tolerated_now_is_not_used_any_more():
    run = succeeded(tolerating())
    WORLD.acts = {"n": "fail"}
    run.clear("tolerant.make", 1).run()
    assert run.state == "failed"
    assert "'sum' cannot be used" in told(run, "tolerant.result")
    as_told(run, "tolerant.result").run()
    check(run, value("sum", [value("m"), None, value("o")]))
    # A failed node that is tolerated is cleared by its state.
    WORLD.acts = {}
    command(run, "--state", "failed", "--yes", workflow="tolerant").run()
    check(run, value("sum", [value("m"), value("n"), value("o")]))


@dynamic_workflow(failure_policy="run_all")
def by_parts(names):
    made = [node(name) for name in names]
    return node("whole", made) if made else []


@dag(schedule=None)
def changing():
    keep(by_parts(parts()))


def expected_parts():
    made = [value(name) for name in WORLD.parts]
    return value("whole", made) if made else []


def test_a_planning_task_cleared_alone_that_plans_the_same_runs_nothing_again():
    run = succeeded(changing())
    run.clear("by_parts.plan", downstream=False)
    assert run_again(run) == {("by_parts.plan", -1)}
    assert run.state == "success"


def test_a_planning_task_cleared_alone_that_plans_others_fails_and_says_so():
    run = succeeded(changing())
    for now in (*OTHERS, ["x", "y"]):
        WORLD.parts = now
        run.clear("parts", downstream=False).clear("by_parts.plan", downstream=False).run()
        assert run.state_of("by_parts.plan") == "failed"
        assert "plans other nodes than those that have run" in told(run, "by_parts.plan")
        run.clear("by_parts.result").run()
        assert run.state == "failed"
        assert "There is no plan: the state of 'by_parts.plan' is failed." in told(run, "by_parts.result")
        run.clear("by_parts.plan").run()
        check(run, expected_parts())


def test_a_planning_task_cleared_with_downstream_plans_again():
    run = succeeded(changing())
    for now in (*OTHERS, ["x", "y"]):
        WORLD.parts = now
        run.clear("parts").run()
        check(run, expected_parts())
        # No list keeps nodes of an earlier plan, even if it has none now.
        lists = [task_id for task_id, _ in run.tries() if ".nodes." in task_id]
        assert sum(len(run.xcom(task_id) or ()) for task_id in lists) == (len(now) + 1 if now else 0)


def test_a_planning_task_and_some_nodes_are_cleared():
    run = succeeded(changing())
    for now in OTHERS:
        WORLD.parts = now
        run.clear("parts", downstream=False).clear("by_parts.plan", downstream=False)
        run.clear("by_parts.make", 0).run()
        assert run.state == "failed"
        assert "plans other nodes than those that have run" in told(run, "by_parts.plan")
        run.clear("by_parts.plan").run()
        check(run, expected_parts())


def test_a_plan_without_nodes_is_followed_by_one_with_nodes():
    WORLD.parts = []
    run = begin(changing())
    check(run, [])
    WORLD.parts = ["x", "y"]
    run.clear("parts", downstream=False).clear("by_parts.plan", downstream=False).run()
    assert run.state_of("by_parts.plan") == "failed"
    assert "plans other nodes than those that have run or are listed" in told(run, "by_parts.plan")
    run.clear("by_parts.plan").run()
    check(run, expected_parts())


def test_a_planning_task_and_some_nodes_are_cleared_and_planned_the_same():
    run = succeeded(changing())
    change("x")
    run.clear("by_parts.plan", downstream=False).clear("by_parts.make", 0).run()
    assert run.state == "failed"
    as_told(run, "by_parts.result").run()
    check(run, expected_parts())


def test_an_upstream_task_cleared_alone_changes_nothing():
    run = succeeded(changing())
    before = run.xcom("keep")
    WORLD.parts = ["v"]
    run.clear("parts", downstream=False)
    assert run_again(run) == {("parts", -1)}
    assert run.xcom("keep") == before
    run.clear("by_parts.plan").run()
    check(run, expected_parts())


@dynamic_workflow(retries=1, retry_delay=0)
def restarted(names):
    made = [node(name) for name in names]
    if WORLD.acts.pop("plan", None):
        raise ValueError("as the test says")
    return made


@dag(schedule=None)
def restarting():
    keep(restarted(parts()))


def test_a_planning_task_that_failed_in_the_middle_is_retried():
    WORLD.acts = {"plan": "fail"}
    run = begin(restarting())
    assert run.tries()["restarted.plan", -1] == 2
    check(run, [value(name) for name in WORLD.parts])


def test_a_plan_that_failed_for_good_is_cleared_by_the_state():
    WORLD.acts = {"boom": True}
    run = begin(broken_dag())
    assert run.state == "failed"
    WORLD.acts = {}
    command(run, "--state", "failed", "--yes", workflow="broken").run()
    check(run, [value("x"), value("last", value("x")), value("y")])


@dynamic_workflow
def broken(names):
    if "boom" in WORLD.acts:
        raise ValueError("as the test says")
    first, *others = [node(name) for name in names]
    return [first, node("last", first), *others]


@dag(schedule=None)
def broken_dag():
    keep(broken(parts()))


def test_a_node_does_not_wait_for_ever_for_a_plan_that_failed():
    run = succeeded(broken_dag())
    check(run, [value("x"), value("last", value("x")), value("y")])
    WORLD.acts = {"boom": True}
    run.clear("broken.plan", downstream=False).clear(*place_of(run, "last")).run()
    assert run.state == "failed"
    assert "There is no plan: the state of 'broken.plan' is failed." in told(run, "broken.result")
    WORLD.acts = {}
    command(run, "--state", "failed", "--yes", workflow="broken").run()
    check(run, [value("x"), value("last", value("x")), value("y")])


@task(retries=2, retry_delay=0)
def stubborn():
    WORLD.acts["tries"] = WORLD.acts.get("tries", 0) + 1
    if WORLD.acts["tries"] < WORLD.acts["until"]:
        raise ValueError("as the test says")
    return WORLD.acts["tries"]


@dynamic_workflow
def patient():
    return stubborn()


@dag(schedule=None)
def retrying():
    keep(patient())


def test_a_node_is_retried_and_has_its_retries_again_when_it_is_cleared():
    WORLD.acts = {"until": 3}
    run = begin(retrying())
    check(run, 3)
    WORLD.acts = {"until": 3}
    command(run, "--node", "stubborn", "--yes", workflow="patient").run()
    check(run, 3)
    assert run.tries()["patient.stubborn", 0] == 6


@task(retries=1, retry_delay=timedelta(0))
def forgetful(given):
    if get_current_context()["ti"].try_number == 1:
        add_output_metadata({"try": 1})
        raise ValueError("as the test says")
    return given


@dynamic_workflow
def forgets():
    return forgetful(node("a"))


@dag(schedule=None)
def forgetting():
    keep(forgets())


def test_what_a_waiting_node_left_in_an_earlier_try_is_gone():
    run = begin(forgetting())
    check(run, value("a"))
    task_id, index = place_of(run, "forgetful")
    assert run.tries()[task_id, index] == 2
    assert run.xcom(task_id, METADATA_XCOM, index) is None


@task.dynamic(out=DynamicOut(int))
def keys():
    for key, number in WORLD.keys.items():
        yield DynamicOutput(number, mapping_key=key)


@dynamic_workflow(failure_policy="run_all")
def per_key(number):
    count = number + WORLD.more * (number == 2)
    return [node(f"after{index}", node(f"n{index}"), number) for index in range(count)]


@dag(schedule=None)
def mapped():
    keep(keys().map(lambda number: per_key(number)).collect(keyed=True))


def expected_mapped():
    return {
        key: [
            value(f"after{index}", value(f"n{index}"), number)
            for index in range(number + WORLD.more * (number == 2))
        ]
        for key, number in WORLD.keys.items()
    }


def test_in_a_map_one_keys_node_runs_again_with_what_depends_on_it():
    WORLD.acts = {"n1": "fail"}
    run = begin(mapped())
    assert run.state == "failed"
    WORLD.acts = {}
    as_told(run, "per_key.result", 1)
    assert names(run, run_again(run), "per_key") == {"b/n1", "b/after1", "b", "keep"}
    check(run, expected_mapped())


def test_in_a_map_a_node_of_all_keys_runs_again():
    run = succeeded(mapped())
    change("n0")
    command(run, "--node", "n0", "--yes", workflow="per_key")
    assert names(run, run_again(run), "per_key") >= {"a/n0", "a/after0", "b/n0", "b/after0"}
    check(run, expected_mapped())


def test_in_a_map_one_keys_planning_task_is_cleared_with_downstream():
    run = succeeded(mapped())
    WORLD.more += 1
    change("n0")
    run.clear("per_key.plan", 1).run()
    check(run, expected_mapped())


def test_in_a_map_one_keys_planning_task_is_cleared_alone_and_plans_others():
    run = succeeded(mapped())
    WORLD.more += 1
    run.clear("per_key.plan", 1, downstream=False).run()
    run.clear("per_key.result", 1).run()
    assert run.state == "failed"
    message = told(run, "per_key.result", 1)
    assert "'per_key.plan': it has planned again, but the tasks after it did not run again" in message
    assert message.endswith("Clear 'per_key.plan' with its downstream tasks, so that all nodes run again.")
    run.clear("per_key.plan", 1).run()
    check(run, expected_mapped())


def test_in_a_map_the_task_that_lists_the_nodes_of_all_keys_may_be_cleared_alone():
    run = succeeded(mapped())
    run.clear("per_key.gather", downstream=False)
    assert run_again(run) == {("per_key.gather", -1)}
    run.clear("per_key.result").run()
    check(run, expected_mapped())


@pytest.mark.parametrize(
    "now",
    [
        {"b": 3, "a": 0, "c": 1},
        pytest.param({"a": 1}, marks=may_lose_keys),
        pytest.param({"x": 2}, marks=may_lose_keys),
    ],
    ids=str,
)
def test_a_mapped_workflow_is_cleared_with_other_keys(now):
    run = succeeded(mapped())
    check(run, expected_mapped())
    WORLD.keys = now
    run.clear("keys").run()
    check(run, expected_mapped())
    change("n0")
    command(run, "--node", "n0", "--yes", workflow="per_key").run()
    check(run, expected_mapped())
