"""A program with gates: it waits for two people and for a time, also in the body of a ``@dynamic``."""

from datetime import timedelta

from airflow_dynamic_provider.dags_from.flyte import approve, dynamic, sleep, task, wait_for_input, workflow


@task
def made(x: int) -> int:
    return x + 1


@task
def scaled(x: int, rate: float) -> float:
    return x * rate


@dynamic
def asks(x: int) -> float:
    rate = wait_for_input("rate", timeout=timedelta(hours=1), expected_type=float)
    waited = sleep(timedelta(seconds=1))
    result = scaled(x=x, rate=rate)
    waited >> result
    return result


@workflow
def gated(x: int = 1) -> float:
    return asks(x=approve(made(x=x), "proceed", timeout=timedelta(hours=1)))
