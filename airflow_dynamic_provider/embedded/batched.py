"""Reads the keys that ran in batches, so that each is shown like a key with a task instance of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.embedded.results import EmbeddedTaskInstance
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.database.batches import KeyInBatch
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord


def read_keys_in_batches(dag_id: str, run_id: str) -> dict[str, tuple[EmbeddedTaskInstance, ...]]:
    """Return batched task -> one result for each key, with its position as map index.

    A gate of a batched task is in it too, without results.

    Args:
        dag_id: The Dag.
        run_id: The run.
    """
    from airflow_dynamic_provider.airflow_adapter.models import create_session
    from airflow_dynamic_provider.database.runs import open_run

    with create_session() as session:
        run = open_run(session, dag_id, run_id)
        return dict(
            found for info in run.structure.spaces.values() if info.batched for found in _of_space(run, info)
        )


def _of_space(run: OpenRun, info: SpaceInfo) -> Iterator[tuple[str, tuple[EmbeddedTaskInstance, ...]]]:
    from airflow_dynamic_provider.database.batches import BatchedKeys
    from airflow_dynamic_provider.database.keys import read_keys

    _, task_ids = info.split(info.task_ids)
    keys = read_keys(run.source, info)
    paths = keys.paths or ()
    reader = BatchedKeys(run.source, info, keys, task_ids)
    found, _ = reader.read(reader.look(range(len(paths))), range(len(paths)))
    for gate_id in info.gates:
        yield gate_id, ()
    for task_id in task_ids:
        of_keys = ((at, render_key(path), found.get((task_id, at))) for at, path in enumerate(paths))
        yield task_id, tuple(_of_key(task_id, *each) for each in of_keys)


def _of_key(task_id: str, position: int, key: str, found: KeyInBatch | None) -> EmbeddedTaskInstance:
    if found is None:
        return EmbeddedTaskInstance(task_id, position, key, None)
    state, record = found.instance.state, found.record
    if record is None:
        return EmbeddedTaskInstance(task_id, position, key, state)
    metadata = layout.StoredMetadata.unpack(record.metadata) if record.metadata else layout.StoredMetadata()
    error = str(record.failure) if record.failure is not None else record.reason
    return EmbeddedTaskInstance(task_id, position, key, state, _results(record), metadata, error)


def _results(record: KeyRecord) -> dict[str, object]:
    """Return XCom key -> value, as if the key had a task instance of its own."""
    names = {name: name for name in record.values}
    if len(names) == 1:
        names = dict.fromkeys(names, layout.RETURN_VALUE)
    return {names[name]: layout.shown_form(value) for name, value in record.values.items()}
