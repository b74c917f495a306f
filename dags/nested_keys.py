"""Nested keys: a task per customer finds the orders of this customer, who gets one invoice for all of them.

A customer without orders gets an empty invoice. Orders of different customers may have the same number.

Run it by itself: ``python dags/nested_keys.py``.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

ORDERS = {"ann": {"1": 12.5, "2": 30.0}, "bob": {}, "cid": {"1": 99.0}}
VAT = 0.2


@task.dynamic(out=DynamicOut(str))
def customers():
    """Produce one output per customer."""
    for name in ORDERS:
        yield DynamicOutput(name, mapping_key=name)


@task.dynamic(out=DynamicOut(float))
def list_orders(customer: str):
    """Produce one output per order of one customer. The keys are nested below the customer's key."""
    for number, amount in ORDERS[customer].items():
        yield DynamicOutput(amount, mapping_key=number, metadata={"amount": amount})


@task
def add_vat(amount: float) -> float:
    """Run once per customer and order, with a label such as ``ann/2``."""
    return round(amount * (1 + VAT), 2)


@task(multiple_outputs=False)
def invoice(customer: str, amounts: dict[str, float]) -> dict[str, Any]:
    """Run once per customer, with the orders of that customer only."""
    return {"customer": customer, "orders": sorted(amounts), "total": round(sum(amounts.values()), 2)}


@task(multiple_outputs=False)
def book(invoices: dict[str, dict[str, Any]], amounts: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Run once, with all invoices, and with all orders as a dict of dicts."""
    return {"totals": {name: each["total"] for name, each in invoices.items()}, "orders": amounts}


@dag(schedule=None, tags=["dynamic outputs"])
def nested_keys():
    """Invoice every customer for its orders."""

    def bill(customer: Any) -> Any:
        amounts = list_orders(customer).map(add_vat)
        return invoice(customer, amounts.collect(keyed=True)), amounts

    invoices, amounts = customers().map(bill)
    book(invoices.collect(keyed=True), amounts.collect(keyed=True))


def expected() -> dict[str, Any]:
    """Return what ``book`` must return, computed in plain Python."""
    amounts = {
        name: {number: round(amount * (1 + VAT), 2) for number, amount in orders.items()}
        for name, orders in ORDERS.items()
    }
    return {
        "totals": {name: round(sum(each.values()), 2) for name, each in amounts.items()},
        "orders": amounts,
    }


the_dag = nested_keys()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
