"""Runs a body in Airflow and says in what it differs from what the oracle expects."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.differential.bodies.build import WORKFLOW, build, interpret, use_case
from tests.differential.bodies.oracle import Expected, expect
from tests.differential.bodies.simulate import simulate
from tests.differential.check import Difference, Finding
from tests.workflow_runs import WorkflowRun, run_workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.differential.bodies.programs import Case

#: A run in which so many task instances have started is stuck: nodes wait by starting again.
MOST_STARTS = 400


def differences(case: Case) -> list[Difference]:
    """Run a case and return what is not as expected."""
    if found := decision_differences(case):
        # What goes wrong without Airflow is told, and cut down, without it.
        return found
    expected = expect(case)
    use_case(case)
    try:
        run = run_workflows(build(case), most_starts=MOST_STARTS)
        found = [*_compare(case, run, expected), *_compare_local(case, expected)]
    except Exception as error:
        return [Difference(type(error).__name__, str(error), 0)]
    return [Difference(kind, text, 0) for kind, text in found]


def decision_differences(case: Case) -> list[Difference]:
    """Run a case without Airflow, and return what is decided otherwise than expected."""
    expected = expect(case)
    try:
        made = simulate(case, random.Random(0))
    except Exception as error:
        return [Difference(type(error).__name__, str(error), 0)]
    is_cut = case.policy == "fail_fast" and expected.state == "failed"
    found: list[Finding] = []
    if not is_cut and made.states.keys() != expected.states.keys():
        found.append(("nodes", f"there are {sorted(made.states)}, expected {sorted(expected.states)}"))
    for name, state in made.states.items():
        wanted = expected.states.get(name)
        if state != wanted and not (is_cut and wanted is not None and state == "skipped"):
            found.append(("state", f"{name} is {state}, expected {wanted}"))
        if state == "success" and made.values.get(name) != expected.values.get(name):
            found.append(
                ("value", f"{name} gave {made.values.get(name)!r}, not {expected.values.get(name)!r}")
            )
    if (made.state, made.value) != (expected.state, expected.value):
        found.append(
            ("result", f"it is {made.state} {made.value!r}, not {expected.state} {expected.value!r}")
        )
    return [Difference(kind, text, 0) for kind, text in found]


def _compare(case: Case, run: WorkflowRun, expected: Expected) -> Iterator[Finding]:
    nodes = run.nodes(WORKFLOW)
    # Then it depends on the time which nodes had started.
    is_cut = case.policy == "fail_fast" and expected.state == "failed"
    if not is_cut and set(nodes) != set(expected.states):
        yield "nodes", f"there are {sorted(nodes)}, expected {sorted(expected.states)}"
    if unknown := sorted(set(nodes) - set(expected.states)):
        yield "nodes", f"there are also {unknown}"
    for name, node in nodes.items():
        state = expected.states.get(name, node.state)
        if node.state != state and not (is_cut and node.state == "skipped"):
            yield "state", f"{name} is {node.state}, expected {state}"
        if node.state == "success" and name in expected.values:
            value = run.xcom(node.task_id, "return_value", node.map_index)
            if value != expected.values[name]:
                yield "value", f"{name} gave {value!r}, expected {expected.values[name]!r}"
        is_blocked = node.state == "skipped" and case.table.get(name) != "skip"
        if is_blocked and run.xcom(node.task_id, "workflow_blocked", node.map_index) is None:
            yield "reason", f"{name} does not say why it was skipped"
    state = run.state_of(f"{WORKFLOW}.result")
    if state != expected.state:
        yield "state", f"the result is {state}, expected {expected.state}"
    elif run.result(WORKFLOW) != expected.value:
        yield "value", f"the result is {run.result(WORKFLOW)!r}, expected {expected.value!r}"


def _compare_local(case: Case, expected: Expected) -> Iterator[Finding]:
    if case.table:
        return
    value = interpret.local("", [])
    if value != expected.value:
        yield "local", f"local() gives {value!r}, expected {expected.value!r}"
