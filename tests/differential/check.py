"""Runs a case in Airflow, and returns its differences from the oracle."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from airflow_dynamic_provider.execution import clones
from tests import dag_runs
from tests.differential.batched import compare_batches
from tests.differential.build import build, last_tasks, use_table
from tests.differential.findings import ENDS, Difference, Finding
from tests.differential.kills import is_for_good, killing
from tests.differential.oracle import FAILED, Expected, Outcome, expect
from tests.differential.programs import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.differential.programs import Case, Clear, Path, Program

#: Nothing waits for a retry here, so a run in which nothing can run is stuck.
LONGEST_WAIT = 1.0


def differences(case: Case) -> list[Difference]:
    """Run a case up to the first step with a wrong result, and return the differences."""
    step = 0
    try:
        with (
            mock.patch.object(dag_runs, "LONGEST_WAIT", LONGEST_WAIT),
            mock.patch.object(clones, "RESCHEDULE_AFTER", timedelta(0)),
            _short_turns(),
        ):
            for step, (run, expected, rerun) in enumerate(_runs(case)):
                found = [
                    *compare(run, case, expected),
                    *_compare_run(run, case.program, expected),
                    *rerun,
                ]
                if found:
                    return [Difference(kind, text, step) for kind, text in found]
    except Exception as error:
        return [Difference(type(error).__name__, str(error), step)]
    return []


@contextmanager
def _short_turns() -> Iterator[None]:
    """Switch threads more often, because a task and the API in this process always wait for each other."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(interval / 25)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def _runs(case: Case) -> Iterator[tuple[Any, Expected, list[Finding]]]:
    tables = case.tables()
    use_table(tables[0], case.kills)
    with killing(case):
        run = dag_runs.start_run(build(case.program, case.retries)).run()
    expected = expect(case.program, tables[0])
    yield run, expected, []
    for step, table in zip(case.steps, tables[1:], strict=True):
        use_table(table)
        index = _map_index(Names(case.program), step, expected)
        before = run.tries()
        run.clear(step.task, index, downstream=step.downstream).run()
        expected = expect(case.program, table)
        yield run, expected, list(_compare_tries(Names(case.program), step, index, before, run.tries()))


def _map_index(names: Names, step: Clear, expected: Expected) -> int | None:
    """Return the map index of the task instance that a step clears. In a batch, it runs other keys too."""
    if not step.path:
        return None
    paths = list(expected.outcomes[step.task])
    if step.task not in names.batches:
        return paths.index(step.path)
    batches = names.divided(step.task, paths)
    return next(number for number, keys in enumerate(batches) if step.path in keys)


def _compare_tries(
    names: Names, step: Clear, index: int | None, before: dict[Any, int], after: dict[Any, int]
) -> Iterator[Finding]:
    """Yield the task instances that ran again although the step does not concern them."""
    for own, tries in before.items():
        if own[0] in names.infos and after.get(own) != tries and not _may_run_again(names, step, index, *own):
            yield "rerun", f"{own} ran again, try {tries} is now {after.get(own)}"


def _may_run_again(names: Names, step: Clear, index: int | None, name: str, own_index: int) -> bool:
    if name == step.task and index in (None, own_index):
        return True
    if not step.downstream or step.task not in {name, *names.above(name)}:
        return False
    # Between key spaces, and from one mapped group to the next, Airflow clears the clones of all keys.
    is_beside = index not in (None, own_index) and names[name].scope == names[step.task].scope
    return not (is_beside and step.task not in names.batches and names.needs_own_key_only(name))


def compare(run: Any, case: Case, expected: Expected) -> Iterator[Finding]:
    """Yield the differences of the task instances of a run."""
    names = Names(case.program)
    for name, outcomes in expected.outcomes.items():
        live = {index: ti for index, ti in run.instances(name).items() if ti.state != "removed"}
        if name in names.batches and outcomes and set(live) != {-1}:
            unstored = {path for task, path in case.kills if task == name and is_for_good(case, (name, path))}
            retries = case.retries.get(name, 0)
            batches = names.divided(name, outcomes)
            yield from compare_batches(run, name, batches, outcomes, live, retries, unstored)
            continue
        values = run.xcoms(name)
        if not outcomes:
            yield from _compare_without_keys(name, live, expected.unmapped.get(name))
        elif set(live) == {-1}:
            # Of the only task instance, or of one that ended before there were keys.
            for path, outcome in outcomes.items():
                yield from _compare_one(name, path, outcome, live[-1], values.get(-1))
        elif sorted(live) != list(range(len(outcomes))):
            yield "clones", f"{name} has {sorted(live)}, expected one for each of {list(outcomes)}"
        else:
            for index, (path, outcome) in enumerate(outcomes.items()):
                yield from _compare_one(name, path, outcome, live[index], values.get(index))


def _compare_run(run: Any, program: Program, expected: Expected) -> Iterator[Finding]:
    """Compare the state of the run with the one that its last tasks demand if no task runs in batches."""
    last = last_tasks(program)
    # The oracle does not know the states of helpers, such as one that joins keys that nothing is mapped over.
    if last <= expected.outcomes.keys():
        states = {outcome.state for name in last for outcome in expected.outcomes[name].values()}
        states |= {expected.unmapped[name] for name in last & expected.unmapped.keys()}
        state = "failed" if states & set(FAILED) else "success"
        if run.state != state:
            yield "run", f"the run is {run.state}, expected {state}"


def _compare_without_keys(name: str, live: dict[int, Any], state: str | None) -> Iterator[Finding]:
    states = {index: str(ti.state) for index, ti in live.items()}
    allowed = [state] if state else ["skipped", "upstream_failed"]
    # If there were keys before, Airflow removes the clones, or keeps them if the producing task failed now.
    if set(states.values()) - set(allowed):
        yield "state", f"{name} has no keys and is {states}, expected {' or '.join(allowed)}"


def _compare_one(name: str, path: Path, outcome: Outcome, ti: Any, value: Any) -> Iterator[Finding]:
    shown = f"{name}[{'/'.join(path)}]" if path else name
    if str(ti.state) not in ENDS:
        yield "end", f"{shown} is {ti.state} though the run has ended, expected {outcome.state}"
    elif str(ti.state) != outcome.state:
        yield "state", f"{shown} is {ti.state}, expected {outcome.state}"
    elif outcome.state == "success" and value != outcome.value:
        yield "value", f"{shown} gave {value!r}, expected {outcome.value!r}"
    # Airflow sets a label when a clone starts, and never removes one.
    if path and outcome.has_run and ti.rendered_map_index != "/".join(path):
        yield "label", f"{shown} is labelled {ti.rendered_map_index!r}"
