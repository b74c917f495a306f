"""Reads the results of an embedded run's task instances from the database.

Airflow's models are imported inside functions, because the program may have to be restarted before they are
needed.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import load
from airflow_dynamic_provider.definitions.states import FAILED
from airflow_dynamic_provider.embedded.results import EmbeddedTaskInstance
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def read_task_instances(
    dag_id: str, run_id: str, errors: Mapping[tuple[str, int], BaseException | str | None]
) -> Iterator[EmbeddedTaskInstance]:
    """Yield the task instances of a run, in the order in which they started.

    Args:
        dag_id: The Dag.
        run_id: The run.
        errors: (task, map index) -> the last error that it raised.
    """
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, create_session

    query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    order = (TaskInstance.start_date.is_(None), TaskInstance.start_date, TaskInstance.map_index)
    xcoms = _read_xcoms(dag_id, run_id)
    with create_session() as session:
        for ti in session.scalars(query.order_by(*order)):
            own = (ti.task_id, ti.map_index)
            results = dict(xcoms.get(own, {}))
            stored = results.pop(layout.METADATA_XCOM, None)
            yield EmbeddedTaskInstance(
                task_id=ti.task_id,
                map_index=ti.map_index,
                label=ti.rendered_map_index,
                state=None if ti.state is None else str(ti.state),
                results=results,
                metadata=layout.StoredMetadata() if stored is None else layout.StoredMetadata.unpack(stored),
                error=errors.get(own) if ti.state == FAILED else None,
            )


def _read_xcoms(dag_id: str, run_id: str) -> dict[tuple[str, int], dict[str, Any]]:
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import XComModel, create_session

    columns = (XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value)
    query = select(*columns).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id)
    found: dict[tuple[str, int], dict[str, Any]] = {}
    with create_session() as session:
        for task_id, map_index, key, value in session.execute(query):
            if not _is_internal(key):
                found.setdefault((task_id, map_index), {})[key] = layout.shown_form(_deserialize(value))
    return {own: _without_repeats(results) for own, results in found.items()}


def _without_repeats(results: dict[str, Any]) -> dict[str, Any]:
    # Airflow pushes each item of a returned dict as well, if the return value is annotated as a dict.
    returned = results.get(layout.RETURN_VALUE)
    items = returned if isinstance(returned, dict) else {}
    return {key: value for key, value in results.items() if key not in items or items[key] != value}


def _is_internal(key: str) -> bool:
    # These XComs store results a second time, for the package's own use.
    return key.startswith(layout.INTERNAL_XCOMS)


def _deserialize(value: Any) -> Any:
    try:
        return load(SimpleNamespace(value=value))
    except ImportError:  # Airflow may not load this class. Its stored form is enough here.
        return value
