"""Every example, and Dags of less usual shapes, in a real Airflow."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest

from tests.dag.test_examples import ANSWERS
from tests.live.conftest import DAGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.rest_client import RestClient
    from tests.live.shared_runs import SharedRuns

EXAMPLES = sorted(set(ANSWERS) - {"process_directory"})


@pytest.fixture(scope="module", autouse=True)
def at_once(shared_runs: SharedRuns) -> None:
    """Start the runs of all Dags that need no parameters."""
    shared_runs.start(*EXAMPLES, "shapes")


@pytest.mark.parametrize("dag_id", EXAMPLES)
def test_an_example_gives_its_answer(client: RestClient, shared_runs: SharedRuns, dag_id: str) -> None:
    """A run of each example succeeds and returns what its plain-Python twin returns."""
    run_id = shared_runs.ended(dag_id)
    expected = runpy.run_path(str(DAGS / f"{dag_id}.py"))["expected"]
    assert client.xcom(dag_id, run_id, ANSWERS[dag_id]) == expected()


@pytest.mark.parametrize("dag_id", [*EXAMPLES, "shapes", "depth_first", "growing", "limited"])
def test_the_user_interface_can_draw_it(client: RestClient, dag_id: str) -> None:
    """Neither the grid nor the graph refuses a Dag."""
    client.wait_for_dag(dag_id)
    assert client.grid_structure(dag_id)
    assert client.graph_structure(dag_id)["nodes"]


def test_less_usual_shapes(client: RestClient, shared_runs: SharedRuns) -> None:
    """Gates, a skipped key, two expanded lists of one task, empty operators, an async producer."""
    run_id = shared_runs.ended("shapes")
    assert client.xcom("shapes", run_id, "keep") == {"n0": [0, 12], "n4": [4, 12]}

    seen: dict[str, list[tuple[str | None, str | None]]] = {}
    for ti in client.task_instances("shapes", run_id):
        seen.setdefault(ti.task_id, []).append((ti.label, ti.state))
    even = {"n0": "success", "n2": "skipped", "n4": "success"}
    assert dict(seen["skip_n2"]) == even
    assert dict(seen["pair_right"]) == dict.fromkeys(even, "success")
    assert [state for _, state in seen["pair"]] == list(even.values())
    assert seen["end"] == [("n1", "success"), ("n3", "success")]
    metadata = client.xcom("shapes", run_id, "numbers", key="output_metadata")
    assert metadata["outputs"]["odd"] == {"how": {"type": "text", "value": "async"}}


def test_a_key_runs_ahead_of_the_others(client: RestClient, tmp_path: Path) -> None:
    """The second task of a key starts while another key's first task still runs."""
    run_id = client.trigger("depth_first", {"folder": str(tmp_path)})
    assert client.wait("depth_first", run_id) == "success"


def test_no_more_clones_are_active_than_a_map_allows(client: RestClient, tmp_path: Path) -> None:
    """Two of six keys at a time, of each of two tasks."""
    run_id = client.trigger("limited", {"folder": str(tmp_path)})
    assert client.wait("limited", run_id) == "success"
    seen = client.xcom("limited", run_id, "keep")
    assert len(seen) == 6
    assert max(max(each) for each in seen) <= 2


def test_keys_that_are_added_when_the_producing_task_is_cleared(client: RestClient, tmp_path: Path) -> None:
    """Airflow starts the second task of an added key at once; it waits for the first one all the same."""
    (tmp_path / "keys").write_text("b a")
    run_id = client.trigger("growing", {"folder": str(tmp_path)})
    assert client.wait("growing", run_id) == "success"
    assert client.xcom("growing", run_id, "keep") == {"b": "B", "a": "A"}
    (tmp_path / "keys").write_text("c a d b e f")
    client.clear("growing", run_id, "listed")
    assert client.wait("growing", run_id) == "success"
    assert client.xcom("growing", run_id, "keep") == {key: key.upper() for key in "cadbef"}
    labels = {ti.label for ti in client.task_instances("growing", run_id) if ti.task_id == "upper"}
    assert labels == set("cadbef")


def test_the_labels_of_nested_and_joined_keys(client: RestClient, shared_runs: SharedRuns) -> None:
    """Each clone carries its key path, the gate before it too."""
    labels: dict[str, list[str | None]] = {}
    for dag_id in ("nested_keys", "joined_keys"):
        for ti in client.task_instances(dag_id, shared_runs.ended(dag_id)):
            labels.setdefault(ti.task_id, []).append(ti.label)
    assert sorted(filter(None, labels["add_vat"])) == ["ann/1", "ann/2", "cid/1"]
    assert sorted(filter(None, labels["invoice"])) == ["ann", "bob", "cid"]
    assert sorted(filter(None, labels["invoice__gate"])) == ["ann", "bob", "cid"]
    assert sorted(filter(None, labels["compare"])) == ["Berlin", "Lagos", "Lima", "Quito"]
    assert len(labels["convert"]) == 6
    assert "Lima/USD" in labels["convert"]
