"""Every file in ``dags/`` runs by ``airflow dags test``, and gives the answer that its plain Python gives."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from tests.dag_runs import dag_serialization, run_by_command
from tests.workflow_runs import quickly

FILES = sorted((Path(__file__).parents[2] / "dags").glob("*.py"))

# The task whose return value is the example's answer.
ANSWERS = {
    "batches": "report",
    "classic_operators": "inventory",
    "grid_search": "report",
    "group_per_key": "rank",
    "joined_keys": "report",
    "kept_results": "report",
    "load_warehouse": "report",
    "merge_sort": "report",
    "model_plots": "choose",
    "nested_keys": "book",
    "process_directory": "summarize",
    "rate_limited_api": "report",
    "returned_list": "deliver",
    "several_outputs": "report",
    "tenant_models": "publish",
    "tolerant_collect": "report",
}


def load(file):
    spec = importlib.util.spec_from_file_location(f"example_{file.stem}", file)
    # As Airflow does, for a class of a Dag file is found by its module.
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_has_a_known_answer():
    assert {file.stem for file in FILES} == set(ANSWERS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_gives_its_answer(file, tmp_path):
    example = load(file)
    conf, arguments = None, ()
    if file.stem == "process_directory":
        (tmp_path / "one.py").write_text("x = 1\n" * 40)
        (tmp_path / "two.py").write_text("def f():\n    return 1\n")
        (tmp_path / "not parsed.py").write_text("def (")
        (tmp_path / "not python.txt").write_text("ignored")
        conf, arguments = {"path": str(tmp_path)}, (str(tmp_path),)
    if file.stem == "load_warehouse":
        conf = {"folder": (tmp_path / "incoming").as_uri(), "warehouse": str(tmp_path / "warehouse.db")}
    with quickly():
        run = run_by_command(file, example.the_dag, conf)
    assert run.state == "success"
    assert run.xcom(ANSWERS[file.stem]) == example.expected(*arguments)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_has_the_same_hash_at_every_parse(file):
    from airflow.models.serialized_dag import SerializedDagModel

    hashes = {SerializedDagModel.hash(dag_serialization().to_dict(load(file).the_dag)) for _ in range(2)}
    assert len(hashes) == 1
