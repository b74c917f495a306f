"""The supervisor of these tests refuses to let a task write XComs of another task instance."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, get_current_context, task

from tests.foreign_writes import EXPECTED, address_of, try_all
from tests.task_runs import FakeSupervisor, run_task


@task
def write():
    return try_all(address_of(get_current_context()["ti"]))


@pytest.mark.parametrize("map_index", [0, 1])
def test_foreign_writes_and_deletes_are_refused(map_index):
    supervisor = FakeSupervisor()
    with DAG("foreign_writes", schedule=None) as dag:
        write()
    run = run_task(dag, "write", map_index, supervisor)
    assert run.state == "success", run.message
    assert supervisor.xcoms == {
        ("write", map_index, "written"): "by its own",
        ("write", map_index, "return_value"): EXPECTED,
    }
