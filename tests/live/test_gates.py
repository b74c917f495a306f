"""Gates of programs for Flyte, whose questions are answered through Airflow's REST API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dynamic_provider.airflow_adapter.waits import asking_operator

if TYPE_CHECKING:
    from tests.live.local_airflow import LocalAirflow
    from tests.live.rest_client import RestClient


def test_gates_wait_for_answers_and_go_on(airflow: LocalAirflow, client: RestClient) -> None:
    assert asking_operator() is not None
    run_id = client.trigger("gated", {"x": 2})
    runs = f"/api/v2/dags/gated/dagRuns/{run_id}"
    answer(airflow, client, runs, "proceed", chosen_options=["Approve"])
    # An integer is a number, where a float is expected.
    answer(airflow, client, runs, "rate", chosen_options=["OK"], params_input={"value": 3})
    assert client.wait("gated", run_id) == "success"
    assert client.xcom("gated", run_id, "gated.result") == 9.0


def answer(airflow: LocalAirflow, client: RestClient, runs: str, subject: str, **given: Any) -> None:
    """Wait until something is asked, and answer as late as a person would.

    The scheduler of Airflow 3.3 fails a task instance that is queued again before the scheduler has heard of
    the end of the process that asked.
    """
    until = time.monotonic() + 240
    while time.monotonic() < until:
        asked = client.get(f"{runs}/hitlDetails")["hitl_details"]
        for each in asked:
            instance = each["task_instance"]
            ended = f"executor event with state success for task instance {_key(instance)}"
            if (
                each["subject"] == subject
                and not each["response_received"]
                and airflow.has_logged("scheduler", ended)
            ):
                path = f"{runs}/taskInstances/{instance['task_id']}/{instance['map_index']}/hitlDetails"
                assert client.http.patch(path, json=given).is_success
                return
        time.sleep(0.5)
    pytest.fail(f"nobody asked {subject!r}")


def _key(instance: dict[str, Any]) -> str:
    """Return a task instance as the scheduler's log names it."""
    return (
        f"TaskInstanceKey(dag_id={instance['dag_id']!r}, task_id={instance['task_id']!r}, "
        f"run_id={instance['dag_run_id']!r}, try_number={instance['try_number']}, "
        f"map_index={instance['map_index']})"
    )
