"""Finds out what the gate before a cloned task has to look at, and whether it needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.authoring.model.dag_graph import Way
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, DagGraph
    from airflow_dynamic_provider.execution.gates import Check

# Under these a task does not run when an upstream task failed.
_PASSING_ON = frozenset({TriggerRule.ALL_SUCCESS, TriggerRule.NONE_FAILED})


def is_gate(task: Any) -> bool:
    """Whether a task is a gate."""
    from airflow_dynamic_provider.execution.gates import GateOperator

    return isinstance(task, GateOperator)


def find_checks(graph: DagGraph, clone: ClonedTask, crossing: Iterable[str]) -> list[Check]:
    """Return what the gate before a cloned task looks at; nothing when it needs none.

    Args:
        graph: What is known of the Dag.
        clone: The cloned task.
        crossing: The tasks in other mapped groups of which it needs the clones that matter to its key.
    """
    from airflow_dynamic_provider.execution.gates import Below, SameKey
    from airflow_dynamic_provider.execution.sources import ResultSource

    checks: list[Check] = []
    for upstream_id in sorted(crossing):
        upstream = graph.clones[upstream_id]
        ways = _ways(graph, clone, upstream)
        if _is_waited_for(graph, clone, upstream_id, ways):
            continue
        if ways:
            checks += [SameKey(upstream.spec, way.base, way.via) for way in sorted(ways, key=_via)]
        else:
            checks.append(Below(ResultSource(upstream.spec, ""), tolerates_failures=False))
    for spec in graph.collects_below.get(clone.operator.task_id, ()):
        tolerates = spec.of_states or spec.min_success_ratio < 1
        checks.append(Below(spec.source, tolerates_failures=tolerates))
    return checks


def _ways(graph: DagGraph, clone: ClonedTask, upstream: ClonedTask) -> set[Way]:
    """Return the ways from a task's key to another's; none if the other's keys are below it."""
    pair = (clone.operator.task_id, upstream.operator.task_id)
    ways = set(graph.uses.get(pair, ()))
    if pair in graph.orders and find_routes(clone.space.spec, upstream.space.spec).found:
        ways.add(Way(upstream.space.spec))
    return ways


def _via(way: Way) -> tuple[int, ...]:
    return way.via


def _is_waited_for(graph: DagGraph, clone: ClonedTask, upstream_id: str, ways: set[Way]) -> bool:
    """Whether a value is only read, and some way through the outside stops the task when it is not there.

    Such a way leaves the key space or goes through a collection, and each task on it passes failures on.
    """
    task_id = clone.operator.task_id
    if (task_id, upstream_id) in graph.orders:
        return False
    todo, seen = [(task_id, False)], set()
    while todo:
        here, is_outside = todo.pop()
        if (here, is_outside) in seen:
            continue
        seen.add((here, is_outside))
        task = graph.task(here)
        if not is_outside and _stops_unless_succeeded(task, upstream_id, ways):
            return True
        if task.trigger_rule not in _PASSING_ON:
            continue
        for up in task.upstream_task_ids:
            other = graph.clones.get(up)
            is_same_space = other is not None and other.space is clone.space
            left = is_outside or not is_same_space or (here, up) in graph.collects_all
            if up == upstream_id and left:
                return True
            todo.append((up, left))
    return False


def _stops_unless_succeeded(task: Any, upstream_id: str, ways: set[Way]) -> bool:
    """Whether a task is a gate that stops a key unless its clones of the upstream task have succeeded."""
    from airflow_dynamic_provider.execution.gates import SameKey

    same_key = [check for check in (task.checks if is_gate(task) else ()) if isinstance(check, SameKey)]
    looked_at = {Way(check.base, check.via) for check in same_key if upstream_id in check.task_ids}
    return bool(ways) and ways <= looked_at
