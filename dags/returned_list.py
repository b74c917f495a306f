"""A function that returns a list of outputs; its annotation declares them. Some clones skip themselves.

Run it by itself: ``python dags/returned_list.py``.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOutput

STOCK = {"apples": 12, "bananas": 0, "cherries": 300}


@task.dynamic
def fruits() -> list[DynamicOutput[int]]:
    """Return one output per fruit, keyed by its name."""
    return [DynamicOutput(amount, mapping_key=name) for name, amount in STOCK.items()]


@task
def pack(amount: int, mapping_key: str | None = None) -> str:
    """Pack one fruit, if there is any."""
    if amount == 0:
        raise AirflowSkipException(f"no {mapping_key} today")
    return f"{amount} x {mapping_key}"


@task
def deliver(packed: list[str]) -> str:
    """Deliver the packed fruits."""
    return ", ".join(packed)


@dag(schedule=None, tags=["dynamic outputs"])
def returned_list():
    """Pack and deliver the fruits in stock."""
    deliver(fruits().map(pack).collect())


def expected() -> str:
    """Return what ``deliver`` must return, computed in plain Python."""
    return ", ".join(f"{amount} x {name}" for name, amount in STOCK.items() if amount)


the_dag = returned_list()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
