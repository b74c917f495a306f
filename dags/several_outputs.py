"""One task with three outputs: two dynamic outputs, which are mapped separately, and one value.

Run it by itself: ``python dags/several_outputs.py``.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, Output

ORDERS = {"A-1001": 12.5, "A-1002": 990.0, "B-2001": 40.0, "B-2002": 1500.0}
LARGE = 500


@task.dynamic(out={"small": DynamicOut(float), "large": DynamicOut(float), "total": Out(float)})
def sort_orders():
    """Produce each order in the output that fits its amount, keyed by its number."""
    for number, amount in ORDERS.items():
        output = "large" if amount > LARGE else "small"
        yield DynamicOutput(amount, number, output, metadata={"amount": amount})
    yield Output(sum(ORDERS.values()), "total", metadata={"orders": len(ORDERS)})


@task
def book(amount: float) -> str:
    """Book a small order at once."""
    return f"booked {amount:.2f}"


@task
def share_of(amount: float, total: float) -> float:
    """Return the share of a large order in the total."""
    return round(amount / total, 3)


@task(multiple_outputs=False)
def report(booked: dict[str, str], shares: dict[str, float], total: float) -> dict:
    """Combine all results."""
    return {"booked": booked, "shares": shares, "total": total}


@dag(schedule=None, tags=["dynamic outputs"])
def several_outputs():
    """Handle small and large orders separately."""
    small, large, total = sort_orders()
    shares = large.map(lambda amount: share_of(amount, total))
    report(small.map(book).collect(keyed=True), shares.collect(keyed=True), total)


def expected() -> dict:
    """Return what ``report`` must return, computed in plain Python."""
    total = sum(ORDERS.values())
    return {
        "booked": {key: f"booked {amount:.2f}" for key, amount in ORDERS.items() if amount <= LARGE},
        "shares": {key: round(amount / total, 3) for key, amount in ORDERS.items() if amount > LARGE},
        "total": total,
    }


the_dag = several_outputs()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
