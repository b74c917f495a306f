"""The stored documents of very many keys fit into one statement of a database."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.definitions.keys import MAX_KEY_LENGTH
from tests.task_runs import FakeSupervisor, run_task

COUNT = 10_000

#: MySQL's ``max_allowed_packet`` by default, and that of MariaDB and of MySQL before 8.
MYSQL, OLDER = 64 * 2**20, 16 * 2**20


@pytest.mark.parametrize(("character", "packet"), [("é", OLDER), ("\N{FOX FACE}", MYSQL)])
def test_the_longest_keys_in_one_xcom(monkeypatch, character, packet):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", str(COUNT))

    @task.dynamic(out=DynamicOut(int))
    def produce():
        for number in range(COUNT):
            yield DynamicOutput(number, f"{number:05}".ljust(MAX_KEY_LENGTH, character))

    @task
    def work(value):
        return value

    with DAG("many", schedule=None) as dag:
        produce().map(work)
    supervisor = FakeSupervisor()
    assert run_task(dag, "produce", supervisor=supervisor).state == "success"
    assert max(map(sent_bytes, supervisor.xcoms.values())) < packet


def sent_bytes(value) -> int:
    """Return the bytes of an XCom in a statement. SQLAlchemy escapes characters that are not ASCII."""
    return len(json.dumps(value))
