"""Writes an ended Dag run with thousands of keys into Airflow's database. A real run would take hours.

It stores what the tasks of such a run would store, except the values of their results.

``python -m tests.large_run DAG OUTPUT TASK,TASK COUNT`` does this in an Airflow that has the Dag.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from inspect import signature
from itertools import islice

#: The number of rows in one command.
AT_ONCE = 5000

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def state_of(position):
    """Return the state of the clones of a key: some fail, some are skipped."""
    if position % 1000 == 7:
        return "failed"
    return "skipped" if position % 500 == 3 else "success"


def keys_of(count):
    """Return the keys."""
    return [f"customer_{index:05}" for index in range(count)]


def write_large_run(session, dag_id, producer, tasks, count, run_id="large", days=0):
    """Write the run.

    Args:
        session: The database session.
        dag_id: A Dag that Airflow has stored.
        producer: Its task that produces one dynamic output.
        tasks: Its tasks that are cloned for each key.
        count: The number of keys.
        run_id: The run.
        days: The number of days after the first run of the Dag.
    """
    from airflow.models.dag_version import DagVersion
    from airflow.models.dagbag import DBDagBag
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.utils.types import DagRunType

    version = DagVersion.get_latest_version(dag_id, session=session)
    dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
    run = DagRun(
        dag_id=dag_id,
        run_id=run_id,
        run_type=DagRunType.MANUAL,
        logical_date=STARTED + timedelta(days=days),
        run_after=STARTED + timedelta(days=days),
        start_date=STARTED,
        state="success",
    )
    run.created_dag_version_id = version.id
    session.add(run)
    session.flush()

    # Since 3.3 it gets the run.
    of_run = {"dag_run": run} if "dag_run" in signature(TaskInstance.insert_mapping).parameters else {}

    def row(task_id, map_index, state):
        mapping = TaskInstance.insert_mapping(
            run_id, dag.get_task(task_id), map_index=map_index, dag_version_id=version.id, **of_run
        )
        seconds = 1 + map_index % 60
        times = {"start_date": STARTED, "end_date": STARTED + timedelta(seconds=seconds)}
        done = {**times, "duration": float(seconds), "state": state, "try_number": 1}
        return {**mapping, **done}

    # The columns have other names than the arguments of the mapped class.
    session.bulk_insert_mappings(TaskInstance, [row(producer, -1, "success")])
    places = ((index, task_id) for index in range(count) for task_id in tasks)
    while some := list(islice(places, AT_ONCE)):
        session.bulk_insert_mappings(
            TaskInstance, [row(task, index, state_of(index)) for index, task in some]
        )
    keys = keys_of(count)
    at = {"dag_id": dag_id, "run_id": run_id, "task_id": producer, "map_index": -1}
    value = XCom.serialize_value(keys)
    if "serialize" in signature(XComModel.set).parameters:
        XComModel.set(key="return_value", value=value, serialize=False, session=session, **at)
    else:
        # Up to 3.1 the class always serializes, and since 3.4 it cannot be written.
        session.add(XComModel(key="return_value", value=value, dag_run_id=run.id, **at))
    session.commit()


def write_metadata(session, dag_id, producer, tasks, count, run_id="large"):
    """Write the dynamic outputs of the run, each with a number, and a number of each clone.

    Args:
        session: The database session.
        dag_id: The Dag.
        producer: Its task that produces one dynamic output.
        tasks: Its tasks that are cloned for each key.
        count: The number of keys.
        run_id: The run.
    """
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from sqlalchemy import insert

    from airflow_dynamic_provider import DynamicOutput, MetadataValue
    from airflow_dynamic_provider.execution import layout

    run = session.query(DagRun).filter_by(dag_id=dag_id, run_id=run_id).one()
    keys = keys_of(count)

    def row(task_id, map_index, key, value):
        at = {"dag_id": dag_id, "run_id": run_id, "dag_run_id": run.id, "task_id": task_id}
        return {**at, "map_index": map_index, "key": key, "value": value}

    def rows():
        yield row(producer, -1, layout.digest_xcom(layout.RETURN_VALUE), layout.pack_digest(keys))
        per_page = layout.ITEMS_PER_PAGE
        for page, start in enumerate(range(0, count, per_page)):
            some = keys[start : start + per_page]
            events = [DynamicOutput("x" * 500, mapping_key=key, metadata={"bytes": 500}) for key in some]
            stored = layout.StoredItems.of(events).pack()
            yield row(producer, -1, layout.items_xcom("result", page), stored)
        for position, key in enumerate(keys):
            own = {"result": {"rows": MetadataValue.int(position)}}
            stored = layout.StoredMetadata(own, key_path=(key,)).pack()
            yield from (row(task_id, position, layout.METADATA_XCOM, stored) for task_id in tasks)

    todo = rows()
    while some := list(islice(todo, AT_ONCE)):
        session.execute(insert(XComModel), some)
    session.commit()


if __name__ == "__main__":
    from airflow.utils.session import create_session

    dag_id, producer, tasks, count = sys.argv[1:]
    with create_session() as session:
        write_large_run(session, dag_id, producer, tasks.split(","), int(count))
