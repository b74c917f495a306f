"""The names of nodes: explicit names, and automatic names that do not clash with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dynamic_provider.workflows.recording.entries import Entry


def assign_names(entries: Iterable[Entry]) -> None:
    """Name the entries of one body, in the order of their calls, after the body has returned.

    Explicit names are used unchanged. The others become ``base``, ``base-2``, ``base-3`` and so on.
    """
    entries = list(entries)
    taken = {entry.label for entry in entries if entry.is_explicit}
    counters: dict[str, int] = {}
    for entry in entries:
        entry.name = entry.label if entry.is_explicit else _free_name(entry.label, taken, counters)


def _free_name(base: str, taken: set[str], counters: dict[str, int]) -> str:
    while True:
        counters[base] = counters.get(base, 0) + 1
        name = base if counters[base] == 1 else f"{base}-{counters[base]}"
        if name not in taken:
            taken.add(name)
            return name
