"""The Dag runs that tests of several modules look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.live.rest_client import RestClient


class SharedRuns:
    """Name -> the run of a Dag, which is triggered when a test first asks for it.

    A name is the id of the Dag. If the Dag has several runs, a comma and what the run is for follow.

    Args:
        client: The API of the Airflow that runs them.
    """

    def __init__(self, client: RestClient) -> None:
        self._client = client
        self._ids: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._ids:
            self._ids[name] = self._client.trigger(_dag_id(name))
        return self._ids[name]

    def start(self, *names: str) -> None:
        """Trigger several runs, which then share the rounds of the scheduler and wait at the same time."""
        for name in names:
            self[name]

    def ended(self, name: str, state: str = "success") -> str:
        """Wait until a run has ended in a state, and return its id."""
        dag_id, run_id = _dag_id(name), self[name]
        found = self._client.wait(dag_id, run_id)
        assert found == state, (name, self._client.task_instances(dag_id, run_id))
        return run_id


def _dag_id(name: str) -> str:
    return name.partition(",")[0]
