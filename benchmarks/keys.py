"""Compare what a key costs with the same work written by hand, on a real Airflow with four slots.

Two chained tasks for each key: written by hand on an Airflow whose task processes preload nothing of this
package (as stock Airflow), written by hand beside this package, and with ``map``. The same for a workflow of
40 nodes and a static Dag of 40 tasks. In turns, three rounds. A plugin in each task process writes its
processor time, what it imported, and its calls to the API server.

Before the runs that count, a workflow runs once in each Airflow: for the first request of any trigger, a
triggerer that has just started builds an API server in itself, which takes over a second of processor time.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.live import local_airflow, rest_client

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROUNDS = 3

#: The local settings of the Airflow: other benchmarks and tests have it import there what tasks need. Here it
#: only takes the luck out of the wall times: see `tests.quick_supervisor`.
STOCK = """\
from tests.quick_supervisor import install

install()
__all__ = []
"""
BY_HAND, MAPPED = "keys_by_hand", "keys_mapped"
STATIC, WORKFLOW = "static_tasks", "workflow_nodes"
#: Program -> the Dag, and whether the processes that fork tasks preload what this package's tasks need.
PROGRAMS = {
    "by hand, nothing preloaded": (BY_HAND, False),
    "by hand, beside this package": (BY_HAND, True),
    "map, nothing preloaded": (MAPPED, False),
    "map": (MAPPED, True),
    "static Dag of 40 tasks, nothing preloaded": (STATIC, False),
    "static Dag of 40 tasks, beside this package": (STATIC, True),
    "workflow of 40 nodes, nothing preloaded": (WORKFLOW, False),
    "workflow of 40 nodes": (WORKFLOW, True),
}


def main() -> None:
    """Run all programs in turns and print the medians."""
    found: dict[str, list[Run]] = {name: [] for name in PROGRAMS}
    for number in range(ROUNDS):
        for preload in (False, True):
            for name, run in _round(preload).items():
                found[name].append(run)
        print(f"round {number + 1} of {ROUNDS} done", flush=True)
    for name, runs in found.items():
        _print(name, runs)


class Run(NamedTuple):
    """One Dag run: its wall time, and what its tasks' processes wrote."""

    seconds: float
    tasks: list[dict[str, Any]]


class Probed(NamedTuple):
    """An Airflow that runs, its REST API, and the file that the probe writes."""

    airflow: local_airflow.LocalAirflow
    client: rest_client.RestClient
    lines: Path


@contextlib.contextmanager
def airflow_with_probe(**settings: str) -> Iterator[Probed]:
    """Start an Airflow with four slots and the probe.

    Args:
        settings: More settings of the Airflow.
    """
    folder = Path(tempfile.mkdtemp(prefix="airflow-benchmark-"))
    (folder / "plugins").mkdir()
    shutil.copy(HERE / "probe" / "probe.py", folder / "plugins")
    lines = folder / "probe.jsonl"
    settings |= {
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folder / "plugins"),
        "PROBE_FILE": str(lines),
        # The package of this checkout, whatever else is installed.
        "PYTHONPATH": str(HERE.parent),
    }
    try:
        with local_airflow.LocalAirflow(
            folder / "home", HERE / "dags", settings=settings, local_settings=STOCK
        ).running() as started:
            client = rest_client.RestClient(started.url)
            yield Probed(started, client, lines)
            client.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _round(preload: bool) -> dict[str, Run]:
    with airflow_with_probe(AIRFLOW__DYNAMIC_OUTPUTS__PRELOAD=str(preload)) as probed:
        _run(probed.client, WORKFLOW, probed.lines)
        return {
            name: _run(probed.client, dag_id, probed.lines)
            for name, (dag_id, is_preloaded) in PROGRAMS.items()
            if is_preloaded == preload
        }


def _run(client: rest_client.RestClient, dag_id: str, lines: Path) -> Run:
    client.wait_for_dag(dag_id)
    run_id = client.trigger(dag_id)
    state = client.wait(dag_id, run_id, seconds=600)
    assert state == "success", (dag_id, state)
    return Run(client.seconds(dag_id, run_id), read_tasks(lines, dag_id, run_id))


def read_tasks(lines: Path, dag_id: str, run_id: str) -> list[dict[str, Any]]:
    """Return what the processes of the tasks of a run wrote."""
    written = [json.loads(line) for line in lines.read_text().splitlines()]
    return [line for line in written if line["run_id"] == run_id and line["dag_id"] == dag_id]


def _print(name: str, runs: list[Run]) -> None:
    walls = ", ".join(f"{run.seconds:.1f}" for run in runs)
    print(f"{name}: wall {statistics.median(run.seconds for run in runs):.1f} s ({walls})")
    for task in sorted({line["task_id"] for run in runs for line in run.tasks}):
        lines = [line for run in runs for line in run.tasks if line["task_id"] == task]
        seconds = statistics.median(line["seconds"] for line in lines)
        modules = statistics.median(len(line["modules"]) for line in lines)
        own = statistics.median(
            sum(module.startswith("airflow_dynamic_provider") for module in line["modules"]) for line in lines
        )
        calls = statistics.median(sum(line["calls"].values()) for line in lines)
        print(
            f"    {task:12} {seconds:.3f} s of processor, {modules:3.0f} modules imported ({own:.0f} of this "
            f"package), {calls:.0f} calls {lines[0]['calls']}"
        )


if __name__ == "__main__":
    sys.exit(main())
