"""Builds the list or dict that a task receives from the keys and values of a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import FAILURES, MARKED, SEVERITY, SUCCESS
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution.collected import CollectedMapping, CollectedSequence
from airflow_dynamic_provider.execution.columns.making import state_of_producer
from airflow_dynamic_provider.execution.spaces import NestedSpace, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import Source
    from airflow_dynamic_provider.execution.spaces import KeyPath, Space


class Found(Record):
    """The keys of a collection, and their states.

    Attributes:
        prefix: The key path that all keys begin with, which is that of the collector.
        indexes: The positions of the keys in the key space.
        paths: The key paths.
        outcomes: The states; `MARKED` if a person marked the clone as success and there is no result.
        missing: Path -> state of outer keys below which nothing was produced, because their clone failed, was
            skipped, or was marked as success.
    """

    prefix: KeyPath
    indexes: list[int]
    paths: list[KeyPath]
    outcomes: list[str]
    missing: dict[KeyPath, str]

    @property
    def failures(self) -> list[KeyPath]:
        """The keys that failed."""
        paths = [path for path, state in zip(self.paths, self.outcomes, strict=True) if state in FAILURES]
        return paths + [path for path, state in self.missing.items() if state in FAILURES]

    @property
    def marked(self) -> list[KeyPath]:
        """The keys that are left out because a person marked their clones as success."""
        paths = [path for path, state in zip(self.paths, self.outcomes, strict=True) if state == MARKED]
        return paths + [path for path, state in self.missing.items() if state == SUCCESS]

    @property
    def successes(self) -> list[int]:
        """The positions of the keys that succeeded."""
        return [index for index, state in zip(self.indexes, self.outcomes, strict=True) if state == SUCCESS]


def find(reader: Reader, source: Source, prefix: KeyPath, indexes: list[int], outcomes: list[str]) -> Found:
    """Return the keys of a collection, with the outer keys that have no keys below them."""
    keys = reader.keys(source.space)
    paths = [keys[index] for index in indexes]
    missing: dict[KeyPath, str] = {}
    for path, state in _missing(reader, source.space, prefix, paths):
        missing[path] = min(state, missing.get(path, SUCCESS), key=SEVERITY.index)
    return Found(prefix, indexes, paths, outcomes, missing)


def shape_values(reader: Reader, space: Space, found: Found, values: Sequence[Any]) -> Any:
    """Return key -> value, with a dict for each key of a path except the last.

    Args:
        reader: Reads the outer keys.
        space: The key space.
        found: The keys.
        values: The values of the keys that succeeded. If it is a `CollectedSequence`, the innermost dicts are
            `CollectedMapping` objects, which read the values later.
    """
    depth = len(found.prefix)
    shaped: dict[str, Any] = {}
    positions: dict[KeyPath, dict[str, int]] = {}
    if space.depth - depth == 1:
        positions[()] = {}
    for path, state in _outer_keys(reader, space, found):
        if state is None:
            _descend(shaped, path[depth:])
            if len(path) == space.depth - 1:
                positions[path[depth:]] = {}
    succeeded = (path[depth:] for path, state in _states(found) if state == SUCCESS)
    for position, path in enumerate(succeeded):
        positions.setdefault(path[:-1], {})[path[-1]] = position
    for outer, inner in positions.items():
        leaf = by_key(inner, values)
        if not outer:
            return leaf
        _descend(shaped, outer[:-1])[outer[-1]] = leaf
    return shaped


def by_key(positions: Mapping[str, int], values: Sequence[Any]) -> Mapping[str, Any]:
    """Return key -> value from key -> position. Values of a `CollectedSequence` are read later."""
    if isinstance(values, CollectedSequence):
        return CollectedMapping(positions, values)
    return {key: values[position] for key, position in positions.items()}


def shape_ends(
    reader: Reader,
    space: Space,
    found: Found,
    ends: Sequence[Any] | None = None,
    missing: Mapping[KeyPath, Any] | None = None,
) -> dict[str, Any]:
    """Return key -> how it ended, with a dict for each key of a path except the last.

    Args:
        reader: Reads the outer keys.
        space: The key space.
        found: The keys.
        ends: How each key ended; its state by default.
        missing: How each missing outer key ended; its state by default.

    Raises:
        CollectError: A failed key has no place in the dict.
    """
    ends = found.outcomes if ends is None else ends
    missing = found.missing if missing is None else missing
    depth = len(found.prefix)
    shaped: dict[str, Any] = {}
    unnamed = dict(found.missing)
    for path, state in _outer_keys(reader, space, found):
        if state is None:
            _descend(shaped, path[depth:])
        else:
            unnamed.pop(path, None)
            _descend(shaped, path[depth:-1])[path[-1]] = missing[path]
    _refuse_failures(space, unnamed)
    for path, end in zip(found.paths, ends, strict=True):
        _descend(shaped, path[depth:-1])[path[-1]] = end
    return shaped


def _states(found: Found) -> Iterator[tuple[KeyPath, str]]:
    return zip(found.paths, found.outcomes, strict=True)


def _missing(
    reader: Reader, space: Space, prefix: KeyPath, paths: list[KeyPath]
) -> Iterator[tuple[KeyPath, str]]:
    for origin in space.origins:
        depth = origin.space.depth
        if depth >= len(prefix):
            # In a joined space, key paths need not begin with the key paths of an origin.
            present = {path[:depth] for path in paths} if isinstance(space, NestedSpace) else set()
            yield from reader.outer_keys_without(origin, state_of_producer(reader, origin), prefix, present)


def _outer_keys(reader: Reader, space: Space, found: Found) -> Iterator[tuple[KeyPath, str | None]]:
    """Yield the outer keys below which there may be no key, each with its state if it is missing."""
    depth = len(found.prefix)
    for outer in _outer_spaces(space):
        for _, path in reader.paths(outer) if outer.depth > depth else ():
            if path[:depth] == found.prefix:
                yield path, found.missing.get(path)


def _outer_spaces(space: Space) -> list[Space]:
    outer = space.outer if isinstance(space, NestedSpace) else space.enclosing
    return [] if outer is None else [*_outer_spaces(outer), outer]


def _refuse_failures(space: Space, missing: dict[KeyPath, str]) -> None:
    for path, state in missing.items():
        if state in FAILURES:
            raise CollectError(
                f"{name_of(space)} has nothing below this key, because the clone that produces it is {state}",
                mapping_key=render_key(path),
                remedy="Clear the failed clone with its downstream tasks.",
            )


def _descend(shaped: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    for key in path:
        shaped = shaped.setdefault(key, {})
    return shaped
