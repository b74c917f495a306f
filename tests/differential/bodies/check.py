"""Runs a body in Airflow, and returns its differences from the oracle."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.differential.bodies.build import WORKFLOW, build, interpret, use_case
from tests.differential.bodies.oracle import Expected, expect
from tests.differential.bodies.simulate import simulate
from tests.differential.findings import Difference, Finding
from tests.workflow_runs import WorkflowRun, run_workflows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.differential.bodies.programs import Case

#: A run with more starts of task instances is stuck, because nodes wait by starting again.
MOST_STARTS = 400


def differences(case: Case) -> list[Difference]:
    """Run a case, and return its differences from the oracle."""
    if found := decision_differences(case):
        # A failure that appears without Airflow is reported and cut down without it.
        return found
    expected = expect(case)
    use_case(case)
    try:
        run = run_workflows(build(case), MOST_STARTS, is_scheduled=case.is_scheduled)
        found = [*_compare(case, run, expected), *_compare_local(case, expected)]
    except Exception as error:
        return [Difference(type(error).__name__, str(error), 0)]
    return [Difference(kind, text, 0) for kind, text in found]


def decision_differences(case: Case) -> list[Difference]:
    """Run a case without Airflow, and return the decisions that differ from the oracle."""
    expected = expect(case)
    try:
        made = simulate(case, random.Random(0))
    except Exception as error:
        return [Difference(type(error).__name__, str(error), 0)]
    return [Difference(kind, text, 0) for kind, text in _compare_decisions(case, made, expected)]


def _compare_decisions(case: Case, made: Expected, expected: Expected) -> Iterator[Finding]:
    yield from _compare_states(case, made.states, expected)
    for name, value in made.values.items():
        if value != expected.values.get(name):
            yield "value", f"{name} gave {value!r}, expected {expected.values.get(name)!r}"
    if made.state != expected.state:
        yield "state", f"the result is {made.state}, expected {expected.state}"
    elif made.value != expected.value:
        yield "value", f"the result is {made.value!r}, expected {expected.value!r}"


def _compare_states(case: Case, states: dict[str, str], expected: Expected) -> Iterator[Finding]:
    # If the workflow fails fast, the nodes that have started depend on timing.
    is_cut = case.policy == "fail_fast" and expected.state == "failed"
    if set(states) - set(expected.states) or (not is_cut and len(states) != len(expected.states)):
        yield "nodes", f"there are {sorted(states)}, expected {sorted(expected.states)}"
    for name, state in states.items():
        wanted = expected.states.get(name, state)
        if state != wanted and not (is_cut and state == "skipped"):
            yield "state", f"{name} is {state}, expected {wanted}"


def _compare(case: Case, run: WorkflowRun, expected: Expected) -> Iterator[Finding]:
    nodes = run.nodes(WORKFLOW)
    yield from _compare_states(case, {name: node.state for name, node in nodes.items()}, expected)
    for name, node in nodes.items():
        if node.state == "success" and name in expected.values:
            value = run.xcom(node.task_id, "return_value", node.map_index)
            if value != expected.values[name]:
                yield "value", f"{name} gave {value!r}, expected {expected.values[name]!r}"
        if node.state in ("success", "failed") and node.label != name:
            yield "label", f"{name} is labelled {node.label!r}"
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
