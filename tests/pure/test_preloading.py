"""Which processes load what tasks need before they fork, and that no other process does."""

from __future__ import annotations

import json

import pytest

from tests.pure.processes import PACKAGE, run_python

pytestmark = pytest.mark.pure

ROOT = PACKAGE.name

#: What a process has loaded of the package, beside what it has loaded for its plugins and commands.
LOADED = f"""
print(json.dumps(sorted(
    name for name in sys.modules
    if name.startswith("{ROOT}.") and name.split(".")[1] in ("authoring", "execution", "workflows")
)))
"""


def process(*command, body, **options):
    """Run a part of a program as a process of a command of Airflow's, and return what it has loaded."""
    settings = {f"AIRFLOW__{name}": value for name, value in options.items()}
    return run_python(
        f"import json, os, sys; sys.argv = {['airflow', *command]}; os.environ.update({settings})\n"
        f"{body}\n{LOADED}"
    )


START = f"""
from {ROOT}.preloading.plugin import PreloadPlugin
for listener in PreloadPlugin.listeners:
    listener.on_starting(component=None)
"""

CELERY = f"""
from {ROOT}.cli.definition import get_cli_commands
get_cli_commands()
from celery.signals import import_modules
import_modules.send(sender=None)
"""


def needed(loaded):
    """The modules that a clone, a collector and a node need, each of which must be among those loaded."""
    names = (
        *("authoring.decorator", "authoring.arranging.segments", "execution.clones", "execution.operators"),
        *("execution.columns.results", "workflows.tasks.node_task", "workflows.recording.interception"),
    )
    return {f"{ROOT}.{name}" for name in names} - set(loaded)


@pytest.mark.parametrize("command", [("scheduler",), ("dag-processor",)])
def test_a_process_that_forks_tasks_loads_what_they_need_when_it_starts(command):
    loaded = process(*command, body=START, CORE__EXECUTOR="LocalExecutor")
    assert needed(loaded) == set()


def test_a_celery_worker_does_so_before_it_forks():
    assert needed(process("celery", "worker", body=CELERY)) == set()


@pytest.mark.parametrize(
    ("command", "body", "options"),
    [
        pytest.param(("scheduler",), START, {"CORE__EXECUTOR": "KubernetesExecutor"}, id="other executor"),
        pytest.param(("api-server",), START, {}, id="API server"),
        pytest.param(("triggerer",), START, {}, id="triggerer"),
        pytest.param(("celery", "flower"), CELERY, {}, id="other command of Celery"),
        pytest.param(("dags", "list"), CELERY, {}, id="command"),
        pytest.param(("scheduler",), START, {"DYNAMIC_OUTPUTS__PRELOAD": "False"}, id="turned off"),
    ],
)
def test_no_other_process_does(command, body, options):
    assert process(*command, body=body, **options) == []


def test_what_cannot_be_imported_is_left_to_the_tasks():
    body = f"""
sys.modules["croniter"] = None
from {ROOT}.preloading import preload
preload()
"""
    assert needed(process("scheduler", body=body)) == set()


def test_a_task_process_finds_the_plugins_loaded_and_no_dag():
    body = f"""
from {ROOT}.preloading import preload
from {ROOT}.preloading.rehearsal import rehearse
preload()
from airflow.sdk.definitions._internal.contextmanager import DagContext
from airflow.sdk.execution_time import task_runner
# What holds the listeners of plugins is there already.
import pluggy
pluggy.PluginManager.__init__ = None
task_runner.get_listener_manager()
# Of its errors, `preload` says nothing.
rehearse()
assert not DagContext.autoregistered_dags
"""
    assert needed(process("scheduler", body=body)) == set()


def test_the_modules_that_read_the_bundles_of_the_deployment_are_loaded():
    bundles = [{"name": "own", "classpath": "wave.Bundle"}]
    body = f"""
from {ROOT}.preloading import preload
preload()
assert ("wave" in sys.modules) is (os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] != "[1]")
"""
    for given in (json.dumps(bundles), "[1]"):
        loaded = process("scheduler", body=body, DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=given)
        assert needed(loaded) == set()


def test_it_is_done_once():
    body = f"""
import importlib
from {ROOT} import preloading
preloading.preload()
importlib.import_module = None
preloading.preload()
"""
    assert json.dumps(process("scheduler", body=body))


def test_it_loads_nothing_that_tasks_do_not_need():
    loaded = run_python(
        "import json, sys\n"
        f"from {ROOT}.preloading import preload\npreload()\n"
        f"print(json.dumps(sorted(name for name in sys.modules if name.startswith('{ROOT}.'))))"
    )
    edges = {name for name in loaded if name.split(".")[1] in {"cli", "database", "embedded", "ui"}}
    # Every process of a task loads the plugins.
    assert edges == {f"{ROOT}.ui", f"{ROOT}.ui.plugin"}
    assert f"{ROOT}.airflow_adapter.models" not in loaded
