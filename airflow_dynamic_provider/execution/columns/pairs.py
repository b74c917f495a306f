"""The column for two other columns that are joined by key."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.states import SEVERITY, SUCCESS
from airflow_dynamic_provider.execution.columns.column import Column
from airflow_dynamic_provider.execution.spaces import LEFT, RIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.spaces import JoinedSpace, KeyPath


class PairColumn(Column):
    """Two columns, joined by key."""

    def __init__(self, reader: Reader, space: JoinedSpace, left: Column, right: Column) -> None:
        self._reader = reader
        self._space = space
        self._sides = (left, right)

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the worse state of the two sides for each key."""
        return self._worse(indexes, lambda side, present: side.outcomes(present))

    def survey(self, indexes: Sequence[int]) -> list[str]:
        """Return the worse outcome of the two sides for each key."""
        return self._worse(indexes, lambda side, present: side.survey(present))

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return ``[left, right]`` for each key. A side that an outer zip lacks is ``None``."""
        by_side = []
        for link, side in enumerate(self._sides):
            wanted, present = self._on_side(link, indexes)
            known = dict(zip(present, side.values(present) if present else (), strict=True))
            by_side.append([None if each is None else known[each] for each in wanted])
        return [list(pair) for pair in zip(*by_side, strict=True)]

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return the outcomes of the keys, with the pairs of the values of both sides."""
        by_side = []
        for link, side in enumerate(self._sides):
            wanted, present = self._on_side(link, indexes)
            known = side.fetch(present)
            by_side.append([(SUCCESS, None) if each is None else known[each] for each in wanted])
        found = {}
        for index, left, right in zip(indexes, *by_side, strict=True):
            outcome = min(left[0], right[0], key=SEVERITY.index)
            found[index] = (outcome, [left[1], right[1]] if outcome == SUCCESS else None)
        return found

    def _worse(
        self, indexes: Sequence[int], ask: Callable[[Column, Sequence[int]], Sequence[str]]
    ) -> list[str]:
        by_side = []
        for link, side in enumerate(self._sides):
            wanted, present = self._on_side(link, indexes)
            known = dict(zip(present, ask(side, present), strict=True))
            by_side.append([SUCCESS if each is None else known[each] for each in wanted])
        return [min(pair, key=SEVERITY.index) for pair in zip(*by_side, strict=True)]

    def _on_side(self, link: int, indexes: Sequence[int]) -> tuple[list[int | None], list[int]]:
        """Return the position of each key on a side, or ``None``, and the sorted positions that exist."""
        keys = self._reader.keys(self._space)
        positions = self._positions[link]
        wanted = [positions.get(self._space.path_of_link(link, keys[index])) for index in indexes]
        return wanted, sorted({each for each in wanted if each is not None})

    @cached_property
    def _positions(self) -> tuple[dict[KeyPath, int], ...]:
        return tuple(
            {path: index for index, path in self._reader.paths(self._space.links[link])}
            for link in (LEFT, RIGHT)
        )
