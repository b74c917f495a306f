"""Each program gives the same outputs with flytekit, as plain Python, and as a Dag run."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.flyte.plain import plain
from tests.flyte.running import dags_in, expected, outputs_of_run, source_of

EXPECTED = expected()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_program_gives_the_same_outputs(name, tmp_path, monkeypatch):
    source = source_of(name)
    dags = dags_in(tmp_path, **{name: source})
    spec = importlib.util.spec_from_file_location(f"program_{name}", tmp_path / f"{name}.py")
    program = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, program)
    spec.loader.exec_module(program)
    for entry, runs in EXPECTED[name].items():
        for run in runs:
            assert plain(getattr(program, entry)(**run["inputs"])) == run["outputs"]
        assert outputs_of_run(dags[entry], runs[0]["inputs"]) == runs[0]["outputs"]
