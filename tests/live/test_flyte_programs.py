"""Programs for Flyte on a real Airflow: each task runs in a process of its own, whose directory is then gone.

`make test-flyte` runs a workflow of each program, and `make test-flyte-live` all of them.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.flyte.plain import plain
from tests.flyte.running import expected
from tests.live.conftest import FLYTE_WORKFLOWS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.local_airflow import LocalAirflow
    from tests.live.rest_client import RestClient


#: Seconds in which all runs together must end. On a busy machine they take many times longer.
LONGEST = 2400

pytestmark = pytest.mark.timeout(LONGEST + 60)


@pytest.fixture(scope="module")
def deadline() -> float:
    """When all runs must have ended."""
    return time.monotonic() + LONGEST


@pytest.fixture(scope="module")
def run_ids(client: RestClient) -> dict[tuple[str, str], str]:
    """Program and workflow -> its run. All run at the same time."""
    found = expected()
    return {
        (name, entry): client.trigger(entry, found[name][entry][0]["inputs"])
        for name, entry in FLYTE_WORKFLOWS
    }


@pytest.mark.parametrize(("name", "entry"), FLYTE_WORKFLOWS)
def test_a_program_gives_the_same_outputs_in_processes(
    name: str,
    entry: str,
    client: RestClient,
    airflow: LocalAirflow,
    run_ids: dict[tuple[str, str], str],
    deadline: float,
) -> None:
    run_id = run_ids[name, entry]
    assert client.wait(entry, run_id, seconds=deadline - time.monotonic()) == "success"
    interface = getattr(load(airflow.dags / f"{name.replace('/', '_')}.py"), entry).interface
    # Airflow stores nothing for a task that returns nothing.
    output: Any = client.xcom(entry, run_id, f"{entry}.result") if interface.outputs else None
    is_one = interface.is_single or not interface.outputs
    values = interface.decode_outputs(output if is_one else output.values())
    assert plain(values) == expected()[name][entry][0]["outputs"]


def load(path: Path) -> Any:
    """Import a Dag file, and return its module."""
    spec = importlib.util.spec_from_file_location(f"live_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    program = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program
