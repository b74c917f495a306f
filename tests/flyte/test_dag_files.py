"""What Airflow finds in a Dag file with a program for Flyte, with its default settings."""

from __future__ import annotations

import importlib

from airflow_dynamic_provider.dags_from import flyte
from tests.dag_runs import dag_serialization
from tests.flyte.running import MODULE, dags_in

TASKS = f"""
from {MODULE} import dynamic, task, workflow

@task
def one(n: int) -> int:
    return n

@dynamic
def some(n: int = 3) -> list[int]:
    return [one(n=i) for i in range(n)]
"""

WORKFLOW = """
@workflow
def whole(n: int, texts: list[str] = ["a"], share: float = 0.5) -> list[int]:
    '''What it does.'''
    return later(n=n)

@dynamic
def later(n: int) -> list[int]:
    return [one(n=n)]
"""

AS_FL = f"""
import {MODULE} as fl

@fl.task
def t(n: int) -> int:
    return n

@fl.workflow
def with_fl(n: int) -> int:
    return t(n=n)
"""


def test_each_workflow_is_a_dag_and_a_dynamic_only_where_there_is_no_workflow(tmp_path):
    dags = dags_in(tmp_path, entry=TASKS, program=TASKS + WORKFLOW, with_module=AS_FL)
    assert set(dags) == {"some", "whole", "with_fl"}
    assert dags["some"].params.dump() == {"n": 3}
    whole = dags["whole"]
    assert whole.schedule is None
    assert whole.doc_md == "What it does."
    assert {name: whole.params.get_param(name).schema for name in whole.params} == {
        "n": {"type": ["null", "integer"]},
        "texts": {"type": "array"},
        "share": {"type": "number"},
    }
    # Airflow's triggerer ends when a task of a Dag with a param without a default starts in it.
    assert whole.params.dump()["n"] is None
    # What is defined below the workflow is found too.
    assert {"whole.plan", "whole.one", "whole.result"} <= set(whole.task_ids)


def test_workflows_of_imported_files_are_no_dags(tmp_path, monkeypatch):
    folder = tmp_path / "library"
    folder.mkdir()
    plan = "from {0} import LaunchPlan\nLaunchPlan.get_or_create(whole, 'plan', default_inputs={{'n': 1}})\n"
    (folder / "flyte_library_of_a_test.py").write_text(TASKS + WORKFLOW + plan.format(MODULE))
    monkeypatch.syspath_prepend(folder)
    using = f"""
from {MODULE} import workflow
from flyte_library_of_a_test import one, whole

@workflow
def using(n: int) -> list[int]:
    return whole(n=one(n=n))
"""
    dags = tmp_path / "dags"
    dags.mkdir()
    assert set(dags_in(dags, using=using)) == {"using"}
    # A plan of an imported workflow is one of the file, each time that the file is read.
    own = using + plan.format(MODULE).replace("whole", "using").replace("'plan'", "'own'") * 2
    for _ in range(2):
        assert set(dags_in(dags, using=own)) == {"using", "own"}


def test_a_dag_is_stored_in_the_same_form_each_time_it_is_read(tmp_path):
    serialize = dag_serialization().serialize_dag
    first, second = (serialize(dags_in(tmp_path, program=TASKS + WORKFLOW)["whole"]) for _ in range(2))
    assert first == second


def test_every_name_can_be_imported_and_is_listed():
    assert {name: getattr(flyte, name) for name in dir(flyte)}.keys() == set(flyte.__all__)


NAMES = """
task workflow dynamic map_task conditional create_node Resources Secret Cache HashMethod ImageSpec
PodTemplate ContainerTask TaskMetadata LaunchPlan CronSchedule FixedRate Email Slack Deck Documentation
Environment kwtypes current_context StructuredDataset FlyteFile FlyteDirectory WorkflowFailurePolicy
FlyteRecoverableException approve wait_for_input sleep eager reference_task
"""

MODULES = {
    "core.launch_plan": "LaunchPlan",
    "core.node_creation": "create_node",
    "core.utils": "timeit",
    "deck": "Deck",
    "exceptions.user": "FlyteRecoverableException",
    "experimental": "map_task",
    "extras.accelerators": "T4",
    "image_spec": "ImageSpec",
    "types.directory": "FlyteDirectory",
    "types.file": "FlyteFile",
    "types.structured": "StructuredDataset",
}


def test_the_names_and_modules_that_programs_import_exist():
    assert [name for name in NAMES.split() if not hasattr(flyte, name)] == []
    for module, name in MODULES.items():
        assert hasattr(importlib.import_module(f"{MODULE}.{module}"), name), module
