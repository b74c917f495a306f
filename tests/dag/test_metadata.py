"""Metadata is attached to the task instances it is about, as XCom that a reader can understand."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    MetadataValue,
    Out,
    Output,
    add_output_metadata,
)
from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredItems, StoredMetadata, items_xcom
from tests.dag.tasks import RUNS_ASYNC_TASKS
from tests.dag_runs import run_dag


def stored(run, task_id, map_index=-1):
    return StoredMetadata.unpack(run.xcom(task_id, METADATA_XCOM, map_index))


@task
def plain(value):
    add_output_metadata({"seen": value})
    add_output_metadata({"twice": value * 2, "seen": MetadataValue.md(f"**{value}**")})
    return value


def test_metadata_of_an_output_is_on_the_producer_and_on_every_clone_of_its_key():
    @task.dynamic(out=DynamicOut(int))
    def produce():
        yield DynamicOutput(1, "a", metadata={"bytes": 10})
        yield DynamicOutput(2, "b", metadata={"bytes": 20})
        add_output_metadata({"checked": True}, mapping_key="b")
        add_output_metadata({"source": "a test"})

    @task
    def silent(value):
        return value

    @dag(schedule=None)
    def attached():
        produce().map(lambda value: plain(silent(value)))

    run = run_dag(attached())
    page = StoredItems.unpack(run.xcom("produce", items_xcom("result", 0)))
    items = [page.item(index) for index in range(2)]
    assert [item.key_path for item in items] == [("a",), ("b",)]
    assert items[0].metadata == {"bytes": MetadataValue.int(10)}
    assert items[1].metadata == {"bytes": MetadataValue.int(20), "checked": MetadataValue.bool(True)}
    assert stored(run, "produce").outputs == {"result": {"source": MetadataValue.text("a test")}}
    for task_id in ("silent", "plain"):
        assert stored(run, task_id, 1).inherited == items[1].metadata
        assert stored(run, task_id, 1).key_path == ("b",)
    assert stored(run, "silent", 0).outputs == {}
    assert stored(run, "plain", 0).outputs == {
        "result": {"seen": MetadataValue.md("**1**"), "twice": MetadataValue.int(2)}
    }


def test_any_task_may_add_metadata():
    @task.dynamic(out=DynamicOut(int))
    async def produce():
        add_output_metadata({"how": "async generator"})
        yield DynamicOutput(1, "a")

    @dag(schedule=None)
    def anywhere():
        plain(3)
        produce()

    run = run_dag(anywhere())
    assert run.state == "success"
    assert stored(run, "plain").outputs["result"]["twice"] == MetadataValue.int(6)
    assert stored(run, "produce").outputs["result"] == {"how": MetadataValue.text("async generator")}


@pytest.mark.skipif(not RUNS_ASYNC_TASKS, reason="this Airflow refuses an asynchronous @task")
def test_an_asynchronous_task_may_add_metadata():
    @task
    async def asynchronous():
        add_output_metadata({"how": "async"})

    @dag(schedule=None)
    def anywhere():
        asynchronous()

    run = run_dag(anywhere())
    assert run.state == "success"
    assert stored(run, "asynchronous").outputs["result"] == {"how": MetadataValue.text("async")}


def test_metadata_added_before_a_failure_is_kept():
    @task
    def broken():
        add_output_metadata({"so far": 7})
        raise ValueError("broken")

    @dag(schedule=None)
    def failed():
        broken()

    run = run_dag(failed())
    assert run.state_of("broken") == "failed"
    assert stored(run, "broken").outputs["result"] == {"so far": MetadataValue.int(7)}


def test_metadata_of_static_outputs_names_the_output():
    @task.dynamic(out={"one": Out(int), "many": DynamicOut(int)})
    def produce():
        add_output_metadata({"later": "wins"}, output_name="one")
        yield Output(1, "one", metadata={"later": "loses", "unit": "m"})

    @dag(schedule=None)
    def static():
        produce()

    assert stored(run_dag(static()), "produce").outputs == {
        "one": {"later": MetadataValue.text("wins"), "unit": MetadataValue.text("m")}
    }


def test_what_is_stored_is_plain_versioned_json():
    @task.dynamic(out=DynamicOut(int))
    def produce():
        yield DynamicOutput(1, "a", metadata={"when": MetadataValue.timestamp(0), "nothing": None})

    @dag(schedule=None)
    def plain_json():
        produce().map(plain)

    run = run_dag(plain_json())
    from airflow.models.xcom import XComModel
    from airflow.settings import Session

    rows = Session().query(XComModel).filter_by(run_id=run.run_id).all()
    documents = [row.value for row in rows if row.key.startswith(("dynamic_output", "output_metadata"))]
    assert documents
    assert all(document["version"] == 1 for document in documents)
    assert "__classname__" not in json.dumps([row.value for row in rows])
