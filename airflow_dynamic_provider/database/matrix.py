"""The matrix of keys and tasks, in pages: searched, filtered, sorted, and folded if keys are nested."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from airflow_dynamic_provider.database.cells import Cell, Cells, Summary, count_states, rank, worst
from airflow_dynamic_provider.database.keys import KeyList, is_found, read_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath

Sort = Literal["position", "key", "state", "duration"]


@dataclass(frozen=True)
class Query:
    """A selection of rows and their order.

    Attributes:
        search: A string that the key must contain, in any case.
        states: The states to show; empty for all. ``none`` stands for no state yet.
        sort: The column to sort by.
        is_descending: Whether to sort in descending order.
        parent: The outer keys of the rows to show, if keys are nested.
        is_flat: Whether to show nested keys without folding.
        limit: The maximum number of rows.
        offset: The number of rows to skip.
    """

    search: str = ""
    states: Collection[str] = ()
    sort: Sort = "position"
    is_descending: bool = False
    parent: KeyPath = ()
    is_flat: bool = False
    limit: int = 50
    offset: int = 0

    @property
    def folds(self) -> bool:
        """Whether nested keys are folded. A search is not folded, because folding would hide its results."""
        return not (self.is_flat or self.search or self.states or self.sort in ("state", "duration"))


@dataclass(frozen=True)
class Row:
    """A key, or a folded row for all keys below an outer key.

    Attributes:
        key_path: The key path.
        state: The state that matters most.
        duration: The sum of the durations in seconds.
        position: The position of the key; ``None`` for a folded row.
        cells: Task -> cell, for a key.
        children: The number of keys below; ``None`` for a key.
        counts: State -> number of keys below.
    """

    key_path: KeyPath
    state: str | None
    duration: float | None
    position: int | None = None
    cells: Mapping[str, Cell | None] = field(default_factory=dict)
    children: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Some rows of a matrix.

    Attributes:
        rows: The rows.
        total: The number of rows on all pages.
        counts: State -> number of keys that match the search, ignoring the filter by state.
    """

    rows: Sequence[Row]
    total: int
    counts: Mapping[str, int]


class Matrix:
    """The keys of a space in one run, and their task instances in the tasks that are cloned for them.

    Args:
        source: The run.
        info: The key space.
    """

    def __init__(self, source: RunSource, info: SpaceInfo) -> None:
        self.source = source
        self.info = info

    @cached_property
    def keys(self) -> KeyList:
        """The keys."""
        return read_keys(self.source, self.info)

    @cached_property
    def cells(self) -> Cells:
        """The task instances of the keys."""
        return Cells(self.source, self.info, self.keys)

    @cached_property
    def summaries(self) -> list[Summary]:
        """The summary of each key, by position."""
        return self.cells.summaries()

    @property
    def counts(self) -> dict[str, int]:
        """State -> number of keys."""
        return count_states(summary.state for summary in self.summaries)

    def page(self, query: Query) -> Page:
        """Return a page of rows."""
        found = self.find(query)
        counts = count_states(self.summaries[position].state for position in found)
        shown = [position for position in found if self._is_shown(query, position)]
        depth = len(query.parent) + 1
        if query.folds and depth < self.info.space.depth:
            rows = self._folded(shown, depth)
            if query.sort == "key":
                rows.sort(key=lambda row: row.key_path, reverse=query.is_descending)
            elif query.is_descending:
                rows.reverse()
            return Page(rows[query.offset : query.offset + query.limit], len(rows), counts)
        some = self._sorted(shown, query)[query.offset : query.offset + query.limit]
        return Page(self.rows(some), len(shown), counts)

    def find(self, query: Query) -> list[int]:
        """Return the positions of the keys that match the search, below the parent."""
        above = query.parent
        return [
            position
            for position, path in enumerate(self.keys.paths or ())
            if path[: len(above)] == above and is_found(path, query.search)
        ]

    def rows(self, positions: Sequence[int]) -> list[Row]:
        """Return the rows of some keys."""
        cells = self.cells.at(positions)
        paths = self.keys.paths or ()
        return [
            Row(
                paths[position],
                self.summaries[position].state,
                self.summaries[position].duration,
                position,
                cells[position],
            )
            for position in positions
        ]

    def _is_shown(self, query: Query, position: int) -> bool:
        return not query.states or (self.summaries[position].state or "none") in query.states

    def _sorted(self, positions: list[int], query: Query) -> list[int]:
        paths, summaries = self.keys.paths or (), self.summaries
        keys = {
            "position": lambda position: position,
            "key": lambda position: paths[position],
            "state": lambda position: rank(summaries[position].state),
            "duration": lambda position: summaries[position].duration or 0.0,
        }
        return sorted(positions, key=keys[query.sort], reverse=query.is_descending)

    def _folded(self, positions: list[int], depth: int) -> list[Row]:
        paths = self.keys.paths or ()
        below: defaultdict[KeyPath, list[Summary]] = defaultdict(list)
        for position in positions:
            below[paths[position][:depth]].append(self.summaries[position])
        return [
            Row(
                path,
                worst(summary.state for summary in found),
                sum(summary.duration or 0.0 for summary in found),
                children=len(found),
                counts=count_states(summary.state for summary in found),
            )
            for path, found in below.items()
        ]
