"""A workflow that calls itself: merge sort, which splits at run time as deep as the numbers require.

The body runs in its own task when the numbers exist. Each call of a ``@task`` in it becomes a task instance
with its own log and retries. Two further calls of the workflow sort the halves. They are planned when the
split has run.

Run it by itself: ``python dags/merge_sort.py``.
"""

from __future__ import annotations

from airflow.sdk import dag, task

from airflow_dynamic_provider import dynamic_workflow

NUMBERS = [31, 4, 15, 9, 26, 5, 35]
SMALL_ENOUGH = 3


@task
def read_numbers() -> list[int]:
    """Return the numbers to sort: any list, of any length."""
    return NUMBERS


@task
def split(numbers: list[int]) -> tuple[list[int], list[int]]:
    """Return two halves. The annotation gives their number, so the call can be unpacked."""
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


@task
def sort_here(numbers: list[int]) -> list[int]:
    """Sort a list that is small enough."""
    return sorted(numbers)


@task
def merge(left: list[int], right: list[int]) -> list[int]:
    """Merge two sorted lists into one."""
    merged = []
    while left and right:
        merged.append((left if left[0] <= right[0] else right).pop(0))
    return merged + left + right


@dynamic_workflow
def merge_sorted(numbers: list[int], small_enough: int) -> list[int]:
    """Sort a list by sorting its halves."""
    if len(numbers) <= small_enough:
        return sort_here(numbers)
    left, right = split(numbers)
    return merge(merge_sorted(left, small_enough), merge_sorted(right, small_enough))


@task
def report(numbers: list[int]) -> list[int]:
    """Run after the whole workflow, with its return value."""
    return numbers


@dag(schedule=None, tags=["dynamic workflows"])
def merge_sort():
    """Sort the numbers."""
    report(merge_sorted(read_numbers(), SMALL_ENOUGH))


def expected() -> list[int]:
    """Return what ``report`` must return, computed in plain Python."""
    return sorted(NUMBERS)


the_dag = merge_sort()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
