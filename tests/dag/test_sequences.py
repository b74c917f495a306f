"""Collections and workflows of several pages, whether Airflow cuts sequences by row or by map index.

Pages are made small here, so that a few keys need several.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.execution import collected
from airflow_dynamic_provider.execution.columns import nested
from airflow_dynamic_provider.execution.columns import results as columns
from airflow_dynamic_provider.version_compat import AirflowSkipException
from airflow_dynamic_provider.workflows.tasks import result_task
from tests.cut_sequences import cut_by_map_index
from tests.dag_runs import run_dag
from tests.workflow_runs import run_workflows

PAGE = 2
COUNT = 9
#: Gaps at the begin, at the end, and longer than a page.
FAILED, SKIPPED = {0, 4}, {3, 5, 8}


@pytest.fixture(autouse=True, params=[nullcontext, cut_by_map_index], ids=["by row", "by map index"])
def _cut(request, monkeypatch):
    for reading in (columns, nested):
        monkeypatch.setattr(reading, "AT_ONCE", PAGE)
    for reading in (columns, collected):
        monkeypatch.setattr(reading, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(result_task, "AT_ONCE", PAGE)
    with request.param():
        yield


@task.dynamic(out=DynamicOut(int))
def produce():
    for number in range(COUNT):
        yield DynamicOutput(number, f"n{number}")


@task
def double(number):
    if number in FAILED:
        raise ValueError("as the test says")
    if number in SKIPPED:
        raise AirflowSkipException("as the test says")
    return number * 2


@task
def look(values):
    return [values["n7"], values["n1"], dict(values)]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_collection_with_gaps_is_read_by_key(lazy):
    with DAG("gaps", schedule=None) as dag:
        look(produce().map(double).collect(keyed=True, min_success_ratio=0.1, lazy=lazy))
    run = run_dag(dag)
    whole = {f"n{number}": number * 2 for number in range(COUNT) if number not in FAILED | SKIPPED}
    assert run.xcom("look") == [14, 2, whole]


@task
def add(number, to):
    if number in SKIPPED:
        raise AirflowSkipException("as the test says")
    return number + to


@dynamic_workflow
def add_each(count):
    first = [add(number, 1) for number in range(count)]
    return [promise for number, promise in enumerate(first) if number not in SKIPPED]


def test_the_result_of_a_workflow_with_gaps_is_complete():
    with DAG("workflow_gaps", schedule=None) as dag:
        add_each(COUNT)
    run = run_workflows(dag)
    assert run.result("add_each") == [number + 1 for number in range(COUNT) if number not in SKIPPED]
