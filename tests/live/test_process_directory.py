"""The example ``process_directory`` in a real Airflow, seen through the REST API."""

from __future__ import annotations

import os
import runpy
import time
from typing import TYPE_CHECKING

import airflow
import pytest
from packaging.version import Version

from tests.live.conftest import DAGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.rest_client import RestClient, TaskInstance

DAG_ID = "process_directory"

#: Up to Airflow 3.1, a task instance reports its label at its end.
TELLS_LABELS_EARLY = Version(airflow.__version__) >= Version("3.2")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Six Python files whose names are easily misread."""
    names = ["plain.py", "2026.py", "two words.py", "ünïcode.py", "{{ ds }}.py", "a'b\"c.py"]
    for number, name in enumerate(names):
        (tmp_path / name).write_text("def f():\n    pass\n" * number + "# end\n" * 20)
    return tmp_path


def test_every_clone_is_labelled_and_the_result_is_complete(client: RestClient, directory: Path) -> None:
    """A run succeeds, each clone has the name of its file, and the collected result is correct."""
    run_id = client.trigger(DAG_ID, {"path": str(directory)})

    assert client.wait(DAG_ID, run_id) == "success"
    names = sorted(file.name for file in directory.iterdir())
    task_instances = client.task_instances(DAG_ID, run_id)
    assert [ti.label for ti in task_instances if ti.task_id == "count"] == names
    assert [ti.label for ti in task_instances if ti.task_id == "grade"] == names
    expected = runpy.run_path(str(DAGS / "process_directory.py"))["expected"]
    assert client.xcom(DAG_ID, run_id, "summarize") == expected(str(directory))


def test_the_user_interface_can_draw_it(client: RestClient) -> None:
    """Neither the grid nor the graph refuses the Dag's shape."""
    client.wait_for_dag(DAG_ID)

    assert "each_python_files" in {node["id"] for node in client.grid_structure(DAG_ID)}
    assert "each_python_files" in {node["id"] for node in client.graph_structure(DAG_ID)["nodes"]}


def test_a_label_is_there_while_its_clone_runs(client: RestClient, tmp_path: Path) -> None:
    """A running clone is found by its key. On Airflow 3.1 it is found after its end."""
    # Reading a named pipe waits until a process writes to it, so that clone runs as long as the test needs.
    os.mkfifo(tmp_path / "slow.py")
    (tmp_path / "fast.py").write_text("pass\n")
    run_id = client.trigger(DAG_ID, {"path": str(tmp_path)})

    label = "slow.py" if TELLS_LABELS_EARLY else None
    running = _wait_for_clone(client, run_id, map_index=1, state="running", label=label)
    (tmp_path / "slow.py").write_text("pass\n")

    assert client.wait(DAG_ID, run_id) == "success"
    ended = _wait_for_clone(client, run_id, map_index=1, state="success", label="slow.py")
    assert ended.try_number == running.try_number == 1


def _wait_for_clone(
    client: RestClient, run_id: str, *, map_index: int, state: str, label: str | None
) -> TaskInstance:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen = client.task_instances(DAG_ID, run_id)
        for ti in seen:
            if (ti.task_id, ti.map_index, ti.state) == ("count", map_index, state) and (
                label is None or ti.label == label
            ):
                return ti
        time.sleep(0.3)
    raise AssertionError(f"no clone {label!r} was seen {state}: {seen}")
