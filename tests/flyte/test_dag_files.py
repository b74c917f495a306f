"""What Airflow finds in a Dag file with a program for Flyte, with its default settings."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from airflow_dynamic_provider.dags_from import flyte
from airflow_dynamic_provider.dags_from.flyte.unsupported import INSTEAD, Unsupported
from airflow_dynamic_provider.errors import WorkflowError
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
Annotations Artifact AuthRole BatchSize Blob BlobMetadata BlobType Cache CachePolicy Checkpoint
ConcurrencyLimitBehavior ConcurrencyPolicy Config ContainerTask CronSchedule Deck Description
Documentation Email Environment ExecutionParameters FixedRate FlyteContext FlyteContextManager
FlyteDirectory FlyteFile FlyteRecoverableException FlyteRemote HashMethod ImageSpec Labels
LaunchPlan LaunchPlanReference Literal LiteralType Options PodTemplate PythonFunctionTask
PythonInstanceTask Resources SQLTask Scalar Secret SecurityContext SensorEngine Slack SourceCode
StructuredDataset StructuredDatasetFormat StructuredDatasetTransformerEngine StructuredDatasetType
TaskMetadata TaskReference VersionParameters Workflow WorkflowExecutionPhase WorkflowFailurePolicy
WorkflowReference approve conditional create_node current_context dynamic eager get_reference_entity
kwtypes lazy_module logger map_task new_context reference_launch_plan reference_task
reference_workflow sleep task wait_for_input workflow
"""

MODULES = """
configuration.Config core.array_node_map_task.map_task core.artifact.Artifact
core.base_sql_task.SQLTask core.base_task.TaskMetadata core.cache.Cache core.condition.conditional
core.container_task.ContainerTask core.context_manager.current_context
core.dynamic_workflow_task.dynamic core.environment.Environment core.gate.approve
core.hash.HashMethod core.interface.Interface core.launch_plan.LaunchPlan
core.node_creation.create_node core.notification.Email core.pod_template.PodTemplate
core.python_function_task.PythonInstanceTask core.resources.Resources core.schedule.CronSchedule
core.task.task core.utils.timeit core.workflow.workflow deck.Deck deck.TopFrameRenderer
deck.deck.Deck deck.renderer.MarkdownRenderer exceptions.base.FlyteException
exceptions.user.FlyteRecoverableException experimental.map_task extras.accelerators.T4
extras.tasks.shell.ShellTask image_spec.ImageSpec image_spec.image_spec.ImageSpec
lazy_import.lazy_module.lazy_module loggers.logger remote.FlyteRemote types.directory.FlyteDirectory
types.directory.types.FlyteDirectory types.file.FlyteFile types.file.file.FlyteFile
types.pickle.FlytePickle types.schema.FlyteSchema types.structured.StructuredDataset
types.structured.structured_dataset.StructuredDataset
"""


def test_the_names_and_modules_that_programs_import_exist():
    assert [name for name in NAMES.split() if not hasattr(flyte, name)] == []
    for path in MODULES.split():
        module, _, name = path.rpartition(".")
        assert hasattr(importlib.import_module(f"{MODULE}.{module}"), name), path


def test_what_has_no_counterpart_is_refused_where_it_is_used_and_not_before():
    for name, remedy in INSTEAD.items():
        found = Unsupported(name)
        assert name in repr(found)
        for use in (lambda each=found: each(), lambda each=found: each.attribute, lambda each=found: each[0]):
            with pytest.raises(WorkflowError) as caught:
                use()
            assert remedy in str(caught.value)


def test_settings_of_launches_and_small_helpers_are_accepted():
    assert flyte.Labels({"team": "a"}).args == ({"team": "a"},)
    assert flyte.lazy_module("math").sqrt(4) == 2
    renderer = importlib.import_module(f"{MODULE}.deck.renderer")
    assert renderer.MarkdownRenderer().to_html("**a**") == "**a**"
    assert "<pre>a &lt; b</pre>" in renderer.SourceCodeRenderer().to_html("a < b")
    frame = SimpleNamespace(to_html=lambda **given: str(given))
    assert renderer.TopFrameRenderer(max_rows=2).to_html(frame) == "{'max_rows': 2, 'max_cols': 100}"
