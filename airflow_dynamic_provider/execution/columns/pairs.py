"""The column for two other columns that are joined by key."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.definitions.states import SEVERITY, SUCCESS
from airflow_dynamic_provider.execution.columns.column import Column
from airflow_dynamic_provider.execution.spaces import LEFT, RIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.spaces import JoinedSpace, KeyPath


T = TypeVar("T")


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

        def read(side: Column, present: list[int]) -> dict[int, Any]:
            return dict(zip(present, side.values(present) if present else (), strict=True))

        return [list(pair) for pair in self._joined(indexes, read, None)]

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return the outcomes of the keys, with the pairs of the values of both sides."""
        pairs = self._joined(indexes, lambda side, present: side.fetch(present), (SUCCESS, None))
        found = {}
        for index, (left, right) in zip(indexes, pairs, strict=True):
            outcome = min(left[0], right[0], key=SEVERITY.index)
            found[index] = (outcome, [left[1], right[1]] if outcome == SUCCESS else None)
        return found

    def joined(
        self, indexes: Sequence[int], read: Callable[[int, list[int]], Mapping[int, T]], lacking: T
    ) -> list[tuple[T, T]]:
        """Return what there is of each key on both sides.

        Args:
            indexes: The keys.
            read: Returns what there is of some keys of a side, given the number of the side.
            lacking: What there is of a key that the side of an outer zip lacks.
        """
        by_side = []
        for link in (LEFT, RIGHT):
            wanted, present = self._on_side(link, indexes)
            known = read(link, present)
            by_side.append([lacking if each is None else known[each] for each in wanted])
        return list(zip(*by_side, strict=True))

    def _joined(
        self, indexes: Sequence[int], read: Callable[[Column, list[int]], Mapping[int, T]], lacking: T
    ) -> list[tuple[T, T]]:
        return self.joined(indexes, lambda link, present: read(self._sides[link], present), lacking)

    def _worse(
        self, indexes: Sequence[int], ask: Callable[[Column, Sequence[int]], Sequence[str]]
    ) -> list[str]:
        def read(side: Column, present: list[int]) -> dict[int, str]:
            return dict(zip(present, ask(side, present), strict=True))

        return [min(pair, key=SEVERITY.index) for pair in self._joined(indexes, read, SUCCESS)]

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
