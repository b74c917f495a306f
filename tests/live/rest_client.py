"""The part of Airflow's REST API that the live tests use."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

FINISHED = frozenset({"success", "failed"})


@dataclass(frozen=True)
class TaskInstance:
    """A task instance, as the API shows it.

    Attributes:
        task_id: Its task.
        map_index: Its position among the clones, -1 when it is not mapped.
        label: What the UI calls it (``rendered_map_index``).
        state: Its state.
        try_number: How often it was tried.
    """

    task_id: str
    map_index: int
    label: str | None
    state: str | None
    try_number: int


class RestClient:
    """Asks one Airflow that lets everybody in.

    Args:
        url: The address of its API server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=120)
        # Airflow 3.1 wants one even where it lets everybody in.
        token = _checked(self.http.get("/auth/token"))["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def wait_for_dag(self, dag_id: str, *, seconds: float = 240) -> None:
        """Wait until the Dag processor has stored a Dag.

        Raises:
            TimeoutError: It has not; the error shows the import errors.
        """
        deadline = time.monotonic() + seconds
        while self.http.get(f"/api/v2/dags/{dag_id}").status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no Dag {dag_id!r}; {self.get('/api/v2/importErrors')}")
            time.sleep(0.5)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run, and return its id."""
        self.wait_for_dag(dag_id)
        body = {"logical_date": None, "conf": conf or {}}
        answer = self.http.post(f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        return str(_checked(answer)["dag_run_id"])

    def wait(self, dag_id: str, run_id: str, *, seconds: float = 600) -> str:
        """Wait until a run has ended, and return its final state.

        Raises:
            TimeoutError: It has not; the error shows the task instances.
        """
        deadline = time.monotonic() + seconds
        while (state := self._state_if_answered(dag_id, run_id)) not in FINISHED:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{run_id!r} is still {state}: {self.task_instances(dag_id, run_id)}")
            time.sleep(0.5)
        return state

    def _state_if_answered(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run, or that the server has not answered. A busy one may be late."""
        try:
            return self.state(dag_id, run_id)
        except httpx.TimeoutException:
            return "unknown, because the server does not answer"

    def state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run."""
        return str(self.get(_run(dag_id, run_id))["state"])

    def seconds(self, dag_id: str, run_id: str) -> float:
        """Return how long a run that has ended took."""
        run = self.get(_run(dag_id, run_id))
        began, ended = (
            datetime.fromisoformat(run[name].replace("Z", "+00:00")) for name in ("start_date", "end_date")
        )
        return (ended - began).total_seconds()

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task of a run with everything that depends on it, so that it runs again."""
        body = {
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "include_downstream": True,
            "only_failed": False,
            "dry_run": False,
        }
        _checked(self.http.post(f"/api/v2/dags/{dag_id}/clearTaskInstances", json=body))

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Return a run's task instances, by task and map index."""
        found: list[dict[str, Any]] = []
        while True:
            # A page holds at most 100, whatever is asked for.
            page = self.get(f"{_run(dag_id, run_id)}/taskInstances", limit=100, offset=len(found))
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                break
        task_instances = (
            TaskInstance(
                ti["task_id"], ti["map_index"], ti["rendered_map_index"], ti["state"], ti["try_number"]
            )
            for ti in found
        )
        return sorted(task_instances, key=lambda ti: (ti.task_id, ti.map_index))

    def xcom(
        self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1
    ) -> Any:
        """Return the value of one XCom."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, map_index=map_index, stringify=False)["value"]

    def log(
        self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1, try_number: int = 1
    ) -> list[dict[str, Any]]:
        """Return the lines of the log of a try."""
        path = f"{_run(dag_id, run_id)}/taskInstances/{task_id}/logs/{try_number}"
        lines: list[dict[str, Any]] = self.get(path, map_index=map_index, full_content=True)["content"]
        return lines

    def grid_structure(self, dag_id: str) -> Any:
        """Return what the UI's grid draws."""
        return self.get(f"/ui/grid/structure/{dag_id}")

    def graph_structure(self, dag_id: str) -> Any:
        """Return what the UI's graph draws."""
        return self.get("/ui/structure/structure_data", dag_id=dag_id)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def get(self, path: str, **params: str | int | bool) -> Any:
        """Return what a route answers."""
        return _checked(self.http.get(path, params=params))


def _checked(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise AssertionError(
            f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
        )
    return answer.json()


def _run(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"
