"""Runs Dags with workflows in this process, and shows the results of the nodes by name."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from airflow.sdk import DAG, task

from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
from airflow_dynamic_provider.workflows.progress.stored import unpack_slots
from tests import dag_runs
from tests.dag_runs import FinishedRun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Node:
    """The result of one node."""

    task_id: str
    map_index: int
    label: str | None
    state: str
    tries: int
    start: Any
    end: Any


@dataclass
class WorkflowRun(FinishedRun):
    """One Dag run that has ended, with the workflows in it."""

    errors: dict[tuple[str, int], BaseException | None]

    def nodes(self, workflow: str) -> dict[str, Node]:
        """Node, after its key in a map -> its result."""
        instances = {(ti.task_id, ti.map_index): ti for ti in self.dag_run.get_task_instances()}
        return {
            "/".join((*slot.key_path, slot.name)): _node(instances[lane.task_id, index])
            for lane in self.spec(workflow).lanes.values()
            for index, slot in enumerate(unpack_slots(self.xcom(lane.list_task_id)))
            if slot.name
        }

    def node_states(self, workflow: str) -> dict[str, str]:
        return {name: node.state for name, node in self.nodes(workflow).items()}

    def node_xcom(self, workflow: str, name: str, key: str = "return_value") -> Any:
        node = self.nodes(workflow)[name]
        return self.xcom(node.task_id, key, node.map_index)

    def result(self, workflow: str) -> Any:
        return self.xcom(f"{workflow}.result")

    def error(self, task_id: str, map_index: int = -1) -> str:
        """Return the error of the last try as a string."""
        error = self.errors[task_id, map_index]
        assert error is not None, f"{task_id} raised nothing"
        return f"{type(error).__name__}: {error}"

    def spec(self, workflow: str) -> WorkflowSpec:
        specs = (getattr(each, "spec", None) for each in self.dag.tasks)
        return next(spec for spec in specs if isinstance(spec, WorkflowSpec) and spec.name == workflow)


def _node(ti: Any) -> Node:
    times = ti.start_date, ti.end_date
    return Node(ti.task_id, ti.map_index, ti._rendered_map_index, str(ti.state), ti.try_number, *times)


class StuckError(BaseException):
    """A run does not end. Airflow does not catch this exception."""


def run_workflows(dag: Any, most_starts: int | None = None, *, is_scheduled: bool = False) -> WorkflowRun:
    """Run a Dag with workflows to its end.

    Args:
        dag: The Dag.
        most_starts: The maximum number of starts of all its task instances.
        is_scheduled: Whether nodes wait as under a scheduler and a triggerer, and not as in ``dag.test()``.

    Raises:
        AssertionError: The task instances have started more often.
    """
    from airflow.sdk.execution_time import supervisor

    errors: dict[tuple[str, int], BaseException | None] = {}
    run_task: Callable[..., Any] = supervisor.run_task_in_process
    starts = 0

    def noted(ti: Any, task: Any) -> Any:
        nonlocal starts
        starts += 1
        if most_starts is not None and starts > most_starts:
            raise StuckError
        result = run_task(ti=ti, task=task)
        errors[ti.task_id, ti.map_index] = result.error
        return result

    with mock.patch.object(supervisor, "run_task_in_process", noted), quickly():
        try:
            run = dag_runs.start_run(dag).run() if is_scheduled else dag_runs.run_dag(dag)
        except StuckError:
            raise AssertionError(
                f"it does not end: {starts} starts, the last of {list(errors)[-3:]}"
            ) from None
    return WorkflowRun(run.dag, run.dag_run, run.calls, errors)


@contextmanager
def quickly() -> Iterator[None]:
    """Make ``dag.test()`` lose no time while it waits, between two looks and for its own threads."""
    sleep = time.sleep
    interval = sys.getswitchinterval()

    def sleep_less(seconds: float) -> None:
        # Airflow's own loop waits for a second when no task instance can run yet.
        sleep(0.1 if seconds == 1 else seconds)

    sys.setswitchinterval(interval / 25)
    try:
        with mock.patch.object(time, "sleep", sleep_less):
            yield
    finally:
        sys.setswitchinterval(interval)


@dataclass(frozen=True)
class Example:
    """A workflow, its arguments, and its expected result."""

    workflow: Any
    arguments: tuple[Any, ...]
    expected: Any


def run_examples(examples: Mapping[str, Example]) -> WorkflowRun:
    """Run workflows side by side, each with arguments from one upstream task.

    They are scheduled, because in ``dag.test()`` each waiting node of each of them starts again and again.
    """

    @task(multiple_outputs=True)
    def inputs():
        return {
            f"{name}_{index}": value
            for name, example in examples.items()
            for index, value in enumerate(example.arguments)
        }

    with DAG("examples", schedule=None) as dag:
        given = inputs()
        for name, example in examples.items():
            arguments = [given[f"{name}_{index}"] for index in range(len(example.arguments))]
            example.workflow.override(task_id=name)(*arguments)
    return run_workflows(dag, is_scheduled=True)
