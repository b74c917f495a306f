"""Runs a case in plain Python, and returns its differences from the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_dynamic_provider.local.running import run_in_memory
from tests.differential.build import build, use_table
from tests.differential.check import compare
from tests.differential.findings import Difference
from tests.differential.oracle import expect
from tests.differential.programs import Names
from tests.local_runs import LocalRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_dynamic_provider.local.results import LocalTask
    from tests.differential.findings import Finding
    from tests.differential.oracle import Expected
    from tests.differential.programs import Case


def differences_locally(case: Case) -> list[Difference]:
    """Run the first step of a case in plain Python, and return the differences from the oracle."""
    case = replace(case, kills=frozenset(), steps=())
    use_table(case.table)
    run, tasks = run_in_memory(build(case.program, case.retries), {})
    expected = expect(case.program, case.table)
    found = [*compare(LocalRun(run.memory), case, expected), *_compare_tasks(tasks, case, expected)]
    return [Difference(kind, text, 0) for kind, text in found]


def _compare_tasks(tasks: Mapping[str, LocalTask], case: Case, expected: Expected) -> Iterator[Finding]:
    """Yield the differences of what the public result says of each task and key."""
    batched = Names(case.program).batches
    for name, outcomes in expected.outcomes.items():
        task = tasks[name]
        found = {"": task.once} if task.once is not None and () in outcomes else task.keys
        wanted = {"/".join(path): outcome for path, outcome in outcomes.items()}
        if list(found or {}) != list(wanted):
            yield "clones", f"{name} has the keys {list(found or {})}, expected {list(wanted)}"
            continue
        for key, outcome in wanted.items():
            if found[key].state != outcome.state:
                yield "state", f"{name}[{key}] is {found[key].state}, expected {outcome.state}"
            elif found[key].value != outcome.value and not (name in batched and found[key].value is None):
                yield "value", f"{name}[{key}] gave {found[key].value!r}, expected {outcome.value!r}"
            elif (outcome.state == "failed") != (found[key].error is not None):
                yield "error", f"{name}[{key}] is {outcome.state} with the error {found[key].error!r}"
