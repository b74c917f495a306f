"""A Dag whose tasks and triggers try to write XComs of their own task instance and of others.

Each returns the results: attempt -> [write, delete, mapped length], each an HTTP status, or 0 for success.
"""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, dag, get_current_context, task
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

#: The changes to a task instance's address that make it another's. The first changes nothing.
ATTEMPTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "own": lambda own: own,
    "other task": lambda own: {**own, "task_id": "other", "map_index": -1},
    "other map index": lambda own: {**own, "map_index": 1 - own["map_index"]},
    "not mapped": lambda own: {**own, "map_index": -1},
    "other run": lambda own: {**own, "run_id": "another"},
    "other Dag": lambda own: {**own, "dag_id": "another"},
}

#: The result that each of them must return.
EXPECTED = {name: [0, 0, 0] if name == "own" else [403, 403, 403] for name in ATTEMPTS}


def try_all(own: dict[str, Any]) -> dict[str, list[int]]:
    """Try to write, delete, and set the mapped length for each address."""
    from airflow.sdk.execution_time.xcom import XCom

    # Since 3.4 the server counts the mapped task instances by itself.
    length = {"_mapped_length": 2} if "_mapped_length" in signature(XCom.set).parameters else {}
    calls: list[Callable[..., object]] = [
        partial(XCom.set, key="written", value="by its own"),
        partial(XCom.delete, key="not there"),
        partial(XCom.set, key="return_value", value=[1, 2], **length),
    ]
    return {
        name: [_status(partial(call, **change(own))) for call in calls] for name, change in ATTEMPTS.items()
    }


def _status(call: Callable[[], object]) -> int:
    from airflow.sdk.api.client import ServerResponseError
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        call()
    except ServerResponseError as error:
        # This runs in the process of the API.
        return int(error.response.status_code)
    except AirflowRuntimeError as error:
        return int((error.error.detail or {})["status_code"])
    return 0


def address_of(ti: Any) -> dict[str, Any]:
    """Return the address of a task instance."""
    return {name: getattr(ti, name) for name in ("dag_id", "run_id", "task_id", "map_index")}


class WriteTrigger(BaseTrigger):
    """Tries the writes for the task instance that waits for this trigger."""

    def __init__(self, own: dict[str, Any]) -> None:
        super().__init__()
        self.own = own

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.{type(self).__name__}", {"own": self.own}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from asgiref.sync import sync_to_async

        yield TriggerEvent(await sync_to_async(try_all)(self.own))


class WriteInTriggerOperator(BaseOperator):
    """Waits for the trigger, and returns its results."""

    def __init__(self, number: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: Any) -> Any:
        self.defer(trigger=WriteTrigger(address_of(context["ti"])), method_name="resume")

    def resume(self, context: Any, event: Any = None) -> Any:
        return event


@dag(schedule=None)
def foreign_writes():
    @task
    def write(number):
        return try_all(address_of(get_current_context()["ti"]))

    EmptyOperator(task_id="other") >> [
        write.expand(number=[0, 1]),
        WriteInTriggerOperator.partial(task_id="write_in_trigger").expand(number=[0, 1]),
    ]
