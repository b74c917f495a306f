"""Compute only what is new. Results are kept over runs, by the version of the function and its inputs.

Run it by itself: ``python dags/kept_results.py``. The second time, no month is added up again.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from airflow_dynamic_provider import Cache, DynamicOut, DynamicOutput, add_output_metadata

SALES = {
    "2026-01": [120, 80, 95],
    "2026-02": [60, 140],
    "2026-03": [200, 10, 5, 85],
}


@task.dynamic(out=DynamicOut(list))
def months():
    """Produce one output per month."""
    for month, amounts in SALES.items():
        yield DynamicOutput(amounts, mapping_key=month)


@task
def add_up(amounts: list[int], currency: str) -> str:
    """Add up a month. It runs only for months whose amounts, or whose currency, no run has had before."""
    add_output_metadata({"sales": len(amounts)})
    return f"{sum(amounts)} {currency}"


@task(multiple_outputs=False)
def report(totals: dict[str, str]) -> dict[str, Any]:
    """Combine the months, of which most are from earlier runs."""
    return {"months": len(totals), "totals": totals}


def expected() -> dict[str, Any]:
    """Return the answer of `report`."""
    return {"months": 3, "totals": {"2026-01": "295 EUR", "2026-02": "200 EUR", "2026-03": "300 EUR"}}


@dag(schedule=None)
def kept_results():
    """Add up each month once, whatever runs later."""
    totals = months().map(lambda amounts: add_up(amounts, currency="EUR"), cache=Cache("1"))
    report(totals.collect(keyed=True))


the_dag = kept_results()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
