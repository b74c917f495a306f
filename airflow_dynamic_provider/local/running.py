"""Runs a whole Dag in plain Python, for a unit test: no database, no scheduler, no other process."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_dynamic_provider.airflow_adapter.in_memory import Memory, MemoryRun, check_conf
from airflow_dynamic_provider.definitions.states import FAILED, FAILURES, SUCCESS
from airflow_dynamic_provider.errors import LocalRunError
from airflow_dynamic_provider.local.reading import keep_outputs, read_tasks
from airflow_dynamic_provider.local.refusing import refuse_what_needs_airflow
from airflow_dynamic_provider.local.results import LocalResult, LocalTask
from airflow_dynamic_provider.local.scheduling import Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def run_local(
    dag: DAG | Callable[[], DAG],
    *,
    conf: Mapping[str, Any] | None = None,
    logical_date: datetime | None = None,
) -> LocalResult:
    """Run a whole Dag in plain Python, one task instance after the other, in this process.

    The Dag function runs as in the Dag file, and the tasks as on a worker, with the same context, values,
    skips and refusals. There is no database: all values and states are in memory. A retry starts at once. The
    order of the tasks, and that of the keys, is always the same.

    What only a running Airflow has is refused, with the task: sensors that reschedule, tasks that wait in the
    triggerer, dynamic workflows (use their ``.local()``), setup and teardown, ``fail_fast``, assets that are
    read, and runs of other Dags. Connections and variables come from environment variables.

    Args:
        dag: A function with ``@dag``, or the Dag.
        conf: The configuration of the run, which overrides the Dag's params.
        logical_date: The logical date of the run, with a time zone; now by default.

    Returns:
        What became of each task and key.

    Raises:
        LocalRunError: A task needs what only a running Airflow has.
        ParamValidationError: The configuration does not fit the Dag's params.

    Example:
        >>> finished = run_local(process_directory, conf={"path": "/data"})
        >>> finished.result("summarize")
        >>> finished.task("count_lines").states
        {'a.txt': 'success', 'b.txt': 'failed'}
    """
    made = dag if isinstance(dag, DAG) else dag()
    if not isinstance(made, DAG):
        raise LocalRunError(
            f"run_local() received {type(made).__name__}, which is not a Dag",
            remedy="Pass a function with @dag, or the Dag that it returns.",
        )
    run, tasks = run_in_memory(made, conf or {}, logical_date)
    return LocalResult(_state(run), tasks)


def run_in_memory(
    dag: DAG, conf: Mapping[str, Any], logical_date: datetime | None = None
) -> tuple[MemoryRun, dict[str, LocalTask]]:
    """Run a Dag, and return its values and states as they are stored, and what became of its tasks."""
    # As Airflow does with each Dag that it reads from a file.
    dag.validate()  # type: ignore[no-untyped-call, unused-ignore]
    refuse_what_needs_airflow(dag)
    check_conf(dag, conf)
    keep_outputs(dag)
    run = MemoryRun(dag, Memory(), conf, logical_date or datetime.now(timezone.utc))
    scheduler = Scheduler(run)
    scheduler.run()
    return run, read_tasks(run, scheduler)


def _state(run: MemoryRun) -> str:
    """Return the state of the run, which its last tasks decide."""
    last = {task.task_id for task in run.dag.leaves}
    ends = {state for (task_id, _), state in run.memory.states.items() if task_id in last}
    return FAILED if ends & set(FAILURES) else SUCCESS
