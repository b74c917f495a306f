"""Does once, in a process that forks tasks, what the process of each task does when it starts.

Python and Airflow keep much of what they compute when something is used for the first time: which classes
have an abstract base class, evaluated annotations, options of the configuration, the syntax of templates, the
plugins. A forked process begins with all of it. The Dag here is never stored, and nothing of it runs.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task, task_group

from airflow_dynamic_provider.authoring.decorator import dynamic_task
from airflow_dynamic_provider.definitions.declarations import DynamicOut
from airflow_dynamic_provider.version_compat import listener_manager
from airflow_dynamic_provider.workflows.decorator import dynamic_workflow


@task
def _work(value: Any) -> Any:
    return value


@task_group
def _works(value: Any) -> Any:
    return _work(_work(value))


@dynamic_task(out=DynamicOut(str))
def _keys() -> list[Any]:
    return []


@dynamic_workflow
def _workflow(value: int) -> Any:
    return _work(value)


def _define_a_dag() -> None:
    """Define tasks, mapped tasks, maps and a workflow, and render a template."""
    with DAG("rehearsal", schedule=None) as dag:
        _works.expand(value=_work(1))
        values = _keys().map(lambda value: _work(_work(value)))
        _work(values.collect())
        _workflow(1)
    dag.get_template_env().from_string("{{ value }}").render(value=1)


def rehearse() -> None:
    """Do what the process of each task does when it starts."""
    _define_a_dag()
    # Airflow looks for plugins in the metadata of all installed packages, and keeps what it has found.
    listener_manager()
