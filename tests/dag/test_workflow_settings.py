"""What the settings of a kind, of a Dag's defaults and of Airflow's operators mean for nodes."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from airflow.sdk import DAG, dag, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import PromiseUsageError
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from tests.dag_runs import run_dag


@task
def number(value):
    return value


@task(do_xcom_push=False)
def silent(value):
    return value


@task(map_index_template="{{ mine }}", trigger_rule="all_done", execution_timeout=timedelta(hours=1))
def odd(value):
    return value


@task
def slow(value):
    time.sleep(value)


@dynamic_workflow
def quiet(value):
    return number(silent(value))


@dynamic_workflow
def ordered(value):
    first = silent(value)
    first >> (last := odd(value))
    return last


@dynamic_workflow
def too_slow():
    return slow(20)


def test_a_task_that_stores_nothing_has_no_value():
    with pytest.raises(
        PromiseUsageError, match="'silent' has no value, because it is annotated with -> None or has"
    ):
        quiet.local(1)


def test_settings_that_would_hurt_the_clones_are_kept_from_them():
    @dag(schedule=None, default_args={"trigger_rule": "all_done", "execution_timeout": timedelta(seconds=1)})
    def settings():
        number.override(task_id="after")(ordered(1))
        too_slow()

    made = settings()
    nodes = made.get_task("ordered.odd")
    assert nodes.partial_kwargs["trigger_rule"] == "all_success"
    assert nodes.partial_kwargs["execution_timeout"] is None
    assert nodes.operator_class.time_limit == timedelta(hours=1)
    run = run_dag(made)
    assert run.xcom("after") == 1
    waiting = "ordered.odd__after" if STARTS_IN_TRIGGERER else "ordered.odd"
    assert run.states(waiting) == {"odd": "success"}
    assert run.xcoms("ordered.silent") == {}
    # The default of the Dag is the limit of a node that says nothing itself.
    assert run.states("too_slow.slow") == {"slow": "failed"}


@pytest.mark.skipif(not STARTS_IN_TRIGGERER, reason="all nodes of a kind are in one lane")
@pytest.mark.parametrize(("rule", "direct"), [("downstream", 4), ("absolute", 3), ("upstream", 3)])
def test_nodes_that_start_at_once_run_before_those_that_have_waited(rule, direct):
    with DAG("weights", schedule=None, default_args={"priority_weight": 3, "weight_rule": rule}) as made:
        ordered(1)
    weights = [made.get_task(f"ordered.odd{lane}").priority_weight for lane in ("", "__after")]
    assert weights == [direct, 3]


def test_a_workflow_is_the_same_at_every_parse():
    from tests.dag_runs import dag_serialization

    def serialized():
        with DAG("same", schedule=None) as made:
            ordered(1)
        return dag_serialization().to_dict(made)

    assert serialized() == serialized()
