"""The task context for functions, operators and bodies under ``.local()``, where no task runs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.running import context_keys
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.execution.layout import RETURN_VALUE

#: The Dag id and the run id in this context.
LOCAL = "local"


class LocalTaskInstance(Record, frozen=False):
    """A stand-in for a task instance. Only the node itself can pull the values that it pushes."""

    task_id: str
    dag_id: str = LOCAL
    run_id: str = LOCAL
    map_index: int = xcom.UNMAPPED
    try_number: int = 1
    max_tries: int = 0
    state: str = "running"
    start_date: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    end_date: datetime | None = None
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep a value."""
        self.pushed[key] = value

    def xcom_pull(self, task_ids: Any = None, key: str = RETURN_VALUE, **_more: Any) -> Any:
        """Return a value that this task pushed, ``None`` for any other task."""
        return self.pushed.get(key) if task_ids in (None, self.task_id) else None


def local_context(task_id: str) -> dict[str, Any]:
    """Return a context with all keys of Airflow's: current dates, no params, and ``None`` for the rest."""
    ti = LocalTaskInstance(task_id)
    now = ti.start_date
    known = {
        "ti": ti,
        "task_instance": ti,
        "run_id": LOCAL,
        "try_number": 1,
        "test_mode": True,
        "params": {},
        "inlets": [],
        "outlets": [],
        "triggering_asset_events": {},
        "logical_date": now,
        "data_interval_start": now,
        "data_interval_end": now,
        "ds": now.strftime("%Y-%m-%d"),
        "ds_nodash": now.strftime("%Y%m%d"),
        "ts": now.isoformat(),
        "ts_nodash": now.strftime("%Y%m%dT%H%M%S"),
        "ts_nodash_with_tz": now.isoformat().replace("-", "").replace(":", ""),
        "task_instance_key_str": f"{LOCAL}__{task_id}__{now.strftime('%Y%m%d')}",
    }
    return {**dict.fromkeys(context_keys()), "mapping_key": None, **known}
