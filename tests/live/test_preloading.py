"""What a forked task process imports in a real Airflow whose scheduler has preloaded what tasks need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.live.conftest import PROBED

if TYPE_CHECKING:
    from tests.live.local_airflow import LocalAirflow
    from tests.live.shared_runs import SharedRuns

#: Dag -> tasks of it: a producing task, its clones and a collector; a planning task, its nodes and a result.
TASKS = {
    "shapes": {"numbers", "double", "add_up"},
    "grid_search": {"train_and_evaluate"},
}


@pytest.fixture(scope="module")
def tasks(airflow: LocalAirflow, shared_runs: SharedRuns) -> list[dict[str, Any]]:
    """What the processes of some tasks have written."""
    shared_runs.start(*TASKS)
    ids = {dag_id: shared_runs.ended(dag_id) for dag_id in TASKS}
    lines = (airflow.home.parent / PROBED).read_text().splitlines()
    return [task for task in map(json.loads, lines) if ids.get(task["dag_id"]) == task["run_id"]]


def test_a_task_process_imports_nothing_of_this_package(tasks: list[dict[str, Any]]) -> None:
    """Not one module: producing task, clone, collector, planning task, node and result."""
    ran = {task["task_id"].rpartition(".")[2] for task in tasks}
    assert TASKS["shapes"] <= ran
    imported = {
        (task["task_id"], module)
        for task in tasks
        for module in task["modules"]
        if module.startswith("airflow_dynamic_provider")
    }
    assert imported == set()


def test_a_task_process_imports_little_else(tasks: list[dict[str, Any]]) -> None:
    """The Dag file, what it imports itself, and a few modules of Airflow that are loaded as a task ends."""
    airflows = {module for task in tasks for module in task["modules"] if module.startswith("airflow.")}
    assert len(airflows) <= 10, sorted(airflows)
