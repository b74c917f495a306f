"""The command that clears keys takes Dagster's names of steps."""

from __future__ import annotations

import json

import pytest

from tests.dag.workflow_clears import execute
from tests.dag_runs import start_run
from tests.dagster.running import jobs_of, load


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    module = load("mapping", tmp_path_factory.mktemp("steps"))
    return start_run(jobs_of(module)["chained"].dag).run()


def test_steps_are_cleared_with_what_depends_on_them(run, capsys):
    def cleared(*steps):
        words = [word for step in steps for word in ("--step", step)]
        capsys.readouterr()
        execute(["clear", "chained", run.run_id, *words, "-o", "json"])
        rows = json.loads(capsys.readouterr().out)
        keys = {"0": "[k0]", "1": "[k1]", "2": "[k2]", "-1": ""}
        return {row["task_id"] + keys[str(row["map_index"])] for row in rows}

    assert cleared("echo[k1]") == {"echo[k1]", "listed"}
    assert cleared("inc[k1]*") == {"inc[k1]", "echo[k1]", "listed"}
    assert cleared("inc[k0]", "echo[k2]+") == {"inc[k0]", "echo[k0]", "echo[k2]", "listed"}
    assert cleared("echo[?]") == {"echo[k0]", "echo[k1]", "echo[k2]", "listed"}
    assert cleared("listed") == {"listed"}
    assert len(cleared("three*")) == 8
    # What it depends on, for the same key; what these are needed for runs again too.
    assert cleared("+echo[k1]") == {"inc[k1]", "echo[k1]", "listed"}
    assert cleared("+listed") == cleared("echo[?]")
    assert cleared("++listed") == cleared("inc[?]")
    assert cleared("*echo[k1]") == cleared("three")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--step", "echo"],
            r"echo' has a task instance for each key.*echo\[KEY\], or all of them: echo\[\?\]",
        ),
        (["--step", "echo[zzz]"], "no key 'zzz'|'zzz'"),
        (["--step", "ecko[k1]"], "no mapped task 'ecko' in the Dag 'chained'. Did you mean 'echo'"),
        (["--step", "listet"], "no task 'listet' in the Dag 'chained'. Did you mean 'listed'"),
        (["--step", "listed", "--key", "k1"], "--step says all that is cleared"),
    ],
)
def test_a_step_that_there_is_not_is_refused(run, words, message):
    with pytest.raises(SystemExit, match=message):
        execute(["clear", "chained", run.run_id, *words])
