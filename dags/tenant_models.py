"""Build the models of each tenant in their order, and test them. A tenant whose test fails stops no other.

The models of a tenant are a task group that runs once for each tenant, as a run of dbt with ``--vars`` would.

Run it by itself: ``python dags/tenant_models.py``.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata

ORDERS = {
    "acme": [("ann", 20.0), ("bob", 5.0), ("ann", 7.5)],
    "initech": [("cid", 80.0)],
    # Its orders have no customer, which the test of its models finds.
    "umbrella": [("", 12.0), ("dan", 1.0)],
}

Rows = list[dict[str, Any]]


@task.dynamic(out=DynamicOut(str, description="a tenant, whose models have a schema of their own"))
def tenants():
    """Produce one output per tenant."""
    for name in ORDERS:
        yield DynamicOutput(name, mapping_key=name, metadata={"schema": f"analytics_{name}"})


@task
def stage(tenant: str) -> Rows:
    """Build the model ``stg_orders``."""
    return [{"customer": customer, "amount": amount} for customer, amount in ORDERS[tenant]]


@task
def build_customers(orders: Rows) -> list[str]:
    """Build the model ``customers``, from the orders."""
    return sorted({order["customer"] for order in orders})


@task
def build_revenue(orders: Rows) -> float:
    """Build the model ``revenue``, from the orders."""
    return sum(order["amount"] for order in orders)


@task(multiple_outputs=False)
def test(customers: list[str], revenue: float) -> dict[str, Any]:
    """Test the models.

    Raises:
        ValueError: A customer has no name.
    """
    if not all(customers):
        raise ValueError("not_null failed: customers has 1 row without a name")
    add_output_metadata({"customers": len(customers), "revenue": revenue})
    return {"customers": len(customers), "revenue": revenue}


@task_group
def build_models(tenant: Any) -> Any:
    """Build and test all models of one tenant."""
    orders = stage(tenant)
    return test(build_customers(orders), build_revenue(orders))


@task(multiple_outputs=False)
def publish(built: dict[str, dict[str, Any]], states: dict[str, str]) -> dict[str, Any]:
    """Publish the tenants whose tests succeeded, and name the others."""
    failed = [name for name, state in states.items() if state != "success"]
    return {"published": built, "failed": failed}


@dag(schedule=None, tags=["dynamic outputs"])
def tenant_models():
    """Build the models of all tenants, two tenants at a time."""
    built = tenants().map(build_models, max_active=2)
    publish(built.collect(keyed=True, min_success_ratio=0.5), built.states())


def expected() -> dict[str, Any]:
    """Return what ``publish`` must return, computed in plain Python."""
    published, failed = {}, []
    for name, orders in ORDERS.items():
        customers = {customer for customer, _ in orders}
        if all(customers):
            revenue = sum(amount for _, amount in orders)
            published[name] = {"customers": len(customers), "revenue": revenue}
        else:
            failed.append(name)
    return {"published": published, "failed": failed}


the_dag = tenant_models()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
