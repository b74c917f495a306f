"""Parts of a deployment fail in the middle of runs: the results are right, and nothing is lost or doubled.

Beside the Dags of this package runs one that is written with nothing but Airflow, in the same fault: what
becomes of it says what Airflow itself survives.
"""

from __future__ import annotations

import runpy
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import psycopg2  # type: ignore[import-untyped]
import pytest

from tests.celery.conftest import DAGS
from tests.celery.deployment import API_SERVER, SCHEDULER, SECOND_SCHEDULER, TRIGGERER, Deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.rest_client import RestClient, TaskInstance

KEYED = runpy.run_path(str(DAGS / "keyed.py"))
RECURSION = runpy.run_path(str(DAGS / "recursion.py"))

#: Dag -> (the task that keeps its result, what that must be).
RESULTS: dict[str, tuple[str, Any]] = {
    "two_stages": ("keep", KEYED["expected_two_stages"]()),
    "nested": ("keep", KEYED["expected_nested"]()),
    "recursion": ("keep", RECURSION["expected_recursion"]()),
    "by_hand": ("plain_keep", KEYED["expected_by_hand"]()),
}

#: What a run may take, faults included, on a small machine.
SECONDS = 420

#: Longer than the scheduler waits for a task's heartbeat.
PAST_HEARTBEAT = 50

ORPHANS = """
    SELECT xcom.dag_id, xcom.task_id, xcom.map_index, xcom.key, task_instance.state
    FROM xcom LEFT JOIN task_instance USING (dag_id, run_id, task_id, map_index)
    WHERE xcom.run_id = %s AND (task_instance.id IS NULL OR task_instance.state = 'removed')
"""


def nothing(deployment: Deployment) -> None:
    """The measure of the others."""


def task_killed(deployment: Deployment) -> None:
    """The processes of all tasks that one worker runs."""
    for process in _wait_for(lambda: deployment.task_processes("worker-1")):
        process.kill()


def worker_killed(deployment: Deployment) -> None:
    """A worker, with the tasks that it runs."""
    deployment.kill("worker-1")
    time.sleep(5)
    deployment.start("worker-1")


def _killed(name: str) -> Callable[[Deployment], None]:
    def fault(deployment: Deployment) -> None:
        deployment.kill(name)
        time.sleep(5)
        deployment.start(name)

    return fault


def second_scheduler(deployment: Deployment) -> None:
    """Another scheduler for a minute, which then goes in an orderly way."""
    deployment.start(SECOND_SCHEDULER)
    time.sleep(60)
    deployment.stop(SECOND_SCHEDULER)


def worker_stopped(deployment: Deployment) -> None:
    """A worker that stands still until its tasks are taken for dead, and then goes on with them."""
    _wait_for(lambda: deployment.task_processes("worker-1"))
    deployment.pause("worker-1")
    time.sleep(PAST_HEARTBEAT)
    deployment.resume("worker-1")


def postgres_restarted(deployment: Deployment) -> None:
    """All connections end, and for some seconds there are none."""
    deployment.postgres.stop()
    time.sleep(3)
    deployment.postgres.start()


def redis_restarted(deployment: Deployment) -> None:
    """It keeps what it had."""
    deployment.redis.stop()
    time.sleep(3)
    deployment.redis.start()


def redis_emptied(deployment: Deployment) -> None:
    """Whatever was queued is gone."""
    deployment.redis.client.flushall()


FAULTS: dict[str, Callable[[Deployment], None]] = {
    "nothing": nothing,
    "task_killed": task_killed,
    "worker_killed": worker_killed,
    "scheduler_killed": _killed(SCHEDULER),
    "triggerer_killed": _killed(TRIGGERER),
    "api_server_killed": _killed(API_SERVER),
    "second_scheduler": second_scheduler,
    "worker_stopped": worker_stopped,
    "postgres_restarted": postgres_restarted,
    "redis_restarted": redis_restarted,
    "redis_emptied": redis_emptied,
}


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_results_are_right_whatever_fails(
    deployment: Deployment, client: RestClient, fault: str, record_property: Callable[[str, object], None]
) -> None:
    """All runs at once, and the fault as soon as each of them is under way."""
    deployment.wait_until_healthy()
    runs = {dag_id: client.trigger(dag_id) for dag_id in RESULTS}
    _wait_for(lambda: all(_is_under_way(client, dag_id, run_id) for dag_id, run_id in runs.items()))
    FAULTS[fault](deployment)
    deployment.wait_until_healthy()
    for dag_id, run_id in runs.items():
        state = _wait_for_end(deployment, client, dag_id, run_id)
        record_property(dag_id, client.seconds(dag_id, run_id))
        found = client.task_instances(dag_id, run_id)
        assert state == "success", (dag_id, [ti for ti in found if ti.state != "success"])
        task_id, expected = RESULTS[dag_id]
        assert client.xcom(dag_id, run_id, task_id) == expected, dag_id
        assert _orphans(deployment, run_id) == [], dag_id
    _check_keys(client.task_instances("two_stages", runs["two_stages"]))


def _check_keys(task_instances: list[TaskInstance]) -> None:
    """Each key is one clone of each stage, in the order of the keys."""
    states = {"double": dict.fromkeys(KEYED["NUMBERS"], "success"), "say": KEYED["stage_states"]()}
    for task_id, expected in states.items():
        clones = [ti for ti in task_instances if ti.task_id == task_id]
        assert [(ti.label, ti.state) for ti in clones] == list(expected.items())


def _orphans(deployment: Deployment, run_id: str) -> list[Any]:
    """Return the XComs of a run whose task instance is not there, or was removed."""
    connection = psycopg2.connect(deployment.postgres.address())
    try:
        with connection.cursor() as cursor:
            cursor.execute(ORPHANS, (run_id,))
            return list(cursor.fetchall())
    finally:
        connection.close()


def _is_under_way(client: RestClient, dag_id: str, run_id: str) -> bool:
    try:
        states = Counter(ti.state for ti in client.task_instances(dag_id, run_id))
        return states["success"] >= 3 or client.state(dag_id, run_id) == "success"
    except httpx.TransportError:
        # On a small machine that has all of this to do, an answer may take long.
        return False


def _wait_for_end(deployment: Deployment, client: RestClient, dag_id: str, run_id: str) -> str:
    """Return the final state of a run; the API server may be away for a while."""
    deadline = time.monotonic() + SECONDS
    while True:
        deployment.restart_ended()
        try:
            return client.wait(dag_id, run_id, seconds=5)
        except (httpx.TransportError, TimeoutError):
            assert time.monotonic() < deadline, (dag_id, client.task_instances(dag_id, run_id))


def _wait_for(found: Callable[[], Any], seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return value
