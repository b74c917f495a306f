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


#: Runs programs as forks of one process, which has loaded Airflow only, and prints what each has loaded.
FORK = f"""
import json, os, sys, traceback
import {ROOT}.airflow_adapter.configuration, {ROOT}.airflow_adapter.plugins

outcomes = {{}}
for name, (argv, settings, program) in CASES.items():
    reader, writer = os.pipe()
    if not os.fork():
        sys.argv = argv
        os.environ.update(settings)
        os.dup2(writer, 1)
        try:
            exec(program, {{"json": json, "os": os, "sys": sys}})
            sys.stdout.flush()
        except BaseException:
            os.write(1, traceback.format_exc().encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as printed:
        outcomes[name] = printed.read()
    os.wait()
print(json.dumps(outcomes))
"""

#: Case -> argv, settings, program. The tests add their own.
CASES: dict[str, tuple[list[str], dict[str, str], str]] = {}


def process(*command, body, **options):
    """Let a part of a program run as a process of a command of Airflow's, and return the name of the case."""
    name = f"case {len(CASES)}"
    settings = {f"AIRFLOW__{option}": value for option, value in options.items()}
    CASES[name] = ["airflow", *command], settings, body + LOADED
    return name


@pytest.fixture(scope="module")
def loaded():
    """Return what the process of a case has loaded."""
    outcomes = run_python(f"CASES = {CASES!r}\n{FORK}")

    def of(name):
        *_, last = outcomes[name].splitlines()
        assert last.startswith("["), outcomes[name]
        return json.loads(last)

    return of


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


PRELOADING = {
    "scheduler": process("scheduler", body=START, CORE__EXECUTOR="LocalExecutor"),
    "Dag processor": process("dag-processor", body=START),
    "Celery worker": process("celery", "worker", body=CELERY),
}


@pytest.mark.parametrize("case", PRELOADING.values(), ids=PRELOADING)
def test_a_process_that_forks_tasks_loads_what_they_need_when_it_starts(loaded, case):
    assert needed(loaded(case)) == set()


OTHERS = {
    "other executor": process("scheduler", body=START, CORE__EXECUTOR="KubernetesExecutor"),
    "API server": process("api-server", body=START),
    "triggerer": process("triggerer", body=START),
    "other command of Celery": process("celery", "flower", body=CELERY),
    "command": process("dags", "list", body=CELERY),
    "turned off": process("scheduler", body=START, DYNAMIC_OUTPUTS__PRELOAD="False"),
}


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_no_other_process_does(loaded, case):
    assert loaded(case) == []


WITHOUT_A_LIBRARY = process(
    "scheduler",
    body=f"""
sys.modules["croniter"] = None
from {ROOT}.preloading import preload
preload()
""",
)


def test_what_cannot_be_imported_is_left_to_the_tasks(loaded):
    assert needed(loaded(WITHOUT_A_LIBRARY)) == set()


IN_A_TASK = process(
    "scheduler",
    body=f"""
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
""",
)


def test_a_task_process_finds_the_plugins_loaded_and_no_dag(loaded):
    assert needed(loaded(IN_A_TASK)) == set()


BUNDLES = [
    process(
        "scheduler",
        body=f"""
from {ROOT}.preloading import preload
preload()
assert ("wave" in sys.modules) is (os.environ["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"] != "[1]")
""",
        DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=given,
    )
    for given in (json.dumps([{"name": "own", "classpath": "wave.Bundle"}]), "[1]")
]


@pytest.mark.parametrize("case", BUNDLES, ids=["a bundle", "no bundle"])
def test_the_modules_that_read_the_bundles_of_the_deployment_are_loaded(loaded, case):
    assert needed(loaded(case)) == set()


TWICE = process(
    "scheduler",
    body=f"""
import importlib
from {ROOT} import preloading
preloading.preload()
importlib.import_module = None
preloading.preload()
""",
)


def test_it_is_done_once(loaded):
    assert loaded(TWICE)


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
