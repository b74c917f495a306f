"""Opens a Dag run in Airflow's database, and reads what its tasks stored there."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, load, loads_json_only
from airflow_dynamic_provider.database.parts import among, parts
from airflow_dynamic_provider.database.structure import newest_structure, structure_of_run
from airflow_dynamic_provider.errors import ReadError, UnknownNameError
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.orm import Session

    from airflow_dynamic_provider.airflow_adapter.models import DagRun
    from airflow_dynamic_provider.airflow_adapter.xcom import States
    from airflow_dynamic_provider.database.structure import SpaceInfo, Structure

#: The name that stands for the last run of a Dag.
LATEST = "latest"

# The number of names that a message lists.
_LISTED = 10


@dataclass(frozen=True)
class OpenRun:
    """A Dag run, with the structure of its Dag at the time of the run.

    Attributes:
        session: The database session.
        dag_run: The run.
        structure: The structure that the Dag's tasks declare.
    """

    session: Session
    dag_run: DagRun
    structure: Structure

    @property
    def dag_id(self) -> str:
        """The Dag."""
        return str(self.dag_run.dag_id)

    @property
    def run_id(self) -> str:
        """The run."""
        return str(self.dag_run.run_id)

    @cached_property
    def source(self) -> RunSource:
        """Reads its task instances and XComs."""
        return RunSource(self.session, self.dag_id, self.run_id)

    def workflow(self, name: str) -> WorkflowReader:
        """Return the reader of one of the workflows.

        Raises:
            UnknownNameError: There is no workflow of this name.
        """
        workflows = self.structure.workflows
        if name not in workflows:
            raise unknown(f"workflow {name!r}", f"the Dag {self.dag_id!r}", name, workflows)
        return WorkflowReader(self.dag_id, self.run_id, workflows[name], self.source)

    def space(self, of: str) -> SpaceInfo:
        """Return one of the key spaces.

        Raises:
            UnknownNameError: There is no key space of this name.
        """
        return find_space(self.structure, of)


@dataclass(frozen=True)
class RunSource:
    """Reads the task instances and XComs of a run from the database. Each method takes one query."""

    session: Session
    dag_id: str
    run_id: str

    def states(self, task_ids: Collection[str], map_indexes: Collection[int] | None = None) -> States:
        """Return (task, map index) -> state of the task instances of some tasks.

        Args:
            task_ids: The tasks.
            map_indexes: The map indexes; ``None`` for all.
        """
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        found = select(TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state).where(
            *self.instances_of(task_ids)
        )
        if map_indexes is not None:
            found = found.where(among(TaskInstance.map_index, map_indexes))
        rows = self.session.execute(found)
        return {(task_id, map_index): name_of_state(state) for task_id, map_index, state in rows}

    def tasks_with(self, task_ids: Collection[str], states: Collection[str]) -> set[str]:
        """Return those of some tasks that have a task instance in one of some states."""
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        if not task_ids:
            return set()
        found = select(TaskInstance.task_id).where(*self.instances_of(task_ids)).distinct()
        return set(self.session.scalars(found.where(TaskInstance.state.in_(states))))

    def instances_of(self, task_ids: Collection[str]) -> tuple[Any, ...]:
        """Return the conditions of a query that finds the task instances of some tasks."""
        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        return (
            TaskInstance.dag_id == self.dag_id,
            TaskInstance.run_id == self.run_id,
            TaskInstance.task_id.in_(task_ids),
        )

    def pull(self, task_id: str, xcom_key: str, map_index: int) -> Any:
        """Return one XCom; ``None`` if there is none.

        Raises:
            ReadError: The deployment's own XCom backend cannot load it.
        """
        return self.pull_some([task_id], xcom_key, [map_index]).get((task_id, map_index))

    def pull_some(
        self,
        task_ids: Collection[str],
        xcom_key: str,
        map_indexes: Collection[int] | None = None,
        *,
        keep_errors: bool = False,
    ) -> dict[tuple[str, int], Any]:
        """Return (task, map index) -> XCom, for those that exist.

        Args:
            task_ids: The tasks.
            xcom_key: The XCom.
            map_indexes: The map indexes; ``None`` for all.
            keep_errors: Whether to return the error instead of an XCom that cannot be loaded.

        Raises:
            ReadError: The deployment's own XCom backend cannot load one.
        """
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        columns = (XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value)
        wanted = self._xcoms(select(*columns), xcom_key).where(XComModel.task_id.in_(task_ids))
        if map_indexes is not None:
            wanted = wanted.where(among(XComModel.map_index, map_indexes))
        rows = self.session.execute(wanted)
        return {(row.task_id, row.map_index): _load(row, keep_errors) for row in rows}

    def pull_names(
        self,
        task_id: str,
        xcom_keys: Iterable[str],
        map_index: int = UNMAPPED,
        *,
        fields: Sequence[str] = (),
        keep_errors: bool = False,
    ) -> dict[str, Any]:
        """Return XCom key -> XCom of one task instance, for those that exist.

        Args:
            task_id: The task.
            xcom_keys: The XComs.
            map_index: The map index.
            fields: The fields to read of each XCom; none for the whole XCom. An XCom without any of them is
                read as a whole, because the deployment's XCom backend may have put it elsewhere.
            keep_errors: Whether to return the error instead of an XCom that cannot be loaded.

        Raises:
            ReadError: The deployment's own XCom backend cannot load one.
        """
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        found: dict[str, Any] = {}
        for part in parts(xcom_keys):
            if fields:
                some = select(XComModel.key, *(XComModel.value[field] for field in fields))
                for key, *values in self._xcoms_of(task_id, map_index, part, some):
                    stored = zip(fields, values, strict=True)
                    found[key] = {field: value for field, value in stored if value is not None}
            whole = [key for key in part if not fields or found.get(key) == {}]
            if whole:
                rows = select(XComModel.task_id, XComModel.key, XComModel.value)
                for row in self._xcoms_of(task_id, map_index, whole, rows):
                    found[row.key] = _load(row, keep_errors)
        return found

    def _xcoms_of(self, task_id: str, map_index: int, xcom_keys: Sequence[str], statement: Any) -> Any:
        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        return self.session.execute(
            statement.where(
                XComModel.dag_id == self.dag_id,
                XComModel.run_id == self.run_id,
                XComModel.task_id == task_id,
                XComModel.map_index == map_index,
                XComModel.key.in_(xcom_keys),
            )
        )

    def pull_parts(
        self,
        task_ids: Collection[str],
        prefix: str,
        map_indexes: Collection[int],
        fields: Sequence[str],
        limit: int | None = None,
    ) -> dict[tuple[str, int, str], Any]:
        """Return (task, map index, XCom key) -> XCom, for the XComs whose keys have a prefix.

        Args:
            task_ids: The tasks.
            prefix: The beginning of the XCom keys.
            map_indexes: The map indexes.
            fields: The fields to read of each XCom, as in `pull_names`; none for whole XComs.
            limit: The maximum number of XComs; ``None`` for all. The first ones by task and map index
                are read.

        Raises:
            ReadError: The deployment's own XCom backend cannot load one.
        """
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        columns = (XComModel.task_id, XComModel.map_index, XComModel.key)

        def wanted(*selected: Any) -> Any:
            found = select(*columns, *selected).where(
                XComModel.dag_id == self.dag_id,
                XComModel.run_id == self.run_id,
                XComModel.task_id.in_(task_ids),
                XComModel.key.startswith(prefix, autoescape=True),
                among(XComModel.map_index, map_indexes),
            )
            found = found.order_by(*columns)
            return self.session.execute(found if limit is None else found.limit(limit))

        if fields:
            parts_of = {
                (task_id, map_index, key): {
                    field: value for field, value in zip(fields, values, strict=True) if value is not None
                }
                for task_id, map_index, key, *values in wanted(*(XComModel.value[field] for field in fields))
            }
            if all(parts_of.values()):
                return parts_of
        # The deployment's XCom backend has put them elsewhere.
        return {(row.task_id, row.map_index, row.key): _load(row, False) for row in wanted(XComModel.value)}

    def holders(self, xcom_key: str) -> set[tuple[str, int]]:
        """Return the (task, map index) of all task instances that have pushed such an XCom."""
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        found = self._xcoms(select(XComModel.task_id, XComModel.map_index), xcom_key)
        return {(task_id, map_index) for task_id, map_index in self.session.execute(found)}

    def writers(self, task_ids: Collection[str], map_indexes: Collection[int]) -> set[tuple[str, int]]:
        """Return the (task, map index) of some task instances that have pushed any XCom."""
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        found = select(XComModel.task_id, XComModel.map_index).distinct()
        of_run = found.where(XComModel.dag_id == self.dag_id, XComModel.run_id == self.run_id)
        wanted = of_run.where(XComModel.task_id.in_(task_ids), among(XComModel.map_index, map_indexes))
        return {(task_id, map_index) for task_id, map_index in self.session.execute(wanted)}

    def _xcoms(self, statement: Any, xcom_key: str) -> Any:
        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        return statement.where(
            XComModel.dag_id == self.dag_id, XComModel.run_id == self.run_id, XComModel.key == xcom_key
        )


def _load(row: Any, keep_errors: bool) -> Any:
    """Return the value of an XCom, or the error if errors are kept.

    The value is the stored JSON; no class is looked up or instantiated. Only a custom XCom backend of the
    deployment is called, because it may keep values elsewhere.

    Raises:
        ReadError: The backend cannot load it.
    """
    if loads_json_only():
        return row.value
    try:
        return load(SimpleNamespace(key=row.key, value=row.value))
    except Exception as error:
        unreadable = ReadError(
            f"the deployment's XCom backend cannot load its stored value: {type(error).__name__}: {error}",
            task_id=row.task_id,
            remedy="Run this where the backend can load the value, or see the log of the backend.",
        )
        if keep_errors:
            return unreadable
        raise unreadable from error


def latest_run_id(session: Session, dag_id: str) -> str:
    """Return the id of the last run of a Dag.

    Raises:
        UnknownNameError: There is no such Dag, or it has no run.
    """
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import DagRun

    last = select(DagRun.run_id).where(DagRun.dag_id == dag_id)
    found = session.scalar(last.order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(1))
    if found is None:
        _refuse_dag(session, dag_id)
        raise UnknownNameError(f"the Dag {dag_id!r} has no run")
    return str(found)


def open_named_run(session: Session, dag_id: str, name: str) -> OpenRun:
    """Open the Dag run that a person names: by its id, or `LATEST`.

    Raises:
        UnknownNameError: There is no such Dag or run, or Airflow has not kept the Dag.
    """
    return open_run(session, dag_id, latest_run_id(session, dag_id) if name == LATEST else name)


def open_run(session: Session, dag_id: str, run_id: str) -> OpenRun:
    """Open a Dag run.

    Raises:
        UnknownNameError: There is no such Dag or run, or Airflow has not kept the Dag.
    """
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import DagRun

    dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if dag_run is None:
        _refuse_dag(session, dag_id)
        known = select(DagRun.run_id).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc()).limit(1000)
        raise unknown(f"run {run_id!r}", f"the Dag {dag_id!r}", run_id, session.scalars(known))
    structure = structure_of_run(session, dag_run)
    if structure is None:
        raise UnknownNameError(
            f"the Dag {dag_id!r} of the run {run_id!r} is no longer stored in Airflow's database",
            remedy="Let the Dag processor read its file again.",
        )
    return OpenRun(session, dag_run, structure)


def open_dag(session: Session, dag_id: str) -> Structure:
    """Return the structure of the newest version of a Dag.

    Raises:
        UnknownNameError: There is no such Dag.
    """
    structure = newest_structure(session, dag_id)
    if structure is None:
        _refuse_dag(session, dag_id)
        raise UnknownNameError(
            f"the Dag {dag_id!r} is not stored in Airflow's database",
            remedy="Let the Dag processor read its file.",
        )
    return structure


def find_space(structure: Structure, of: str) -> SpaceInfo:
    """Return one of the key spaces of a Dag.

    Raises:
        UnknownNameError: There is no key space of this name.
    """
    if of not in structure.spaces:
        raise unknown(f"dynamic output {of!r}", f"the Dag {structure.dag_id!r}", of, structure.spaces)
    return structure.spaces[of]


def name_of_state(state: Any) -> str | None:
    """Return Airflow's name of a state as a plain string."""
    return None if state is None else str(getattr(state, "value", state))


def _refuse_dag(session: Session, dag_id: str) -> None:
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import DagModel

    known = set(session.scalars(select(DagModel.dag_id)))
    if dag_id not in known:
        raise unknown(f"Dag {dag_id!r}", "Airflow", dag_id, known)


def unknown(noun: str, place: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for an unknown name, with similar names as a remedy.

    Args:
        noun: What is missing.
        place: Where it is missing.
        name: The name.
        known: The existing names.
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=5, cutoff=0.5)
    if not names:
        return UnknownNameError(f"there is no {noun} in {place}, nor any other")
    if close:
        remedy = f"Did you mean {' or '.join(map(repr, close))}?"
    else:
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        remedy = f"There are {', '.join(map(repr, names[:_LISTED]))}{more}."
    return UnknownNameError(f"there is no {noun} in {place}", remedy=remedy)
