"""Splits a list of tasks into batches, so that the URL of each request stays short.

A task's process sends GET requests to Airflow's API, with all parameters in the URL. 100 tasks make 10 kB,
and common proxies refuse more than 8 kB. A request can name a task group instead. But then Airflow uses the
group of the newest version of the Dag, which may not be that of the run, and reads all task instances twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

#: The maximum length of a query string in bytes, unless one task alone takes more.
LONGEST = 4000


def batches(task_ids: Collection[str], others: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Yield the tasks in batches, in their order. Each batch is as long as one URL allows.

    Args:
        task_ids: The tasks.
        others: The other parameters of each URL: name -> values.
    """
    room = LONGEST - sum(_length(name, value) for name, values in others.items() for value in values)
    batch: list[str] = []
    taken = 0
    for task_id in task_ids:
        length = _length("task_ids", task_id)
        if batch and taken + length > room:
            yield batch
            batch, taken = [], 0
        batch.append(task_id)
        taken += length
    if batch:
        yield batch


def _length(name: str, value: str) -> int:
    """Return the encoded length of ``name=value&`` in bytes. A space counts as three, its maximum length."""
    return len(name) + len("=&") + len(quote(value, safe=""))
