"""Runs a Dag that a test defines inline, in this process, and shows what became of it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class ApiCalls:
    """The calls that tasks made to Airflow's API: (task, map index) -> messages, and bytes received."""

    messages: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    received: Counter[tuple[str, int]] = field(default_factory=Counter)

    def note(self, task: tuple[str, int], message: Any, answer: Any) -> None:
        self.messages.setdefault(task, Counter())[type(message).__name__] += 1
        if answer is not None and hasattr(answer, "model_dump_json"):
            self.received[task] += len(answer.model_dump_json())


@dataclass
class FinishedRun:
    """One Dag run that has ended."""

    dag: Any
    run: Any
    calls: ApiCalls

    @property
    def state(self) -> str:
        return str(self.run.state)

    def instances(self, task_id: str) -> dict[int, Any]:
        """Map index -> task instance."""
        return {ti.map_index: ti for ti in self.run.get_task_instances() if ti.task_id == task_id}

    def states(self, task_id: str) -> dict[str, str]:
        """Label, or map index where there is none, -> state."""
        return {
            ti.rendered_map_index if ti._rendered_map_index is not None else index: str(ti.state)
            for index, ti in sorted(self.instances(task_id).items())
        }

    def state_of(self, task_id: str, map_index: int = -1) -> str:
        return str(self.instances(task_id)[map_index].state)

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        return self.xcoms(task_id, key).get(map_index)

    def xcoms(self, task_id: str, key: str = "return_value") -> dict[int, Any]:
        """Map index -> deserialized XCom."""
        from airflow.models.xcom import XComModel
        from airflow.sdk.bases.xcom import BaseXCom
        from airflow.settings import Session

        found = Session().query(XComModel).filter_by(run_id=self.run.run_id, dag_id=self.run.dag_id)
        rows = found.filter_by(task_id=task_id, key=key)
        return {row.map_index: BaseXCom.deserialize_value(row) for row in rows}


def run_dag(dag: Any, conf: dict[str, Any] | None = None) -> FinishedRun:
    """Run a Dag to its end."""
    _register(dag)
    with _counting() as calls:
        run = dag.test(run_conf=conf)
    _check_user_interface(dag, run)
    return FinishedRun(dag, run, calls)


def _register(dag: Any) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    with create_session() as session:
        DagBundlesManager().sync_bundles_to_db(session=session)
        session.commit()
        update_dag_parsing_results_in_db(
            "dags-folder", None, [LazyDeserializedDAG.from_dag(dag)], {}, None, set(), session=session
        )


@contextmanager
def _counting() -> Iterator[ApiCalls]:
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    calls = ApiCalls()
    send: Callable[..., Any] = InProcessSupervisorComms.send

    def counted(self: Any, msg: Any) -> Any:
        answer = send(self, msg)
        ti = self.supervisor.ti
        calls.note((ti.task_id, ti.map_index), msg, answer)
        return answer

    with mock.patch.object(InProcessSupervisorComms, "send", counted):
        yield calls


def dag_serialization() -> Any:
    """Return the class that turns Dags into what Airflow stores, and back."""
    from airflow.serialization import serialized_objects

    # Airflow 3.2 gave the functions a class of their own.
    return getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG


def _check_user_interface(dag: Any, run: Any) -> None:
    """Ask what Airflow's grid and graph ask: they refuse a Dag whose mapped groups depend on themselves."""
    serialization = dag_serialization()
    stored = serialization.deserialize_dag(serialization.serialize_dag(dag))
    for task in dag.tasks:
        assert len(list(task.iter_mapped_task_groups())) <= 1, f"{task.task_id} is in nested mapped groups"
    groups = [stored.task_group]
    while groups:
        group = groups.pop()
        group.topological_sort()
        groups.extend(child for child in group.children.values() if hasattr(child, "children"))
