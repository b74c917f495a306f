"""What Airflow finds in a Dag file with a program for Dagster, with its default settings, and how it runs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from unittest import mock

import airflow.sdk
import pytest

from airflow_dynamic_provider.dags_from import dagster
from airflow_dynamic_provider.dags_from.dagster.given import is_scheduled
from airflow_dynamic_provider.local import run_local
from airflow_dynamic_provider.version_compat import cron_timetable
from tests.dag_runs import dag_serialization, read_folder, run_dag
from tests.dagster.running import MODULE, load
from tests.flyte.running import dags_in
from tests.workflow_runs import quickly

needs_partitions = pytest.mark.skipif(
    not hasattr(airflow.sdk, "PartitionedAtRuntime"), reason="this Airflow has no partitions at run time"
)

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

daily = ScheduleDefinition(job=other, cron_schedule="0 5 * * *")
defs = Definitions(jobs=[process], schedules=[daily], assets=[table])
"""


@pytest.fixture
def dags(tmp_path):
    return dags_in(tmp_path, program=OPS + FILE)


def test_each_job_is_a_dag(dags):
    assert set(dags) == {"process", "other", "table"}
    process = dags["process"]
    assert (process.schedule, process.doc_md, process.max_active_tasks) == (None, "What it does.", 1)
    assert dags["other"].timetable == cron_timetable(["0 5 * * *"], "UTC")
    assert [asset.name for asset in dags["table"].get_task("gathered").outlets] == ["table"]
    produce = process.get_task("produce")
    assert (produce.pool, produce.priority_weight) == ("default_pool", 3)
    assert process.params.dump() == {
        "ops": {"work": {"config": {"suffix": "!"}}},
        "resources": {"store": {"config": {"prefix": "p"}}},
    }


def test_a_run_takes_its_config_and_tears_resources_down(dags, tmp_path, monkeypatch):
    from airflow.models.asset import AssetEvent
    from airflow.providers.common.compat.sdk import ParamValidationError
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


SCHEDULED = f"""
import datetime
from {MODULE} import *
from {MODULE} import DynamicOut, DynamicOutput, ConfigMapping, RunRequest, SkipReason, config_mapping
from {MODULE} import StaticPartitionsDefinition, graph_asset, job, op, schedule

@op(config_schema={{"day": str}})
def read(context):
    return [context.op_config["day"], context.has_partition_key and context.partition_key,
            context.run_tags.get("by")]

@job(partitions_def=StaticPartitionsDefinition(["new", "old"]))
def nightly():
    read()

@schedule(cron_schedule="0 5 * * *", job=nightly, execution_timezone="Europe/Berlin")
def each_night(context):
    time = context.scheduled_execution_time
    if time.day == 2:
        return SkipReason("it is the second")
    config = {{"ops": {{"read": {{"config": {{"day": time.strftime("%Y-%m-%d %H:%M")}}}}}}}}
    return RunRequest(run_config=config, partition_key="new", tags={{"by": "schedule"}})

@config_mapping(config_schema={{"day": str, "count": Field(int, default_value=2)}})
def few_fields(given):
    return {{"ops": {{"read": {{"config": {{"day": given["day"] * given["count"]}}}}}}}}

@job(config=few_fields)
def mapped():
    read()

@graph_asset(partitions_def=StaticPartitionsDefinition(["new", "old"]))
def table():
    return read()
"""


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory):
    return load("scheduled", tmp_path_factory.mktemp("scheduled"), SCHEDULED)


def started_by_schedule(dag, day):
    """Run a Dag in memory as if its schedule had started the run."""
    with mock.patch(f"{MODULE}.given.is_scheduled", return_value=True):
        date = datetime(2026, 1, day, 4, tzinfo=timezone.utc)
        return run_local(dag, logical_date=date).task("read").once


def test_a_schedule_is_asked_for_each_run_that_it_starts(scheduled):
    from airflow.sdk.api.datamodels._generated import DagRunType

    dag = scheduled.each_night.job.dag
    assert started_by_schedule(dag, 1).value["result"] == ["2026-01-01 05:00", "new", "schedule"]
    assert started_by_schedule(dag, 2).state == "skipped"
    assert not is_scheduled(SimpleNamespace(run_type=DagRunType.MANUAL))
    assert is_scheduled(SimpleNamespace(run_type=DagRunType.SCHEDULED))
    # A run that a user starts takes its own config.
    own = {"ops": {"read": {"config": {"day": "own"}}}}
    assert run_local(dag, conf=own).result("read")["result"] == ["own", False, None]


def test_a_config_mapping_takes_its_fields_from_the_conf(scheduled):
    assert run_local(scheduled.mapped.dag, conf={"day": "x"}).result("read")["result"] == ["xx", False, None]
    result = scheduled.mapped.execute_in_process(run_config={"day": "y", "count": 3})
    assert result.output_for_node("read")[0] == "yyy"
    with pytest.raises(dagster.DagsterInvalidConfigError, match="day"):
        scheduled.mapped.execute_in_process(run_config={})


@needs_partitions
def test_the_event_of_a_graph_asset_has_the_partition_of_the_run(scheduled):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    config = {"ops": {"read": {"config": {"day": "x"}}}}
    with quickly():
        run = run_dag(scheduled.table.dag, {**config, "partition_key": "old"})
    assert run.state == "success"
    with create_session() as session:
        events = session.query(AssetEvent).filter_by(source_dag_id="table", source_run_id=run.run_id)
        assert [event.partition_key for event in events] == ["old"]
    assert type(scheduled.table.dag.timetable).__name__ == "PartitionedAtRuntime"


NEEDS = f"""
from {MODULE} import *
from {MODULE} import Definitions, Failure, In, IOManager, Out, job, op

class Kept(IOManager):
    def handle_output(self, context, obj): ...
    def load_input(self, context): return "loaded by Kept"

@op(out=Out(io_manager_key="warehouse"))
def stored():
    return 1

@op
def shown(x):
    return x

@op
def fails(x):
    raise Failure("described", metadata={{"seen": x}})

@job
def needs():
    fails(shown(stored()))

"""


def test_a_later_definition_may_give_what_a_job_needs(tmp_path):
    dag = dags_in(tmp_path, program=NEEDS + 'Definitions(jobs=[needs], resources={"warehouse": Kept()})')[
        "needs"
    ]
    finished = run_local(dag)
    assert finished.task("shown").once.value["result"] == "loaded by Kept"
    failed = finished.task("fails").once
    assert (failed.state, str(failed.error)) == ("failed", "described")
    assert failed.metadata["result"]["seen"].value == "loaded by Kept"


LIMITS = f"""
from {MODULE} import *
from {MODULE} import Definitions, DailyPartitionsDefinition, RunConfig, in_process_executor, job, op

@op
def one():
    return 1

def body():
    one()

def limited_by(name, config):
    return job(name=name, config={{"execution": {{"config": config}}}})(body)

limited = [
    limited_by("by_config", {{"multiprocess": {{"max_concurrent": 3}}}}),
    limited_by("in_process", {{"in_process": {{}}}}),
    job(name="by_object", config=RunConfig(execution={{"config": {{"max_concurrent": 4}}}}))(body),
    job(name="own", executor_def=multiprocess_executor.configured({{"max_concurrent": 5}}))(body),
]
others = job(name="others", tags={{"dagster/max_runtime": 60, "team": "finance", "long": "x" * 100}})(body)
Definitions(jobs=[*limited, others], executor=multiprocess_executor.configured({{"max_concurrent": 6}}))
"""


def test_limits_of_executors_and_of_runs_are_those_of_the_dags(tmp_path):
    dags = dags_in(tmp_path, program=LIMITS)
    limits = {name: dag.max_active_tasks for name, dag in dags.items()}
    assert limits == {"by_config": 3, "by_object": 4, "in_process": 1, "own": 5, "others": 6}
    assert dags["others"].tags == {"dagster", "team:finance"}
    assert (dags["others"].dagrun_timeout, dags["own"].dagrun_timeout) == (timedelta(minutes=1), None)


REQUIRED = f"""
from {MODULE} import *
from {MODULE} import Config, Field, Noneable, ScheduleDefinition, Shape, StringSource, graph, job, op

class Model(Config):
    depth: int
    name: str = "tree"

@op(config_schema={{
    "day": str,
    "required": Field(bool, default_value=True),
    "shape": Shape({{"optional": Field(StringSource, default_value={{"env": "NOT_SET_YET"}})}}),
    "none": Noneable(int),
}})
def read(context):
    return context.op_config["day"]

@op
def fit(config: Model):
    return config.depth

@graph
def inner():
    fit()

def body():
    read()
    inner()

whole = {{"read": {{"config": {{"day": "x"}}}}, "inner": {{"ops": {{"fit": {{"config": {{"depth": 1}}}}}}}}}}
by_hand = job(name="by_hand")(body)
with_config = job(name="with_config", config={{"ops": whole}})(body)
by_schedule = job(name="by_schedule")(body)
ScheduleDefinition(job=by_schedule, cron_schedule="@daily", run_config_fn=lambda: {{"ops": whole}})
"""


def test_files_have_the_places_that_dagster_gives_them(tmp_path):
    program = (
        OPS
        + f"""
@job(resource_defs={{"io_manager": fs_io_manager.configured({{"base_dir": "{tmp_path}/files"}})}})
def stored():
    gathered(produce().map(lambda x: x).collect())
"""
    )
    assert run_local(dags_in(tmp_path, program=program)["stored"]).state == "success"
    (run,) = (tmp_path / "files").iterdir()
    found = {str(file.relative_to(run)) for file in run.rglob("*") if file.is_file()}
    assert found == {"produce/result/k0", "produce/result/k1", "gathered/result"}


def test_a_run_that_lacks_a_config_is_refused_before_anything_runs(tmp_path):
    from airflow.providers.common.compat.sdk import ParamValidationError

    dags = dags_in(tmp_path, program=REQUIRED)
    fitting = dags["with_config"].params.dump()["ops"]
    for ops, message in (
        ({}, "'read' is a required property"),
        ({"read": fitting["read"]}, "'inner' is a required property"),
        ({**fitting, "read": {"config": {}}}, "'day' is a required property"),
        ({**fitting, "inner": {"ops": {"fit": {"config": {"name": "x"}}}}}, "'depth' is a required property"),
    ):
        with pytest.raises((ValueError, ParamValidationError), match=message):
            run_dag(dags["by_hand"], {"ops": ops})
    with pytest.raises((ValueError, ParamValidationError), match="is a required property"):
        run_dag(dags["by_hand"])
    # The params of a scheduled Dag have to fit, so its tasks refuse what is missing.
    assert dags["by_schedule"].params.dump() == {"ops": {}}
    fields = dags["by_schedule"].params.get_param("ops").schema["properties"]["read"]["properties"]["config"]
    assert fields["properties"]["required"] == {"type": "boolean"}


def test_a_job_that_lacks_a_resource_is_an_error_of_the_dag_file(tmp_path):
    (tmp_path / "program.py").write_text(NEEDS)
    bag = read_folder(tmp_path)
    (error,) = bag.import_errors.values()
    assert "Task 'stored': requires the resource 'warehouse', which is not given to the job." in error
    assert not bag.dags
