"""Refuses Dags with tasks that cannot run without Airflow's services, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.in_memory import refusal
from airflow_dynamic_provider.local.rules import RULES
from airflow_dynamic_provider.workflows.tasks.operators import PlanOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG


def refuse_what_needs_airflow(dag: DAG) -> None:
    """Refuse a Dag with a task that cannot run in plain Python as it runs in Airflow.

    Raises:
        LocalRunError: It has such a task.
    """
    if dag.fail_fast:
        raise refusal(
            "its Dag has fail_fast=True, with which the scheduler stops other tasks", dag.tasks[0].task_id
        )
    for task in dag.tasks:
        if (problem := _problem(task)) is not None:
            raise refusal(problem, task.task_id)


def _problem(task: Any) -> str | None:
    """Return why a task cannot run in plain Python, ``None`` if it can."""
    if isinstance(task, PlanOperator):
        return "plans a dynamic workflow, whose nodes wait in the triggerer (my_workflow.local() runs one)"
    if task.is_setup or task.is_teardown:
        return "is a setup or teardown task, whose order only the scheduler knows"
    if str(task.trigger_rule.value) not in RULES:
        return f"has trigger_rule={str(task.trigger_rule.value)!r}, which only the scheduler knows"
    if task.depends_on_past or task.wait_for_downstream:
        return "depends on earlier runs"
    if getattr(task, "start_from_trigger", False) or getattr(task, "deferrable", False):
        return "waits in the triggerer"
    if getattr(task, "mode", None) == "reschedule":
        return "is a sensor that the scheduler starts again and again"
    return None
