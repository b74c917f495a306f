"""Writes programs into a Dag folder with another import line, and runs them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from tests.dag_runs import read_folder, run_dag
from tests.workflow_runs import quickly

HERE = Path(__file__).parent
MODULE = "airflow_dynamic_provider.dags_from.flyte"


def expected() -> dict[str, Any]:
    """Return program -> entry -> runs, as flytekit ran them."""
    return json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


def chosen(names: str) -> list[tuple[str, str]]:
    """Return (program, entry) pairs of the programs that need no other packages.

    Args:
        names: Names of programs, ``all``, or ``first``: the first entry of each program.
    """
    return [
        (program, entry)
        for program, entries in expected().items()
        for number, entry in enumerate(entries)
        if program.startswith("programs/")
        and (names == "all" or (names == "first" and not number) or Path(program).name in names.split(","))
    ]


def dags_in(folder, **sources):
    """Write Dag files, let Airflow read the folder with its default settings, and return its Dags by id."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
    logging.disable(logging.ERROR)
    try:
        bag = read_folder(folder)
    finally:
        logging.disable(logging.NOTSET)
    assert bag.import_errors == {}
    return bag.dags


def source_of(name: str) -> str:
    """Return the source of a program, with flytekit's name replaced in its import lines."""
    lines = (HERE / f"{name}.py").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(
        line.replace("import flytekit\n", f"import {MODULE} as flytekit\n")
        .replace("import flytekit as", f"import {MODULE} as")
        .replace("from flytekit", f"from {MODULE}")
        for line in lines
    )


def outputs_of_run(dag, inputs, interface):
    """Run a Dag, and return its outputs as the types that the program declares."""
    with quickly():
        run = run_dag(dag, inputs)
    assert run.state == "success", run.dag_run.get_task_instances()
    found = run.xcom(f"{dag.dag_id}.result")
    return interface.decode_outputs(found if interface.is_single or not interface.outputs else found.values())
