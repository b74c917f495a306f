"""The matrix of keys and tasks, in pages: searched, filtered, sorted, and folded if keys are nested."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeVar

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.cells import Cell, Cells, Summary, summarize, worst
from airflow_dynamic_provider.database.keys import KeyList, is_found, is_match, read_keys
from airflow_dynamic_provider.database.totals import Order, Total, Totals
from airflow_dynamic_provider.execution.layout import unpack_keys
from airflow_dynamic_provider.execution.spaces import NestedSpace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath

Sort = Literal["position", "key", "state", "duration", "metadatum"]

T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """A selection of rows and their order.

    Attributes:
        search: A string that the key must contain, in any case.
        match: A pattern that the whole key must match, as in a shell: ``*``, ``?``, ``[a-z]``; empty for any.
        states: The states to show; empty for all. ``none`` stands for no state yet.
        only: The positions of the keys to choose from; ``None`` for all.
        order: The positions in the order of the rows, to sort by a metadatum.
        sort: The column to sort by.
        is_descending: Whether to sort in descending order.
        parent: The outer keys of the rows to show, if keys are nested.
        is_flat: Whether to show nested keys without folding.
        limit: The maximum number of rows.
        offset: The number of rows to skip.
    """

    search: str = ""
    match: str = ""
    states: Collection[str] = ()
    only: frozenset[int] | None = None
    order: Sequence[int] = ()
    sort: Sort = "position"
    is_descending: bool = False
    parent: KeyPath = ()
    is_flat: bool = False
    limit: int = 50
    offset: int = 0

    @property
    def folds(self) -> bool:
        """Whether nested keys are folded. A search is not folded, because folding would hide its results."""
        is_sorted = self.sort not in ("position", "key")
        return not (
            self.is_flat or self.search or self.match or self.states or self.only is not None or is_sorted
        )

    def among(self, positions: frozenset[int]) -> Query:
        """Return the query for those of its keys that are at some positions."""
        return replace(self, only=positions if self.only is None else self.only & positions)

    def in_order(self, positions: Sequence[int]) -> Query:
        """Return the query with its rows in an order, given the positions of all its keys."""
        return replace(self, order=positions)

    def slice(self, rows: Sequence[T]) -> Sequence[T]:
        """Return the rows of this page."""
        return rows[self.offset : self.offset + self.limit]


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
        message: What the counts leave out, if anything.
    """

    rows: Sequence[Row]
    total: int
    counts: Mapping[str, int]
    message: str | None = None


class Matrix:
    """The keys of a space in one run, and their task instances in the tasks that are cloned for them.

    Args:
        source: The run.
        info: The key space.
        with_ends: Whether the totals know when the keys of batches ended.
    """

    def __init__(self, source: RunSource, info: SpaceInfo, *, with_ends: bool = False) -> None:
        self.source = source
        self.info = info
        self._with_ends = with_ends

    @cached_property
    def keys(self) -> KeyList:
        """The keys."""
        return read_keys(self.source, self.info)

    @cached_property
    def cells(self) -> Cells:
        """The task instances of the keys."""
        return Cells(self.source, self.info, self.keys)

    @cached_property
    def totals(self) -> Totals:
        """Sums up the task instances of many keys."""
        return Totals(self.source, self.info, self.keys, with_ends=self._with_ends)

    @property
    def counts(self) -> dict[str, int]:
        """State -> number of keys."""
        return self.totals.of(range(len(self.keys.paths or ()))).named

    def page(self, query: Query) -> Page:
        """Return a page of rows. What the database sends does not grow with the number of keys."""
        found = self.find(query)
        depth = len(query.parent) + 1
        if query.folds and depth < self.info.space.depth:
            total = self.totals.of(found)
            below = self._below(found, depth, query)
            rows = self._folded(query.slice(below))
            return Page(rows, len(below), total.named, self.totals.message)
        total, first = self._total_and_first(found, query)
        shown = {state: total.named.get(state, 0) for state in query.states}
        count = sum(shown.values()) if query.states else len(found)
        return Page(self.rows(first), count, total.named, self.totals.message)

    def find(self, query: Query) -> Sequence[int]:
        """Return the positions of the keys that match the search, below the parent."""
        above, paths = query.parent, self.keys.paths or ()
        if not (above or query.search or query.match or query.only is not None):
            return range(len(paths))
        among = range(len(paths)) if query.only is None else sorted(query.only)
        return [
            position
            for position in among
            if (path := paths[position])[: len(above)] == above
            and is_found(path, query.search)
            and (not query.match or is_match(path, query.match))
        ]

    def choose(self, query: Query) -> Sequence[int]:
        """Return the positions of all keys that a query selects, in the order of their positions."""
        found = self.find(query)
        if not query.states:
            return found
        return self.totals.of_and_first(found, Order(query.states))[1]

    def rows(self, positions: Sequence[int]) -> list[Row]:
        """Return the rows of some keys."""
        cells = self.cells.at(positions)
        return [self._row(position, cells[position]) for position in positions]

    def _row(self, position: int, cells: Mapping[str, Cell | None]) -> Row:
        assert self.keys.paths is not None
        # Without tasks, a key is what the task that lists it is.
        summary = summarize(cells.values()) if cells else Summary(self.keys.listing.state, None)
        return Row(self.keys.paths[position], summary.state, summary.duration, position, cells)

    def _total_and_first(self, positions: Sequence[int], query: Query) -> tuple[Total, list[int]]:
        """Return the states of some keys, and the positions of the keys on a page."""
        if query.sort == "key":
            paths = self.keys.paths or ()
            total, shown = self._with_states(positions, query)
            ordered = sorted(shown, key=lambda at: paths[at], reverse=query.is_descending)
            return total, list(query.slice(ordered))
        if query.sort == "metadatum":
            total, shown = self._with_states(positions, query)
            chosen = frozenset(shown)
            return total, list(query.slice([at for at in query.order if at in chosen]))
        if query.sort == "position" and not query.states:
            in_order = positions[::-1] if query.is_descending else positions
            return self.totals.of(positions), list(query.slice(in_order))
        order = Order(query.states, query.sort, query.is_descending, query.limit, query.offset)
        return self.totals.of_and_first(positions, order)

    def _with_states(self, positions: Sequence[int], query: Query) -> tuple[Total, Sequence[int]]:
        """Return the states of some keys, and the positions of those in the states of a query."""
        if query.states:
            return self.totals.of_and_first(positions, Order(query.states))
        return self.totals.of(positions), positions

    def _below(
        self, positions: Sequence[int], depth: int, query: Query
    ) -> Sequence[tuple[KeyPath, Sequence[int]]]:
        """Return each outer key with the positions of the keys below it, in the order of the page."""
        paths = self.keys.paths or ()
        above = query.parent
        below: dict[KeyPath, list[int]] = {
            path: [] for path in self._outer_paths(depth) if path[: len(above)] == above
        }
        for position in positions:
            below.setdefault(paths[position][:depth], []).append(position)
        if query.sort == "key":
            return sorted(below.items(), reverse=query.is_descending)
        return list(below.items())[:: -1 if query.is_descending else 1]

    def _outer_paths(self, depth: int) -> Sequence[KeyPath]:
        """Return the outer keys, also those that have no keys below them; none if they cannot be told."""
        space = self.info.space
        while isinstance(space, NestedSpace) and space.depth > depth:
            space = space.outer
        stored = (
            self.source.pull(space.keys_task_id, space.keys_xcom, UNMAPPED) if space.depth == depth else None
        )
        return () if stored is None else unpack_keys(stored)

    def _folded(self, groups: Sequence[tuple[KeyPath, Sequence[int]]]) -> list[Row]:
        """Return the rows of outer keys, given each with the positions of the keys below it."""
        totals = self.totals.of_each([positions for _, positions in groups])
        return [
            Row(path, worst(total.counts), total.seconds, children=len(positions), counts=total.named)
            for (path, positions), total in zip(groups, totals, strict=True)
        ]
