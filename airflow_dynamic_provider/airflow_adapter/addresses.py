"""Cuts a list of tasks into parts, so that the address of each request stays short.

A task's process asks Airflow's API by GET, with all that it asks for in the address: 100 tasks make 10 kB,
and usual proxies refuse more than 8 kB. Airflow can be asked for a task group instead, but then it takes the
group of the newest version of the Dag, which may not be that of the run, and reads all task instances twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

#: How many bytes the part of an address behind the question mark may have, unless one task alone takes more.
LONGEST = 4000


def batches(task_ids: Collection[str], others: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Yield the tasks in parts, in their order, each part as long as one address takes.

    Args:
        task_ids: The tasks.
        others: What else each address holds: parameter -> its values.
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
    """Return the bytes of ``name=value&``, encoded; a blank counts as three, which is the most it becomes."""
    return len(name) + len("=&") + len(quote(value, safe=""))
