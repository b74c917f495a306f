"""The JSON behind the pages, answered by Airflow's whole API server in this process."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    MetadataValue,
    add_output_metadata,
    dynamic_workflow,
)
from tests.api_server import ApiServer
from tests.dag_runs import start_run

FAILING = {"b"}

HOSTILE = "<script>window.hacked = true</script>"


@task.dynamic(out=DynamicOut(str, description="The letters"))
def letters():
    for letter in ("a", "b", "c", HOSTILE):
        yield DynamicOutput(letter, mapping_key=letter, metadata={"size": len(letter)})


@task
def shout(letter):
    if letter in FAILING:
        raise ValueError("as the test says")
    add_output_metadata({"length": len(letter) * 10, "report": MetadataValue.md("**fine** <b>no</b>")})
    return letter.upper()


@task
def whisper(letter):
    return letter.lower()


@task.dynamic(out=DynamicOut(int))
def digits(letter):
    for digit in range(2):
        yield DynamicOutput(digit, mapping_key=f"{letter}{digit}", metadata={"digit": digit})


@task
def square(digit):
    return digit * digit


@task
def count(values):
    return len(values)


@task
def step(value):
    return value


@dynamic_workflow
def graph():
    first = step.override(task_id="first")(1)
    return step.override(task_id="second")(first)


@dag(schedule=None)
def shown():
    def each(letter):
        loud = shout(letter)
        digits(loud).map(square)
        return whisper(loud)

    count(letters().map(each).collect())
    graph()


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    FAILING.add("b")
    return start_run(shown()).run()


@pytest.fixture(scope="module")
def server(airflow_database):
    return ApiServer()


@pytest.fixture
def get(server, run):
    def get(path, status=200, **parameters):
        answer = server.get(f"/dags/shown/{path}".replace("RUN", run.run_id), **parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    return get


def test_what_a_dag_declares(get):
    found = get("outputs")
    assert [space["of"] for space in found["spaces"]] == ["letters.result", "digits.result"]
    letters, digits = found["spaces"]
    assert letters["description"] == "The letters"
    assert [column["task_id"] for column in letters["columns"]] == ["shout", "digits", "whisper"]
    assert (digits["kind"], digits["depth"]) == ("nested", 2)
    assert found["workflows"] == [{"name": "graph", "is_mapped": False}]


def test_what_there_is_in_a_run(get):
    print(get("runs/RUN/outputs"))
    print(get("runs/RUN/keys", of="letters.result"))
    print(get("runs/RUN/keys", of="digits.result"))
    print(get("runs/RUN/keys", of="digits.result", parent='["a"]'))
    print(get("runs/RUN/workflows/graph"))
    print(get("runs/RUN/task-instances/shout/0"))
    print(get("runs/RUN/task-instances/letters/-1"))
    print(get("runs/RUN/task-instances/square/0"))
    print(get("runs/RUN/keys-metadata", of="letters.result"))
    print(get("history", of="letters.result"))
    print(get("numbers", of="letters.result"))
    assert 0
