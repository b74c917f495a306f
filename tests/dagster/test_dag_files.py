"""What Airflow finds in a Dag file with a program for Dagster, with its default settings, and how it runs."""

from __future__ import annotations

import pytest

from airflow_dynamic_provider.dags_from import dagster
from tests.dag_runs import dag_serialization, run_dag
from tests.dagster.running import MODULE
from tests.flyte.running import dags_in
from tests.workflow_runs import quickly

OPS = f"""
import os

from {MODULE} import *
from {MODULE} import AssetMaterialization, Config, Definitions, DynamicOut, DynamicOutput, ScheduleDefinition
from {MODULE} import graph_asset, in_process_executor, job, op, resource, success_hook

def note(text):
    with open(os.environ["DAGSTER_TEST_EVENTS"], "a") as file:
        file.write(text + "\\n")

class Count(Config):
    count: int = 2

@resource(config_schema={{"prefix": str}})
def store(context):
    note("open")
    yield context.resource_config["prefix"]
    note("close")

@success_hook
def hook(context):
    note(context.step_key)

@op(out=DynamicOut(str), pool="default_pool", tags={{"dagster/priority": "3"}})
def produce(config: Count):
    for i in range(config.count):
        yield DynamicOutput(f"v{{i}}", mapping_key=f"k{{i}}", metadata={{"number": i}})

@op(required_resource_keys={{"store"}}, config_schema={{"suffix": str}})
def work(context, x):
    assert context.run_id.startswith("manual__")
    context.log_event(AssetMaterialization(f"file_{{context.get_mapping_key()}}", metadata={{"value": x}}))
    return context.resources.store + x + context.op_config["suffix"]

@op
def gathered(xs):
    return (len(xs), *xs)
"""

FILE = """
@job(resource_defs={"store": store}, hooks={hook}, executor_def=in_process_executor,
     config={"ops": {"work": {"config": {"suffix": "!"}}},
             "resources": {"store": {"config": {"prefix": "p"}}}})
def process():
    '''What it does.'''
    gathered(produce().map(work).collect())

@job
def other():
    gathered(produce().collect())

@graph_asset
def table():
    return gathered(produce().collect())

defs = Definitions(jobs=[process], schedules=[ScheduleDefinition(other, "0 5 * * *")], assets=[table])
"""


@pytest.fixture
def dags(tmp_path):
    return dags_in(tmp_path, program=OPS + FILE)


def test_each_job_is_a_dag(dags):
    assert set(dags) == {"process", "other", "table"}
    process = dags["process"]
    assert (process.schedule, process.doc_md, process.max_active_tasks) == (None, "What it does.", 1)
    assert dags["other"].timetable.expression == "0 5 * * *"
    assert [asset.name for asset in dags["table"].get_task("gathered").outlets] == ["table"]
    produce = process.get_task("produce")
    assert (produce.pool, produce.priority_weight) == ("default_pool", 3)
    assert process.params.dump() == {
        "ops": {"work": {"config": {"suffix": "!"}}},
        "resources": {"store": {"config": {"prefix": "p"}}},
    }


def test_a_run_takes_its_config_and_tears_resources_down(dags, tmp_path, monkeypatch):
    from airflow.models.asset import AssetEvent
    from airflow.sdk.exceptions import ParamValidationError
    from airflow.utils.session import create_session

    monkeypatch.setenv("DAGSTER_TEST_EVENTS", str(tmp_path / "events"))
    process = dags["process"]
    # Airflow refuses what does not fit before anything runs.
    with pytest.raises((ValueError, ParamValidationError), match="ops"):
        run_dag(process, {"ops": {"produce": {"config": {"count": "many"}}}})
    with quickly():
        run = run_dag(
            process, {"ops": {"produce": {"config": {"count": 3}}, "work": {"config": {"suffix": "?"}}}}
        )
    assert run.state == "success"
    assert run.states("work") == {f"k{i}": "success" for i in range(3)}
    assert run.xcom("gathered") == {"$kind": "tuple", "items": [3, "pv0?", "pv1?", "pv2?"]}
    # A task instance has a process of its own, so each sets up its resources.
    assert sorted((tmp_path / "events").read_text().split()) == sorted(
        ["produce", "gathered", *(f"work[k{i}]" for i in range(3)), *["open", "close"] * 3]
    )
    with create_session() as session:
        found = {event.asset.name: event.extra for event in session.query(AssetEvent)}
    assert {f"file_k{i}": {"value": f"v{i}"} for i in range(3)}.items() <= found.items()


def test_jobs_of_imported_files_are_no_dags(tmp_path, monkeypatch):
    folder, own = tmp_path / "library", tmp_path / "dags"
    folder.mkdir()
    own.mkdir()
    (folder / "dagster_library_of_a_test.py").write_text(OPS + FILE)
    monkeypatch.syspath_prepend(folder)
    using = f"from {MODULE} import job\nfrom dagster_library_of_a_test import gathered, produce\n"
    using += "@job\ndef using():\n    gathered(produce().collect())\n"
    assert set(dags_in(own, using=using)) == {"using"}


def test_a_dag_is_stored_in_the_same_form_each_time_it_is_read(tmp_path):
    serialize = dag_serialization().serialize_dag
    first, second = (serialize(dags_in(tmp_path, program=OPS + FILE)["process"]) for _ in range(2))
    assert first == second


def test_every_name_is_listed():
    assert set(dagster.__all__) == set(dir(dagster))
