"""The length of the URLs that a task requests from Airflow's API."""

from __future__ import annotations

import httpx
import pytest
from airflow.sdk.api.client import TaskInstanceOperations
from airflow.sdk.execution_time.supervisor import set_supervisor_comms

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.addresses import LONGEST, batches
from tests.task_runs import FakeSupervisor

# The characters that Airflow accepts in a run id and that have to be encoded.
RUN_ID = "manual__2026-01-01T00:00:00+00:00 (für Ä/ö&=?#)~"
SHORT, LONG = "kind", "a_group_of_the_author." * 9 + "kind"

#: The length of a whole URL that common proxies accept. The server's name and path take a small part of it.
OF_PROXIES = 8192


class Sent:
    """Airflow's own client, which records the URLs that it requests."""

    def __init__(self):
        self.addresses = []

    def get(self, path, params):
        request = httpx.Client(base_url="https://airflow.example.com/execution/").build_request(
            "GET", path, params=params
        )
        self.addresses.append(str(request.url))
        is_count = path.endswith("count")
        return httpx.Response(200, json=0 if is_count else {"task_states": {}}, request=request)


def ask(supervisor):
    """Return the URLs that Airflow's client makes from the requests of a supervisor."""
    client = Sent()
    operations = TaskInstanceOperations(client)
    for message in supervisor.messages:
        asked = message.model_dump(exclude={"type"})
        if type(message).__name__ == "GetTICount":
            operations.get_count(**asked)
        else:
            operations.get_task_states(**asked)
    return client.addresses


class Counting(FakeSupervisor):
    """Counts failed task instances too."""

    def _answers(self):
        return {**super()._answers(), "GetTICount": self._count}

    def _count(self, message):
        from airflow.sdk.execution_time.comms import TICount

        wanted = {state for (task, _), state in self.states.items() if task in message.task_ids}
        return TICount(count=len(wanted & set(message.states)))


class RunningTask:
    dag_id, run_id = "the-dag", RUN_ID

    @staticmethod
    def get_ti_count(**asked):
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        return RuntimeTaskInstance.get_ti_count(**asked)


def tasks(count, name):
    return [f"{name}{number:03}" for number in range(count)]


@pytest.mark.parametrize(
    ("names", "calls"),
    [
        (tasks(1, SHORT), 1),
        (tasks(20, LONG), 2),
        (tasks(200, SHORT), 1),
        (tasks(200, LONG), 12),
        (tasks(200, "größe"), 2),
    ],
)
def test_states_are_asked_for_in_addresses_that_any_proxy_takes(names, calls):
    supervisor = Counting(states={(name, index): "success" for name in names for index in range(2)})
    with set_supervisor_comms(supervisor):
        states = xcom.read_states_of_run("the-dag", RUN_ID, names)
    assert states == supervisor.states
    addresses = ask(supervisor)
    assert len(addresses) == calls
    assert max(map(len, addresses)) < OF_PROXIES / 2


@pytest.mark.parametrize(("failed", "calls"), [(None, 12), (0, 1), (199, 12)])
def test_failures_are_counted_in_addresses_that_any_proxy_takes(failed, calls):
    names = tasks(200, LONG)
    supervisor = Counting(states={} if failed is None else {(names[failed], 0): "failed"})
    with set_supervisor_comms(supervisor):
        assert xcom.has_failed({"ti": RunningTask}, names) == (failed is not None)
    addresses = ask(supervisor)
    assert len(addresses) == calls
    assert max(map(len, addresses)) < OF_PROXIES / 2


def test_a_task_that_alone_takes_more_than_an_address_may_have_is_asked_for_alone():
    long = "x" * LONGEST
    assert list(batches(["a", long, "b", "c"], {})) == [["a"], [long], ["b", "c"]]
    assert list(batches([], {})) == []


def test_tasks_that_are_called_like_clones_of_each_other_are_told_apart():
    names = ["task", "task_3", "task_3_4", "other", *tasks(100, SHORT)]
    supervisor = Counting(states={(name, index): f"{name}/{index}" for name in names for index in (-1, 3, 4)})
    with set_supervisor_comms(supervisor):
        assert xcom.read_states_of_run("the-dag", RUN_ID, names) == supervisor.states
    assert supervisor.count("GetTaskStates") == 3
