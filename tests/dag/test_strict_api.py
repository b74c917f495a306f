"""No task instance of these tests can write XComs of another: what enforces it is tried here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dag_runs import run_dag, start_run
from tests.foreign_writes import EXPECTED, foreign_writes
from tests.strict_api import write_local_settings

ROOT = Path(__file__).parents[2]

PROGRAM = """
from airflow_dynamic_provider.embedded import run
from tests.foreign_writes import EXPECTED, foreign_writes

the_dag = foreign_writes()

if __name__ == "__main__":
    finished = run(the_dag)
    mapped = [ti.results for ti in finished.task_instances if ti.map_index >= 0]
    assert mapped == [{"return_value": EXPECTED, "written": "by its own"}] * 4, mapped
"""


@pytest.mark.parametrize("run", [run_dag, lambda dag: start_run(dag).run()], ids=["dag.test()", "KeptRun"])
def test_foreign_writes_and_deletes_are_refused(run):
    finished = run(foreign_writes())

    assert finished.state == "success"
    for task_id in ("write", "write_in_trigger"):
        assert finished.xcoms(task_id) == {0: EXPECTED, 1: EXPECTED}
        assert finished.xcoms(task_id, "written") == {0: "by its own", 1: "by its own"}
    assert finished.xcoms("other", "written") == {}


def test_they_are_refused_in_a_program_that_a_test_starts(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    write_local_settings(tmp_path / "settings")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, [tmp_path / "settings", ROOT]))

    ended = subprocess.run(
        [sys.executable, tmp_path / "program.py"], env=environment, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr
