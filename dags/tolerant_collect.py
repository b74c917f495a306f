"""Some keys fail, some are skipped, and the run continues: a share of successes is enough.

Run it by itself: ``python dags/tolerant_collect.py``.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

SENSORS = {"north": 21.0, "east": None, "south": 19.5, "west": -300.0}


@task.dynamic(out=DynamicOut())
def sensors():
    """Produce one output per sensor; ``None`` is a value."""
    for name, reading in SENSORS.items():
        yield DynamicOutput(reading, mapping_key=name)


@task
def check(reading: float | None) -> float:
    """Skip a sensor that is off, which is not a failure. Fail on an impossible reading."""
    if reading is None:
        raise AirflowSkipException("switched off")
    if reading < -273.15:
        raise ValueError(f"{reading} is colder than anything")
    return reading


@task
def average(readings: list[float]) -> float:
    """Run if at least 60 % of the sensors that were not skipped succeeded."""
    return sum(readings) / len(readings)


@task(multiple_outputs=False)
def report(average: float, states: dict[str, str]) -> dict[str, Any]:
    """Run when all clones are done, in any state."""
    return {"average": average, "states": states}


@dag(schedule=None, tags=["dynamic outputs"])
def tolerant_collect():
    """Average the valid readings."""
    checked = sensors().map(check, max_active=2)
    report(average(checked.collect(min_success_ratio=0.6)), checked.states())


def expected() -> dict[str, Any]:
    """Return what ``report`` must return, computed in plain Python."""
    fine = [reading for reading in SENSORS.values() if reading is not None and reading > -273.15]
    states = {"north": "success", "east": "skipped", "south": "success", "west": "failed"}
    return {"average": sum(fine) / len(fine), "states": states}


the_dag = tolerant_collect()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
