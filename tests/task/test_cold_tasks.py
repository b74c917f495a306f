"""What a task's process imports of this package, if the process that forked it has imported nothing of it.

Counts, by the kind of the task: the modules, and the classes whose methods are generated when they are
created. Both include what the Dag file needs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cold_tasks import PACKAGE

#: Kind -> the most modules that its process may import, and the most generated classes in them. Raise a
#: number only if all tasks of the kind need the module.
MOST = {
    "producer": (60, 5),
    "clone": (52, 3),
    "second clone": (52, 3),
    "clone of a key with metadata": (54, 4),
    "clone beside a collector": (53, 3),
    "collector": (66, 3),
    "gate": (69, 3),
    "clone after a gate": (56, 3),
    "workflow planning": (80, 8),
    "workflow node": (60, 3),
    "workflow node after a wait": (59, 3),
    "workflow result": (54, 2),
}

NOT_OF_NODES = (
    *("authoring.handles", "workflows.listing", "workflows.planning", "workflows.recording.recorder"),
)

#: Kind -> the folders and modules of which its process imports nothing.
NEVER = {
    "clone": ("workflows", "execution.producing", "execution.collecting", "execution.columns"),
    "producer": ("workflows", "execution.collecting", "execution.columns"),
    "collector": ("workflows", "execution.producing", "execution.writing"),
    "gate": ("workflows", "execution.producing", "execution.writing"),
    "workflow planning": ("workflows.waiting.watching", "workflows.trigger", "workflows.tasks.node_task"),
    "workflow node": NOT_OF_NODES,
    "workflow result": NOT_OF_NODES,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Kind -> what its process imported."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cold_tasks", str(tmp_path_factory.mktemp("dags"))],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_kind_of_task_has_a_budget(found):
    assert found.keys() == MOST.keys()


@pytest.mark.parametrize("kind", MOST)
def test_a_cold_task_imports_few_modules(found, kind):
    modules = found[kind]["modules"]
    assert len(modules) <= MOST[kind][0], "\n".join(modules)


@pytest.mark.parametrize("kind", MOST)
def test_a_cold_task_generates_few_classes(found, kind):
    classes = found[kind]["classes"]
    assert len(classes) <= MOST[kind][1], "\n".join(classes)


@pytest.mark.parametrize("kind", NEVER)
def test_a_cold_task_imports_nothing_that_only_other_kinds_need(found, kind):
    others = tuple(f"{PACKAGE}.{name}." for name in NEVER[kind])
    assert [name for name in found[kind]["modules"] if f"{name}.".startswith(others)] == []
