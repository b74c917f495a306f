"""The cost of a clone and of a collector, in API calls and bytes."""

from __future__ import annotations

import gc
from unittest import mock

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.execution.layout import CLONE_XCOM, StoredClone
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from tests.task.cost_table import OF_AIRFLOW
from tests.task_runs import FakeSupervisor, run_task


def fan_out(count):
    """A Dag with two chained tasks per key and a collector; all but the collector have run for one key."""

    @task.dynamic(out=DynamicOut(str))
    def produce():
        for number in range(count):
            yield DynamicOutput(f"value {number:06}", mapping_key=f"key {number:06}", metadata={"n": 1})

    @task
    def first(value):
        return value.upper()

    @task
    def second(value):
        return value.lower()

    @task
    def collect(values):
        return len(values)

    @dag(schedule=None)
    def made():
        handle = produce()
        collect(handle.map(first).map(second).collect())
        collect.override(task_id="collect_produced")(handle.collect())

    return made()


def run_clones(made, supervisor, positions):
    """Run both clones of some keys. Return the calls of the last, and the bytes of its responses."""
    for position in positions:
        for task_id in ("first", "second"):
            del supervisor.messages[:]
            supervisor.received = 0
            assert run_task(made, task_id, position, supervisor).state == "success"
    return calls(supervisor), supervisor.received


def calls(supervisor):
    """Return all requests, in order."""
    names = [type(message).__name__ for message in supervisor.messages]
    return [name for name in names if name not in OF_AIRFLOW]


def test_a_clone_costs_the_same_at_a_hundred_keys_and_at_a_thousand():
    costs = []
    for count in (100, 1000):
        made, supervisor = fan_out(count), FakeSupervisor()
        assert run_task(made, "produce", supervisor=supervisor).state == "success"
        costs.append(run_clones(made, supervisor, [7]))
    assert costs[0] == costs[1]
    # Its own item, and its own key's upstream result; then its own XComs.
    assert costs[0][0] == ["GetXCom"] * 2 + ["SetXCom"] * 3


def nested_fan_out(count):
    """A Dag with ``count`` inner keys below each of two outer ones."""

    @task.dynamic(out=DynamicOut(int))
    def outer():
        yield DynamicOutput(1, "a")
        yield DynamicOutput(2, "b")

    @task.dynamic(out=DynamicOut(str))
    def inner(value):
        for number in range(count):
            yield DynamicOutput(f"value {number:06}", mapping_key=f"key {number:06}", metadata={"n": 1})

    @task
    def first(value):
        return value.upper()

    @task
    def second(value, outer):
        return value.lower()

    @dag(schedule=None)
    def made():
        outer().map(lambda one: inner(one).map(lambda each: second(first(each), one)))

    return made()


def test_a_clone_of_a_nested_key_costs_the_same_at_ten_keys_and_at_four_hundred():
    costs = []
    for count in (10, 400):
        made, supervisor = nested_fan_out(count), FakeSupervisor()
        run_task(made, "outer", supervisor=supervisor)
        for position in range(2):
            run_task(made, "inner", position, supervisor)
        assert run_task(made, "inner__keys", supervisor=supervisor).state == "success"
        costs.append(run_clones(made, supervisor, [7]))
    run_clones(made, supervisor, [500])
    assert supervisor.xcoms["second", 500, "return_value"] == "value 000100", "b's, on another page"
    (few, few_bytes), (many, many_bytes) = costs
    assert few == many
    # Its entry, its own key's upstream result, and the outer key's item; then its own XComs.
    assert many == ["GetXCom"] * 3 + ["SetXCom"] * 2
    # A page of the list of keys holds up to 64 of them, regardless of their number.
    assert many_bytes < few_bytes * 64 / 20 * 1.1


def test_a_value_inside_a_mapped_function_is_read_by_key_in_one_call():
    @task.dynamic(out=DynamicOut(int))
    def produce():
        yield DynamicOutput(1, "a")

    @task
    def work(value):
        return [value]

    @dag(schedule=None)
    def inner_chain():
        produce().map(lambda value: work.override(task_id="outer")({"nested": [work(value)]}))

    made, supervisor = inner_chain(), FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    run_task(made, "work", 0, supervisor)
    del supervisor.messages[:]
    assert run_task(made, "outer", 0, supervisor).state == "success"
    assert supervisor.xcoms["outer", 0, "return_value"] == [{"nested": [[1]]}]
    # Airflow itself makes three: it counts the task instances twice, and reads by position.
    assert calls(supervisor) == ["GetXCom", "GetXCom", "SetXCom"]


@pytest.mark.parametrize(
    ("collector", "asked"),
    [
        ("collect", ["GetTaskStates", "GetXCom", "GetXCom", "GetXComSequenceSlice"]),
        ("collect_produced", ["GetXCom"] * 3),
    ],
)
def test_collecting_a_thousand_costs_at_most_four_calls(collector, asked):
    made, supervisor = fan_out(1000), FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    run_clones(made, supervisor, range(3))
    stored = supervisor.xcoms["second", 0, "dynamic_output.result"]
    for position in range(1000):
        key = supervisor.xcoms["produce", -1, "return_value"][position]
        supervisor.xcoms["second", position, "dynamic_output.result"] = {
            **stored,
            "key_path": [key],
            "map_index": position,
        }
        supervisor.states["second", position] = "success"
    del supervisor.messages[:]
    run = run_task(made, collector, supervisor=supervisor)
    assert run.state == "success", run.message
    assert supervisor.xcoms[collector, -1, "return_value"] == 1000
    assert calls(supervisor) == [*asked, "SetXCom"]


def test_the_producer_stores_each_value_once():
    made, supervisor = fan_out(10), FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    # A page, the list of keys with its digest, and all values for the collector of the output itself.
    assert supervisor.count("SetXCom") == 1 + 3


def produced(count, size=6):
    """What a task costs that produces some outputs, which are mapped and collected."""

    @task.dynamic(out=DynamicOut(str))
    def produce():
        for number in range(count):
            yield DynamicOutput("x" * size, mapping_key=f"key {number:06}")

    @task
    def work(value):
        return len(value)

    @task
    def collect(values):
        return len(values)

    @dag(schedule=None)
    def made():
        handle = produce()
        handle.map(work)
        collect(handle.collect())

    supervisor = FakeSupervisor()
    made = made()
    with mock.patch.dict("os.environ", AIRFLOW__CORE__MAX_MAP_LENGTH="100000"):
        run = run_task(made, "produce", supervisor=supervisor)
    assert run.state == "success", run.message
    return made, supervisor


def test_ten_thousand_outputs_cost_at_most_two_calls_for_a_hundred():
    _, supervisor = produced(10_000)
    assert len(calls(supervisor)) <= 10_000 * 0.02


@pytest.mark.parametrize("position", [0, 63, 64, 199])
def test_a_clone_of_a_large_value_reads_its_value_and_not_those_of_others(position):
    made, supervisor = produced(200, size=100_000)
    del supervisor.messages[:]
    supervisor.received = 0
    assert run_task(made, "work", position, supervisor).state == "success"
    assert supervisor.xcoms["work", position, "return_value"] == 100_000
    # The first part of its page says where it is; each value has a part of its own.
    assert calls(supervisor)[: 1 + (position % 64 > 0)] == ["GetXCom"] * (1 + (position % 64 > 0))
    assert supervisor.received < 250_000


def test_large_values_are_collected_from_all_their_parts():
    made, supervisor = produced(200, size=100_000)
    run = run_task(made, "collect", supervisor=supervisor)
    assert run.state == "success", run.message
    assert supervisor.xcoms["collect", -1, "return_value"] == 200


def test_a_producing_task_hands_on_what_it_has_yielded():
    alive = []
    content = "x" * 100_000

    @task.dynamic(out=DynamicOut(list))
    def produce():
        for number in range(20):
            yield DynamicOutput([number, content], mapping_key=str(number))
            # Those that somebody still holds.
            lists = (each for each in gc.get_objects() if type(each) is list and len(each) == 2)
            alive.append(sum(each[1] is content for each in lists))

    @dag(schedule=None)
    def made():
        produce()

    class Forgetful(FakeSupervisor):
        """Keeps nothing of what it is sent."""

        def send(self, msg):
            answer = super().send(msg)
            self.messages.clear()
            self.xcoms.clear()
            return answer

    # A look at all the objects that the tests before have made would take a second.
    gc.freeze()
    try:
        run = run_task(made(), "produce", supervisor=Forgetful())
    finally:
        gc.unfreeze()
    assert run.state == "success", run.message
    assert min(alive) >= 1
    # The first part of the page, the part that is being filled, and what the generator yielded last.
    assert max(alive) <= 4, alive


def states_asked(count, task_id):
    """What a clone of some keys is asked and answered about states, of keys that were produced twice."""

    @task.dynamic(out=DynamicOut(str))
    def produce():
        for number in range(count):
            yield DynamicOutput("value", mapping_key=f"key {number:06}")

    @task
    def first(value):
        return value

    @task
    def total(values):
        return len(values)

    @task
    def gated(value, all_of_them):
        return value

    @task(trigger_rule="all_done")
    def own_rule(value):
        return value

    @dag(schedule=None)
    def made():
        handle = produce()
        firsts = handle.map(first)
        every = total(firsts.collect(min_success_ratio=0.5))
        firsts.map(lambda value: gated(value, every))
        firsts.map(own_rule)

    made, supervisor = made(), FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    for page in (xcom_key for xcom_key in supervisor.xcoms if ".page." in xcom_key[2]):
        supervisor.xcoms[page]["attempt"] = 2
    supervisor.states |= {("first", position): "success" for position in range(count)}
    for position in range(count):
        mark = StoredClone((f"key {position:06}",), position, 2)
        supervisor.xcoms["first", position, CLONE_XCOM] = mark.pack()
    for ran in ("first", "total"):
        assert run_task(made, ran, -1 if ran == "total" else 7, supervisor).state in ("success", "failed")
    del supervisor.messages[:]
    supervisor.received = 0
    assert run_task(made, task_id, 7, supervisor).state == "success"
    return calls(supervisor), supervisor.received


@pytest.mark.parametrize("task_id", ["gated__gate", "own_rule"])
def test_the_states_of_other_keys_are_not_read_after_a_retry_of_the_producing_task(task_id):
    few, many = states_asked(100, task_id), states_asked(1000, task_id)
    assert few == many
    assert "GetTaskStates" in many[0]


@task
def add(left, right):
    return left + right


def static_calls():
    """The calls of two chained tasks that the Dag file calls."""

    @dag(schedule=None)
    def static():
        add(add.override(task_id="first")(0, 1), 2)

    made, supervisor = static(), FakeSupervisor()
    return [calls_of(made, supervisor, "first"), calls_of(made, supervisor, "add")]


def node_calls(policy):
    """The calls of the nodes of two chained calls in a body. The second has waited in the triggerer."""

    @dynamic_workflow(tasks=[add], failure_policy=policy)
    def add_up(count):
        return add(add(0, 1), count)

    @dag(schedule=None)
    def planned():
        add_up(2)

    made, supervisor = planned(), FakeSupervisor()
    for task_id in ("add_up.plan", "add_up.nodes.add", "add_up.nodes.add__after"):
        assert run_task(made, task_id, supervisor=supervisor).state == "success"
    found = [
        calls_of(made, supervisor, "add_up.add", 0),
        calls_of(made, supervisor, "add_up.add__after", 0, "go_on"),
    ]
    assert supervisor.xcoms["add_up.add__after", 0, "return_value"] == 3
    return found


def calls_of(made, supervisor, task_id, map_index=-1, next_method=None):
    """Run a task, and return its calls."""
    del supervisor.messages[:]
    run = run_task(made, task_id, map_index, supervisor, next_method)
    assert run.state == "success", run.message
    return calls(supervisor)


@pytest.mark.skipif(not STARTS_IN_TRIGGERER, reason="nodes start on a worker before they wait")
def test_a_node_makes_two_more_calls_than_a_task_of_a_static_dag():
    static, nodes = static_calls(), node_calls("run_all")
    assert static == [["SetXCom"], ["GetXCom", "SetXCom"]]
    # It reads the page with its node, and stores its value with what the value was computed from.
    assert nodes == [["GetXCom", "SetXCom", "SetXCom"], ["GetXCom", "GetXCom", "SetXCom", "SetXCom"]]


@pytest.mark.skipif(not STARTS_IN_TRIGGERER, reason="nodes start on a worker before they wait")
def test_a_node_that_starts_at_once_makes_one_call_to_see_whether_another_has_failed():
    direct, waiting = node_calls("fail_fast")
    # A node that waits has been told by its trigger.
    assert [direct, waiting[2:]] == [["GetXCom", "GetTICount", "SetXCom", "SetXCom"], ["SetXCom", "SetXCom"]]
