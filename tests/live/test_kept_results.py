"""Results kept over runs on a real Airflow: the same computation at the same time in several runs."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.layout import METADATA_XCOM

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.live.rest_client import RestClient

DAG_ID = "serialized"


def test_others_wait_without_a_worker_slot_and_one_takes_over_from_a_killed_process(
    client: RestClient, tmp_path: Path
) -> None:
    def computing() -> dict[str, int]:
        """Run -> the process that computes, or has computed, the result for it."""
        return {path.stem: int(path.read_text()) for path in tmp_path.glob("*.pid")}

    def state(run_id: str) -> str | None:
        (found,) = [ti.state for ti in client.task_instances(DAG_ID, run_id) if ti.task_id == "slow"]
        return found

    first = client.trigger(DAG_ID, {"folder": str(tmp_path)})
    _wait_until(lambda: first in computing())
    others = [client.trigger(DAG_ID, {"folder": str(tmp_path)}) for _ in range(2)]
    # In this state, Airflow gives the worker slot to others.
    _wait_until(lambda: {state(run_id) for run_id in others} == {"up_for_reschedule"})
    assert computing().keys() == {first}

    os.kill(computing()[first], signal.SIGKILL)
    assert client.wait(DAG_ID, first) == "failed"
    _wait_until(lambda: len(computing()) == 2)
    (successor,) = computing().keys() - {first}
    (tmp_path / "go").touch()
    for run_id in others:
        assert client.wait(DAG_ID, run_id) == "success"
        assert client.xcom(DAG_ID, run_id, "total") == 0 + 1 + 2
    # The one that still waited has used its result.
    assert computing().keys() == {first, successor}
    (user,) = set(others) - {successor}
    assert client.xcom(DAG_ID, user, "slow", key=METADATA_XCOM)["made_by"]["run_id"] == successor
    # A wait is not a try.
    assert {ti.try_number for ti in client.task_instances(DAG_ID, user)} == {1}


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)
