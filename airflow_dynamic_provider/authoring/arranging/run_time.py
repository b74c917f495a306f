"""Gives each clone the facts about its arrangement that it needs at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.definitions.states import FAILURES, WITHOUT_RESULT
from airflow_dynamic_provider.execution.documents import (
    BatchesOfTask,
    TaskDocument,
    declared_outputs,
    write_document,
)

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.arranging.arrangement import Arrangement
    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, DagGraph

# Trigger rule -> the states of upstream clones with which a clone never runs.
_STOPPED_BY = {
    TriggerRule.ALL_SUCCESS: WITHOUT_RESULT,
    TriggerRule.NONE_FAILED: FAILURES,
}


def note_run_time_facts(graph: DagGraph, arrangement: Arrangement) -> None:
    """Tell every clone and gate which of its upstream tasks run only for its own key."""
    together: dict[Any, set[str]] = {}
    for task_id, segment in arrangement.segment_of.items():
        members = together.setdefault(segment, set())
        members.add(task_id)
        if (gate := graph.gates.get(task_id)) is not None:
            members.add(gate.task_id)
    gate_ids = graph.gate_ids
    for members in together.values():
        for task_id in members:
            _note(graph, graph.clones[task_id], members, is_gate=task_id in gate_ids)


def _note(graph: DagGraph, clone: ClonedTask, members: set[str], *, is_gate: bool) -> None:
    task = clone.operator
    collector = graph.collector_of(task.task_id)
    collector.same_key_ids = members
    spec = clone.spec
    spec.needs_success = collector.is_relaxed or task.trigger_rule == TriggerRule.ALL_SUCCESS
    spec.stopped_by = _STOPPED_BY.get(task.trigger_rule, frozenset())
    spec.same_key = [graph.clones[up].spec for up in sorted(task.upstream_task_ids & members)]
    spec.other_upstream = sorted(task.upstream_task_ids - members)
    if spec.limit is not None and spec.needs_success:
        upstream = {up for task_id, up in (*graph.uses, *graph.orders) if task_id == spec.task_id}
        spec.limit.after[spec.task_id] = upstream & set(spec.limit.task_ids)
    looked_at = {task_id for check in (task.checks if is_gate else ()) for task_id in check.task_ids}
    document = TaskDocument(
        outputs=declared_outputs(getattr(task, "declarations", {})),
        clone_of=clone.space.spec,
        same_key=tuple(sorted(task.upstream_task_ids & (members | looked_at))),
        needs_success=spec.needs_success,
        is_helper=is_gate,
        batches=None
        if spec.batches is None
        else BatchesOfTask(spec.batches.cut.task_id, spec.batches.gate_id),
        is_cached=spec.is_cached,
    )
    task.doc_json = write_document(task.doc_json, document)
