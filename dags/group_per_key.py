"""A whole task group, with a diamond inside, runs once per key. Then each result is compared with the total.

Run it by itself: ``python dags/group_per_key.py``.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput

SALES = {"Berlin": [120, 80, 100], "Lagos": [300, 310, 305], "Lima": [50, 70, 60]}


@task.dynamic(out=DynamicOut(list[int], description="the sales of one shop"))
def shops():
    """Produce one output per shop, keyed by its town."""
    for town, sales in SALES.items():
        yield DynamicOutput(sales, mapping_key=town, metadata={"days": len(sales)})


@task
def best_day(sales: list[int]) -> int:
    """Return the highest sales."""
    return max(sales)


@task
def sum_of(sales: list[int]) -> int:
    """Return the sum of the sales."""
    return sum(sales)


@task(multiple_outputs=False)
def describe(best: int, total: int) -> dict[str, Any]:
    """Join both branches of the diamond."""
    return {"best": best, "total": total}


@task_group
def look_at_shop(sales: Any) -> Any:
    """Look at one shop."""
    return describe(best_day(sales), sum_of(sales))


@task
def grand_total(shops: list[dict[str, Any]]) -> int:
    """Add up all shops."""
    return sum(shop["total"] for shop in shops)


@task
def share(total: int, of: int) -> float:
    """Return the share of one shop in the total."""
    return round(total / of, 3)


@task
def rank(shares: dict[str, float]) -> list[str]:
    """Order the towns by their share."""
    return sorted(shares, key=lambda town: shares[town], reverse=True)


@dag(schedule=None, tags=["dynamic outputs"])
def group_per_key():
    """Look at each shop in a group of its own, then rank them."""
    looked_at = shops().map(look_at_shop)
    total = grand_total(looked_at.collect())
    shares = looked_at.map(lambda shop: share(shop["total"], total))
    rank(shares.collect(keyed=True))


def expected() -> list[str]:
    """Return what ``rank`` must return, computed in plain Python."""
    return sorted(SALES, key=lambda town: sum(SALES[town]), reverse=True)


the_dag = group_per_key()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
