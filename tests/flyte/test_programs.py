"""Each program gives the same outputs with flytekit, as plain Python, and as a Dag run."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.flyte.plain import keeps_results, plain
from tests.flyte.running import dags_in, expected, outputs_of_run, source_of

#: `make test-flyte` runs every workflow as a Dag, and programs that need pandas. The other tests run the
#: first workflow of each program.
IS_WHOLE = os.environ.get("FLYTE_PROGRAMS") == "all"

EXPECTED = {name: runs for name, runs in expected().items() if IS_WHOLE or not name.startswith("frames/")}

RUN_AS_DAGS = [
    (name, entry)
    for name, entries in EXPECTED.items()
    for number, entry in enumerate(entries)
    if IS_WHOLE or not number
]


def test_no_two_programs_define_the_same_dag():
    entries = Counter(entry for entries in expected().values() for entry in entries)
    assert [entry for entry, times in entries.items() if times > 1] == []


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that imports a program, with the import line changed, as plain Python."""

    def load_program(name):
        path = tmp_path / "plain" / f"{Path(name).name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source_of(name), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(f"program_{path.stem}", path)
        program = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, program)
        spec.loader.exec_module(program)
        return program

    return load_program


#: As plain Python, nothing is kept from run to run.
PLAIN = [name for name in EXPECTED if not keeps_results(name)]


@pytest.mark.parametrize("name", PLAIN)
def test_a_program_gives_the_same_outputs_as_plain_python(name, load):
    program = load(name)
    found = {
        entry: [{**run, "outputs": plain(getattr(program, entry)(**run["inputs"]))} for run in runs]
        for entry, runs in EXPECTED[name].items()
    }
    assert found == EXPECTED[name]


@pytest.mark.parametrize(("name", "entry"), RUN_AS_DAGS)
def test_a_program_gives_the_same_outputs_as_a_dag(name, entry, load, tmp_path, monkeypatch):
    dags = tmp_path / "dags"
    dags.mkdir()
    dag = dags_in(dags, **{Path(name).name: source_of(name)})[entry]
    interface = getattr(load(name), entry).interface
    for run in runs_of(name, entry):
        counter = tmp_path / "counter"
        counter.write_text("")
        monkeypatch.setenv("FLYTE_TEST_COUNTER", str(counter))
        assert plain(outputs_of_run(dag, run["inputs"], interface)) == run["outputs"]
        assert sorted(counter.read_text().splitlines()) == run.get("ran", [])


def runs_of(name, entry):
    """Return the first run, and all runs of a program that keeps results from run to run."""
    return EXPECTED[name][entry] if keeps_results(name) else EXPECTED[name][entry][:1]
