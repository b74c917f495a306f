"""Workflows in a real Airflow: scheduler, triggerer, LocalExecutor."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from airflow_dynamic_provider.execution.layout import METADATA_XCOM
from airflow_dynamic_provider.workflows.progress.stored import BLOCKED_XCOM

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.local_airflow import LocalAirflow
    from tests.live.rest_client import RestClient
    from tests.live.shared_runs import SharedRuns


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tasks of the broken workflow leave their signs."""
    return tmp_path_factory.mktemp("broken")


@pytest.fixture(scope="module", autouse=True)
def broken(client: RestClient, shared_runs: SharedRuns, folder: Path) -> str:
    """The run of the broken workflow. It runs beside that of the others."""
    run_id = client.trigger("broken_workflow", {"folder": str(folder)})
    shared_runs.start("workflows")
    return run_id


def test_nodes_wait_grow_and_join(client: RestClient, shared_runs: SharedRuns) -> None:
    """Chains, maps over promises, recursion on a promise, a graph for each key."""
    run_id = shared_runs.ended("workflows")
    expected = {"total": 6, "doubled": [0, 1, 2, 3], "small": 1.0, "said": "4", "paused": "paused"}
    assert client.xcom("workflows", run_id, "keep") == expected
    tenants = {"ann": [1, 2], "bob": [], "cid": [1]}
    assert client.xcom("workflows", run_id, "keep_tenants") == tenants
    assert client.xcom("workflows", run_id, "keep_by_name") == {"n0": 0, "n1": 2}
    parts = [client.xcom("workflows", run_id, "each_part", map_index=index) for index in range(2)]
    assert parts == [2, 3]

    seen = client.task_instances("workflows", run_id)
    labels = {ti.label: ti for ti in seen if ti.map_index >= 0}
    assert {"start", "first", "say", "add-4", "number-map/3", "ann/add-2", "cid/number", "n1"} <= set(labels)
    assert "until_small/until_small/until_small/until_small" in labels
    assert {ti.state for ti in labels.values()} == {"success"}
    start = labels["start"]
    stored = client.xcom("workflows", run_id, start.task_id, key=METADATA_XCOM, map_index=start.map_index)
    assert stored["outputs"]["result"]["value"]["value"] == 0
    plan = client.xcom("workflows", run_id, "mixed.plan", key="workflow_plan")
    assert plan["nodes"][0]["name"] == "start"


@pytest.mark.parametrize("dag_id", ["workflows", "broken_workflow", "mortal_workflow"])
def test_the_user_interface_can_draw_a_workflow(client: RestClient, dag_id: str) -> None:
    """Neither the grid nor the graph refuses it."""
    client.wait_for_dag(dag_id)
    assert client.grid_structure(dag_id)
    assert client.graph_structure(dag_id)["nodes"]


def test_a_failed_node_blocks_what_depends_on_it_only(client: RestClient, broken: str, folder: Path) -> None:
    """What is blocked ends without a worker, and says why."""
    assert client.wait("broken_workflow", broken) == "failed"
    found = client.task_instances("broken_workflow", broken)
    states = {ti.label or ti.task_id: ti.state for ti in found if ti.state != "skipped"}
    assert states["fail_once"] == "failed"
    assert states["apart"] == "success"
    assert states["half_broken.result"] == "failed"
    assert states["keep"] == "upstream_failed"
    assert (folder / "ran").read_text() == "apart\n"
    # A node that no worker has seen has no label, but says its name.
    skipped = [ti for ti in found if ti.state == "skipped" and ti.map_index >= 0]
    said = [
        client.xcom("broken_workflow", broken, ti.task_id, key=BLOCKED_XCOM, map_index=ti.map_index)
        for ti in skipped
    ]
    # What a trigger pushes is stored as text.
    reasons = [json.loads(each) if isinstance(each, str) else each for each in said]
    assert sorted(reasons, key=lambda reason: reason["node"]) == [
        {"node": "add", "reason": "'after', which it depends on, was skipped"},
        {"node": "after", "reason": "'fail_once', which it depends on, has failed"},
    ]


def test_the_command_runs_a_failed_node_again_with_what_depends_on_it(
    airflow: LocalAirflow, client: RestClient, broken: str, folder: Path
) -> None:
    """And nothing else. It comes after the test of the failed run, because it changes that run."""
    assert client.wait("broken_workflow", broken) == "failed"
    (folder / "mended").touch()
    clear = ("clear", "broken_workflow", broken, "--workflow", "half_broken")
    shown = airflow.command(*clear, "--state", "failed", "--output", "json")
    assert "half_broken.fail_once" in shown
    assert client.state("broken_workflow", broken) == "failed"
    airflow.command(*clear, "--state", "failed", "--yes")
    assert client.wait("broken_workflow", broken) == "success"
    assert client.xcom("broken_workflow", broken, "keep") == 6
    assert (folder / "ran").read_text() == "apart\nafter\n"


def test_workers_and_the_triggerer_are_killed(
    airflow: LocalAirflow, client: RestClient, tmp_path: Path
) -> None:
    """Nodes wait through it, and none runs twice but the killed ones."""
    run_id = client.trigger("mortal_workflow", {"folder": str(tmp_path)})
    _wait_until(lambda: _states(client, run_id).count("deferred") >= 5)
    airflow.kill("triggerer")
    airflow.start("triggerer")
    (tmp_path / "go").touch()
    assert client.wait("mortal_workflow", run_id) == "success"
    assert client.xcom("mortal_workflow", run_id, "keep") == [3, 1, 2, 3, 4, 5, 1]
    tries = {ti.label: ti.try_number for ti in client.task_instances("mortal_workflow", run_id) if ti.label}
    killed = {"die_once": 2, "last": 2}
    assert {label: tries[label] for label in tries if label in killed} == killed
    assert {number for label, number in tries.items() if label not in killed} == {1}


def _states(client: RestClient, run_id: str) -> list[str | None]:
    return [ti.state for ti in client.task_instances("mortal_workflow", run_id)]


def _wait_until(is_so: object) -> None:
    deadline = time.monotonic() + 240
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.5)
