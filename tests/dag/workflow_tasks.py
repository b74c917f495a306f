"""Tasks and workflows that the Dags of several test modules use."""

from __future__ import annotations

from airflow.sdk import task

from airflow_dynamic_provider import dynamic_workflow


@task
def t1(a: int) -> str:
    return f"fast-{a}"


@task
def t2(b: str) -> str:
    return f"{b}-done"


@task
def add(one, other=1):
    return one + other


@task
def total(numbers) -> int:
    return sum(numbers)


@task
def square(number: int) -> int:
    return number**2


@task
def split(numbers: list) -> tuple[list, list]:
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


@task
def sort_here(numbers: list) -> list:
    return sorted(numbers)


@task
def merge(left: list, right: list) -> list:
    return sorted([*left, *right])


@task
def halve(number: float) -> float:
    return number / 2


@dynamic_workflow
def my_dynamic_subwf(a: int) -> tuple[list[str], int]:
    strings = [t1(a=i) for i in range(a)]
    return strings, 5


@dynamic_workflow
def two_steps(count: int) -> list[str]:
    return [t2(t1(i)) for i in range(count)]
