"""The quick way to Airflow's API answers as the whole application does, with all its layers."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import httpx
import pytest
from airflow.sdk import DAG, task
from airflow.sdk.api.datamodels._generated import API_VERSION

from tests.dag_runs import run_dag
from tests.strict_api import CALLER_HEADER

#: Requests with every kind of answer, as method, path and body; "XCOMS" stands for the XComs of a run.
REQUESTS = {
    "a value": ("GET", "XCOMS/many/return_value?map_index=1", None),
    "no value": ("GET", "XCOMS/many/nothing", None),
    "the number of values": ("HEAD", "XCOMS/many/return_value", None),
    "a slice": ("GET", "XCOMS/many/return_value/slice?start=0&stop=1&step=1", None),
    "an item": ("GET", "XCOMS/many/return_value/item/1", None),
    "a key with a slash": ("GET", "XCOMS/many/a/b%20c", None),
    "a wrong parameter": ("GET", "XCOMS/many/return_value?map_index=x", None),
    "states": ("GET", "/task-instances/states?dag_id=quick&task_ids=many&task_ids=five", None),
    "a number": ("GET", "/task-instances/count?dag_id=quick", None),
    "a write": ("POST", "XCOMS/five/written", [1, {"a": None}]),
    "a foreign write": ("POST", "XCOMS/many/written", 1),
    "a body that is no JSON": ("PATCH", "/task-instances/ID/state", "{"),
    "a body of another shape": ("PATCH", "/task-instances/ID/state", {"state": "odd"}),
    "a second start": (
        "PATCH",
        "/task-instances/ID/run",
        {
            "state": "running",
            "hostname": "h",
            "unixname": "u",
            "pid": 1,
            "start_date": "2026-01-01T00:00:00Z",
        },
    ),
    "no task instance": ("PATCH", "/task-instances/NOBODY/state", {"state": "removed"}),
    "a path of older versions": ("GET", "/dag-runs/quick/previous?logical_date=2026-01-01T00:00:00Z", None),
    "no path": ("GET", "/nowhere", None),
    "no such method": ("PATCH", "/health", None),
}


@pytest.fixture(scope="module")
def run():
    @task
    def many(x):
        return {"x": x}

    @task
    def five():
        return 5

    with DAG("quick", schedule=None) as dag:
        many.expand(x=[1, 2])
        five()
    run = run_dag(dag)
    assert run.state == "success"
    return run


@pytest.fixture(scope="module")
def transport():
    """What sends the requests of tasks in these tests."""
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    return in_process_api_server().transport


@pytest.mark.parametrize("name", REQUESTS)
def test_both_ways_give_the_same_answer(run, transport, name):
    quick = transport.handle_request(_request(run, name, API_VERSION))
    whole = asyncio.run(_whole(transport, _request(run, name, API_VERSION)))

    assert (quick.status_code, json.loads(quick.read() or "null")) == whole[:2]
    assert dict(quick.headers) == whole[2]


def test_the_whole_application_answers_a_request_of_an_older_version(run, transport):
    from airflow.api_fastapi.execution_api.versions import bundle

    older = bundle.version_values[1]
    answer = transport.handle_request(_request(run, "a value", older))

    assert (answer.status_code, answer.headers["airflow-api-version"]) == (200, older)


def _request(run, name, version):
    method, path, body = REQUESTS[name]
    ti_id = str(run.instances("five")[-1].id)
    path = path.replace("XCOMS", f"/xcoms/quick/{run.run_id}").replace("ID", ti_id)
    path = path.replace("NOBODY", str(UUID(int=0)))
    content = None if body is None else body if body == "{" else json.dumps(body)
    headers = {"airflow-api-version": version, "content-type": "application/json", CALLER_HEADER: ti_id}
    return httpx.Request(method, f"http://in-process.invalid{path}", content=content, headers=headers)


async def _whole(transport, request):
    answer = await transport.to_whole.handle_async_request(request)
    body = await answer.aread()
    return answer.status_code, json.loads(body or "null"), dict(answer.headers)
