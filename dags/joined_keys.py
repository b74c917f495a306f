"""Join two dynamic outputs: by key in any order, and each key of one with each key of the other.

Run it by itself: ``python dags/joined_keys.py``.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

PLANNED = {"Berlin": 100, "Lagos": 80, "Lima": 60}
SOLD = {"Lima": 66, "Quito": 5, "Berlin": 90}
RATES = {"EUR": 1.0, "USD": 1.1}


@task.dynamic(out=DynamicOut(float))
def produce(values: dict[str, float]):
    """Produce one output per item of a dict."""
    for key, value in values.items():
        yield DynamicOutput(float(value), mapping_key=key)


@task
def compare(planned: float | None, sold: float | None) -> float:
    """Run once per town that has a plan, or sales, or both. A missing value is ``None``."""
    return (sold or 0.0) - (planned or 0.0)


@task
def convert(sold: float, rate: float) -> float:
    """Run once per town and currency, with a label such as ``Lima/USD``."""
    return round(sold * rate, 2)


@task(multiple_outputs=False)
def report(differences: dict[str, float], converted: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Combine all results. Those of a product are a dict of dicts."""
    return {"differences": differences, "converted": converted}


@dag(schedule=None, tags=["dynamic outputs"])
def joined_keys():
    """Compare sales with plans, and convert them to all currencies."""
    planned = produce.override(task_id="planned")(PLANNED)
    sold = produce.override(task_id="sold")(SOLD)
    rates = produce.override(task_id="rates")(RATES)
    differences = planned.zip(sold, how="outer").map(compare)
    converted = sold.product(rates).map(convert)
    report(differences.collect(keyed=True), converted.collect(keyed=True))


def expected() -> dict[str, Any]:
    """Return what ``report`` must return, computed in plain Python."""
    towns = {**PLANNED, **SOLD}
    return {
        "differences": {town: float(SOLD.get(town, 0) - PLANNED.get(town, 0)) for town in towns},
        "converted": {
            town: {currency: round(sold * rate, 2) for currency, rate in RATES.items()}
            for town, sold in SOLD.items()
        },
    }


the_dag = joined_keys()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
