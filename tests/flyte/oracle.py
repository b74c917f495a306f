"""Runs the programs with flytekit itself, in one process, and writes their outputs as JSON.

It runs in the environment of ``make test-flyte``, which has flytekit and not Airflow::

    python -m tests.flyte.oracle tests/flyte/expected.json [--check]
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from pathlib import Path

from tests.flyte.plain import keeps_results, plain
from tests.oracles import write_or_compare

#: The programs, those that need pandas, and those whose tasks keep results from run to run.
FOLDERS = ("programs", "frames", "cached")


def outputs_of(name):
    """Return entry -> the outputs of each of its runs, for one program, and what ran if results are kept."""
    program = importlib.import_module(f"tests.flyte.{name.replace('/', '.')}")
    is_cached = keeps_results(name)
    os.environ["FLYTE_LOCAL_CACHE_ENABLED"] = str(is_cached).lower()
    return {
        entry: [_run(getattr(program, entry), inputs, is_cached) for inputs in runs]
        for entry, runs in program.RUNS.items()
    }


def _run(entry, inputs, is_cached):
    counter = Path(os.environ["FLYTE_TEST_COUNTER"])
    counter.write_text("")
    done = {"inputs": inputs, "outputs": plain(entry(**inputs))}
    return {**done, "ran": sorted(counter.read_text().splitlines())} if is_cached else done


def main(file, *options):
    """Write the outputs of all programs, or compare them with those in the file."""
    names = [
        f"{folder}/{path.stem}"
        for folder in FOLDERS
        for path in sorted(Path(__file__).parent.joinpath(folder).glob("*.py"))
        if path.stem != "__init__"
    ]
    here = Path(file).resolve()
    with tempfile.TemporaryDirectory() as folder:
        # flytekit keeps files and cached results here.
        os.environ.update(FLYTE_TEST_COUNTER=os.path.join(folder, "counter"), HOME=folder)
        os.chdir(folder)
        found = {name: outputs_of(name) for name in names}
        os.chdir("/")
    words = "flytekit gives other outputs"
    return write_or_compare(here, found, options, words=words, count=len(found))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
