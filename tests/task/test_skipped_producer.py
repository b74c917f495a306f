"""The argument of a collector if the producing task was skipped. Its trigger rule decides whether it runs."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, errors
from tests.task_runs import FakeSupervisor, run_task

OWN_RULES = ["none_failed", "none_failed_min_one_success", "all_done"]


def run_collector(rule, *, how=None, state="skipped", is_mapped=True):
    """Run a collector of two fan-outs, one of which was not chosen."""

    @task.dynamic(out=DynamicOut(int))
    def chosen():
        yield DynamicOutput(1, "a")

    @task.dynamic(out=DynamicOut(int))
    def other():
        yield DynamicOutput(2, "b")

    @task
    def work(value):
        return value

    @task(**({} if rule is None else {"trigger_rule": rule}))
    def gather(here, there):
        return [here, there]

    @dag(schedule=None)
    def branching():
        handle = other().map(work) if is_mapped else other()
        gather(chosen().collect(), how(handle) if how else handle.collect())

    made, supervisor = branching(), FakeSupervisor()
    assert run_task(made, "chosen", supervisor=supervisor).state == "success"
    supervisor.states["other", -1] = supervisor.states["work", -1] = state
    return run_task(made, "gather", supervisor=supervisor)


def gathered(run):
    assert run.state == "success", run.error
    return run.supervisor.xcoms["gather", -1, "return_value"]


@pytest.mark.parametrize("is_mapped", [True, False])
@pytest.mark.parametrize("rule", OWN_RULES)
def test_a_rule_of_its_own_runs_it_with_an_empty_list(rule, is_mapped):
    assert gathered(run_collector(rule, is_mapped=is_mapped)) == [[1], []]


@pytest.mark.parametrize("how", [lambda handle: handle.collect(keyed=True), lambda handle: handle.states()])
def test_a_rule_of_its_own_runs_it_with_an_empty_dict(how):
    assert gathered(run_collector("all_done", how=how)) == [[1], {}]


@pytest.mark.parametrize("rule", [None, "all_success"])
@pytest.mark.parametrize("is_mapped", [True, False])
def test_without_one_it_is_skipped(rule, is_mapped):
    run = run_collector(rule, is_mapped=is_mapped)
    assert run.state == "skipped"


def test_a_producer_that_was_cleared_is_not_taken_for_a_skipped_one():
    assert run_collector("all_done", state=None).state == "skipped"


def test_a_producer_that_failed_is_not_taken_for_a_skipped_one():
    assert type(run_collector("all_done", state="failed").error) is errors.CollectError
