"""When a task runs that is ordered after all clones, without receiving their values: as a collector would."""

from __future__ import annotations

import pytest
from airflow.sdk import Label, TaskGroup, chain, dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep
from tests.dag_runs import start_run

FOUND = {
    "no keys": [],
    "one skipped": ["a", "skip"],
    "all skipped": ["skip"],
    "one failed": ["a", "fail"],
    "all well": ["a", "b"],
    "producer skipped": None,
}


def fan_out(found, task_id="produce"):
    @task.dynamic(out=DynamicOut(str), task_id=task_id)
    def produce():
        if found is None:
            raise AirflowSkipException("nothing today")
        for name in found:
            yield DynamicOutput(name, mapping_key=name)

    return produce()


@task
def work(name):
    if name == "skip":
        raise AirflowSkipException("not this one")
    if name == "fail":
        raise ValueError("broken")
    return name


@task
def end():
    return "ended"


@dynamic_workflow
def begin_later():
    return end()


def by_arrow(handle):
    handle >> end()


def by_reversed_arrow(handle):
    end() << handle


def by_label(handle):
    handle >> Label("then") >> end()


def by_chain(handle):
    chain(handle, [end()])


def by_group(handle):
    with TaskGroup("last") as last:
        end.override(task_id="end", task_group=last)()
    handle >> last


def by_workflow(handle):
    handle >> begin_later()


def by_other_keys(handle):
    handle >> fan_out(["x"], task_id="others").map(lambda name: end())


ORDERS = [by_arrow, by_reversed_arrow, by_label, by_chain, by_group, by_workflow, by_other_keys]


def decided(run, order):
    """What became of the task that was ordered last."""
    ids = {by_group: "last.end", by_workflow: "begin_later.end"}
    states = set(run.states(ids.get(order, "end")).values())
    return states.pop() if states else None


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("found", FOUND)
def test_a_task_after_a_handle_decides_as_a_collector_does(order, found):
    @dag(schedule=None)
    def ordered():
        handle = fan_out(FOUND[found]).map(work)
        order(handle)
        keep(handle.collect())

    run = start_run(ordered()).run()
    collected = run.state_of("keep")
    expected = {"one failed": "upstream_failed", "producer skipped": "skipped"}
    assert collected == expected.get(found, "success")
    if order is by_workflow and collected != "success":
        assert run.state_of("begin_later.plan") == collected
    else:
        assert decided(run, order) == collected


@pytest.mark.parametrize("found", [["a", "skip"], []])
def test_a_task_after_a_group_that_ends_with_a_map_decides_as_a_collector_does(found):
    @dag(schedule=None)
    def grouped():
        with TaskGroup("etl") as etl:
            fan_out(found).map(work)
        etl >> end()

    assert start_run(grouped()).run().state_of("end") == "success"


def test_a_task_with_a_trigger_rule_of_its_own_keeps_its_edges():
    @dag(schedule=None)
    def ruled():
        fan_out([]).map(work) >> end.override(trigger_rule="all_skipped")()

    made = ruled()
    assert made.get_task("end").upstream_task_ids == {"work"}
    assert start_run(made).run().state_of("end") == "success"


def test_what_is_ordered_after_inner_keys_decides_for_all_outer_keys_together():
    @task.dynamic(out=DynamicOut(str))
    def inner(name):
        for part in ["skip"] if name == "b" else []:
            yield DynamicOutput(part, mapping_key=part)

    @task_group
    def outer(name):
        return inner(name).map(work)

    @dag(schedule=None)
    def nested():
        fan_out(["a", "b"]).map(outer) >> end()

    assert start_run(nested()).run().state_of("end") == "success"


def test_no_keys_of_an_output_that_is_not_required_do_not_skip_what_is_ordered():
    @task.dynamic(out=DynamicOut(is_required=False))
    def nothing():
        return
        yield

    @dag(schedule=None)
    def optional():
        nothing().map(work) >> end()

    assert start_run(optional()).run().state_of("end") == "success"


def test_one_more_task_stands_between_however_many_are_ordered():
    @dag(schedule=None)
    def several():
        handle = fan_out(["a"]).map(work)
        handle >> [end(), end.override(task_id="second")()]

    made = several()
    assert {"work__unfailed", "produce"} == made.get_task("end").upstream_task_ids
    assert made.get_task("second").upstream_task_ids == made.get_task("end").upstream_task_ids
    assert made.get_task("work").downstream_task_ids == {"work__unfailed"}
