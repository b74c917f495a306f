"""Params of a Dag with workflows, in the triggerer too."""

from __future__ import annotations

import uuid

import pytest
from airflow.sdk import Param, dag, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from tests.dag_runs import start_run

ALONE = pytest.mark.skipif(not STARTS_IN_TRIGGERER, reason="Airflow 3.3 starts tasks in the triggerer")


@task
def add(one, other):
    return one + other


@dynamic_workflow
def add_again(value, count):
    return value if count == 0 else add_again(add(value, 1), count - 1)


@dag(schedule=None, params={"count": Param(type="integer"), "named": "a"})
def with_required_param():
    add_again(1, "{{ params.count }}")


@ALONE
def test_a_param_without_a_default_does_not_end_the_triggerer():
    from airflow.executors.workloads import TaskInstanceDTO
    from airflow.jobs.triggerer_job_runner import TriggerRunner

    from tests.dag_runs import dag_serialization

    run = start_run(with_required_param(), {"count": 2})
    encoded = dag_serialization().to_dict(run.dag)
    starting = [each.task_id for each in run.dag.tasks if getattr(each, "start_from_trigger", False)]
    assert len(starting) > 2
    for task_id in starting:
        ti = TaskInstanceDTO.model_construct(
            id=uuid.uuid4(),
            dag_id=run.dag.dag_id,
            run_id=run.run_id,
            task_id=task_id,
            map_index=0,
            try_number=1,
        )
        data = run.dag_run.dag_run_data.model_dump(exclude_unset=True)
        # What the triggerer does before it makes the trigger. An error here ends its process.
        context = TriggerRunner.create_runtime_ti(ti, encoded, data).get_template_context()
        assert context["params"] == {"count": 2, "named": "a"}, task_id
