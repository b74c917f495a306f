"""Gates of programs for Flyte, whose questions are answered through Airflow's REST API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dynamic_provider.airflow_adapter.waits import asking_operator

if TYPE_CHECKING:
    from tests.live.rest_client import RestClient


def test_gates_wait_for_answers_and_go_on(client: RestClient) -> None:
    assert asking_operator() is not None
    run_id = client.trigger("gated", {"x": 2})
    runs = f"/api/v2/dags/gated/dagRuns/{run_id}"
    answer(client, runs, "proceed", chosen_options=["Approve"])
    # An integer is a number, where a float is expected.
    answer(client, runs, "rate", chosen_options=["OK"], params_input={"value": 3})
    assert client.wait("gated", run_id) == "success"
    assert client.xcom("gated", run_id, "gated.result") == 9.0


def answer(client: RestClient, runs: str, subject: str, **given: Any) -> None:
    """Wait until something is asked, and answer."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        asked = client.get(f"{runs}/hitlDetails")["hitl_details"]
        for each in asked:
            if each["subject"] == subject and not each["response_received"]:
                instance = each["task_instance"]
                path = f"{runs}/taskInstances/{instance['task_id']}/{instance['map_index']}/hitlDetails"
                assert client.http.patch(path, json=given).is_success
                return
        time.sleep(0.5)
    pytest.fail(f"nobody asked {subject!r}")
