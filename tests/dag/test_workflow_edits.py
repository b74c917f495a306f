"""What becomes of nodes that wait when the Dag file is changed while their run goes on."""

from __future__ import annotations

from types import SimpleNamespace

from airflow.sdk import DAG, task

from airflow_dynamic_provider import dynamic_workflow
from tests.dag.tasks import keep
from tests.dag.workflow_clears import told
from tests.dag_runs import start_run

WORLD = SimpleNamespace()


@task
def make(name, *inputs):
    if name == "first":
        # While this runs, somebody changes the file.
        WORLD.change()
    return [name, *inputs]


@task
def other(name, *inputs):
    return [f"other {name}", *inputs]


def node(name, *inputs):
    return make.override(task_id=name)(name, *inputs)


def calling(inner):
    """A workflow that calls another one, which is planned later and calls a task."""

    @dynamic_workflow
    def later(value):
        return inner.override(task_id="inner")("inner", value)

    @dynamic_workflow(failure_policy="run_all")
    def graph():
        first = node("first")
        return [node("third", later(first)), node("second", first)]

    return graph


@dynamic_workflow(failure_policy="run_all")
def with_both():
    first = node("first")
    return [node("third", other("gone", first)), node("second", first)]


@dynamic_workflow(failure_policy="run_all")
def without_a_kind():
    first = node("first")
    return [node("third", first), node("second", first)]


def version(workflow):
    """A version of the file, with another body of the workflow."""
    with DAG("edited", schedule=None) as dag:
        keep(workflow.override(task_id="graph")())
    return dag


def run_changed(old, new):
    run = start_run(version(old))

    def change():
        WORLD.change = lambda: None
        run.edit(version(new))

    WORLD.change = change
    return run.run()


def states(run):
    """Node, or task, -> state, without what Airflow has removed."""
    return {
        ti._rendered_map_index or ti.task_id.removeprefix("graph."): str(ti.state)
        for ti in run.dag_run.get_task_instances()
        if ti.state != "removed"
    }


def test_a_kind_that_is_planned_later_is_new():
    run = run_changed(calling(make), calling(other))
    found = states(run)
    assert (run.state, found["second"]) == ("failed", "success")
    # It was blocked in the triggerer, which cannot label it.
    assert run.states("graph.make__after")[0] == "skipped"
    said = "now plans 'later/inner', but the run began without a task for it: the Dag has changed"
    assert said in told(run, "graph.nodes.other__after")
    assert "'graph.nodes.other__after' failed, and its log says why" in told(run)
    run.clear("graph.plan").run()
    assert run.xcom("keep") == [["third", ["other inner", ["first"]]], ["second", ["first"]]]


def test_a_kind_that_is_planned_already_is_not_there_any_more():
    run = run_changed(with_both, without_a_kind)
    found = states(run)
    assert (run.state, found["second"], found["result"]) == ("failed", "success", "failed")
    assert "'other' is planned to run 'other', for which 'graph' has no task" in told(run)
    assert "Clear 'graph.plan' with its downstream tasks" in told(run)
    run.clear("graph.plan").run()
    assert run.xcom("keep") == [["third", ["first"]], ["second", ["first"]]]


def test_a_kind_is_new_that_is_not_planned_in_this_run():
    run = run_changed(without_a_kind, with_both)
    assert run.state == "success"
    assert run.xcom("keep") == [["third", ["first"]], ["second", ["first"]]]
