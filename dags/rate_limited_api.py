"""Call an API that allows few calls at a time. One batch runs, with some calls side by side.

Run it by itself: ``python dags/rate_limited_api.py``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput, add_output_metadata

CUSTOMERS = [f"customer_{number:02}" for number in range(40)]

#: Customers for whom the API first says that there are too many calls.
BUSY = CUSTOMERS[::8]

MOST_CALLS = 5


async def call_api(customer: str, call: int) -> tuple[int, dict[str, Any]]:
    """Pretend to call the API, and return the status and the answer. Call your HTTP client here."""
    await asyncio.sleep(0.01)
    if customer in BUSY and call == 1:
        return 429, {"retry_after": 0.02}
    return 200, {"invoices": int(customer[-2:]) % 7}


@task.dynamic(out=DynamicOut(str))
def customers():
    """Produce one output per customer."""
    for name in CUSTOMERS:
        yield DynamicOutput(name, mapping_key=name)


@task(retries=2, retry_delay=timedelta(seconds=1))
async def fetch(customer: str) -> int:
    """Fetch one customer, and wait as long as the API says. A retry fetches only those that failed."""
    for call in range(1, MOST_CALLS + 1):
        status, answer = await call_api(customer, call)
        if status == 200:
            add_output_metadata({"calls": call})
            return answer["invoices"]
        await asyncio.sleep(answer["retry_after"])
    raise RuntimeError(f"the API was busy {MOST_CALLS} times")


@task(multiple_outputs=False)
def report(invoices: dict[str, int]) -> dict[str, int]:
    """Count the invoices of all customers."""
    return {"customers": len(invoices), "invoices": sum(invoices.values())}


@dag(schedule=None, tags=["dynamic outputs"])
def rate_limited_api():
    """Fetch all customers: 20 in a task instance, 4 at a time, and one task instance at a time."""
    limited = Batch(20, concurrency=4, key_timeout=30)
    report(customers().map(fetch, batch=limited, max_active=1).collect(keyed=True))


def expected() -> dict[str, int]:
    """Return what ``report`` must return, computed in plain Python."""
    return {"customers": len(CUSTOMERS), "invoices": sum(int(name[-2:]) % 7 for name in CUSTOMERS)}


the_dag = rate_limited_api()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
