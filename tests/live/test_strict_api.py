"""No task instance of the live tests can write XComs of another. These tests check what enforces that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.foreign_writes import EXPECTED

if TYPE_CHECKING:
    from tests.live.rest_client import RestClient


@pytest.fixture(scope="module")
def run_id(client: RestClient) -> str:
    """A run that has ended."""
    run_id = client.trigger("foreign_writes")
    assert client.wait("foreign_writes", run_id) == "success"
    return run_id


@pytest.mark.parametrize("task_id", ["write", "write_in_trigger"])
def test_foreign_writes_and_deletes_are_refused(client: RestClient, run_id: str, task_id: str) -> None:
    """Tasks have tokens. Triggers ask the triggerer's own API."""
    for index in range(2):
        assert client.xcom("foreign_writes", run_id, task_id, map_index=index) == EXPECTED
        own = client.xcom("foreign_writes", run_id, task_id, key="written", map_index=index)
        assert own == "by its own"
