"""Reads what many clones produced: a column is one source's states and values for a list of keys.

A collection of up to `EAGER_LIMIT` keys costs three API calls: the keys, the results, the states. Airflow's
own lazy sequence costs one for each result, and addresses results by position. A larger collection is read
page by page, so that only one page of it is in memory at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import (
    MARKED,
    REMOVED,
    SEVERITY,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
)
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.attempts import outdated_positions
from airflow_dynamic_provider.execution.collected import PAGE_SIZE
from airflow_dynamic_provider.execution.marked import holds_nothing, no_keys_of_marked
from airflow_dynamic_provider.execution.rows import ResultRows
from airflow_dynamic_provider.execution.sources import ItemSource, PairSource, ResultSource, Source
from airflow_dynamic_provider.execution.spaces import LEFT, RIGHT, KeyPath, NestedSpace, Space

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.spaces import Origin

#: Up to here a collection is read at once. Airflow's own limit for mapped lists is about the same by default.
EAGER_LIMIT = 1000


@dataclass
class Reader:
    """Reads one run's keys and columns for a task, each once.

    Attributes:
        context: Airflow's task context.
        states: (task, map index) -> state, of all tasks that are concerned.
    """

    context: MutableMapping[str, Any]
    states: xcom.States
    _keys: dict[Space, list[KeyPath]] = field(default_factory=dict)
    _marked: dict[str, frozenset[KeyPath]] = field(default_factory=dict)
    _skipped: set[Space] = field(default_factory=set)

    def keys(self, space: Space) -> list[KeyPath]:
        """Return the key paths of a space, in their order. Two API calls, the first time.

        Raises:
            LayoutError: They are not those that the task has stored.
            AirflowSkipException: The task that lists them was skipped.
            AirflowFailException: It was marked as success and has not listed them.
            CollectError: It has not listed them.
        """
        if space not in self._keys:
            stored = xcom.pull(self.context, space.keys_task_id, space.keys_xcom)
            if stored is None:
                raise self._no_keys(space)
            keys = layout.unpack_keys(stored)
            digest = xcom.pull(self.context, space.keys_task_id, layout.digest_xcom(space.keys_xcom))
            layout.check_digest(keys, digest, space.keys_task_id)
            self._keys[space] = keys
        return self._keys[space]

    def is_skipped(self, space: Space) -> bool:
        """Whether `keys` has found out that the task that lists them was skipped. No API call."""
        return space in self._skipped

    def state(self, task_id: str, position: int) -> str | None:
        """Return the state of a task's clone, ``None`` if it has none."""
        return xcom.state_at(self.states, task_id, position)

    def outer_keys_without(
        self, origin: Origin, prefix: KeyPath = (), present: Collection[KeyPath] = ()
    ) -> Iterator[tuple[KeyPath, str]]:
        """Return the outer keys whose clone has not produced the keys below, each with its state.

        That is success for one that was marked as such. One API call, unless all that succeeded are present.

        Args:
            origin: The cloned task.
            prefix: Only outer keys that begin with this key path.
            present: Outer keys below which there are keys.
        """
        for position, path in enumerate(self.keys(origin.space)):
            if path[: len(prefix)] != prefix:
                continue
            state = self.state(origin.task_id, position)
            if state != SUCCESS:
                # A clone that is not there has no state, and is as good as one that could not run.
                yield path, state if state in SEVERITY else UPSTREAM_FAILED
            elif path not in present and path in self._marked_outer_keys(origin):
                yield path, SUCCESS

    def _marked_outer_keys(self, origin: Origin) -> frozenset[KeyPath]:
        if origin.keys_task_id not in self._marked:
            stored = xcom.pull(self.context, origin.keys_task_id, layout.MARKED_XCOM)
            self._marked[origin.keys_task_id] = layout.unpack_marked(stored)
        return self._marked[origin.keys_task_id]

    def column(self, source: Source) -> Column:
        """Return a source's states and values."""
        if isinstance(source, ResultSource):
            return ResultColumn(self, source)
        if isinstance(source, PairSource):
            return PairColumn(self, source)
        return (
            NestedItemColumn(self, source)
            if isinstance(source.space, NestedSpace)
            else ItemColumn(self, source)
        )

    def _no_keys(self, space: Space) -> Exception:
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        states = xcom.read_states(self.context, [space.keys_task_id])
        state = states.get((space.keys_task_id, xcom.UNMAPPED))
        if state == SUCCESS:
            # Whatever ran to its end has left a list, and no try of a reader will find another one.
            return AirflowFailException(str(no_keys_of_marked(space.keys_task_id)))
        if state == SKIPPED:
            self._skipped.add(space)
        if state in (SKIPPED, None):
            return AirflowSkipException(f"Nothing to collect: {space.keys_task_id!r} was skipped or cleared.")
        return CollectError(
            f"it is {state} and lists no keys",
            task_id=space.keys_task_id,
            remedy="Clear it together with its downstream tasks.",
        )


class Column(ABC):
    """What one source has for each key of its space. Keys are addressed by their index in the space."""

    @abstractmethod
    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the final state for each key.

        Raises:
            CollectError: One is not final, or is not of the key that is there now.
        """

    @abstractmethod
    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the value for each key, of keys whose outcome is success, in ascending order."""

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return index -> (outcome, value), the value ``None`` unless the outcome is success.

        The outcome of a key whose clone was marked as success, and left no value, is `MARKED`.
        """
        outcomes = dict(zip(indexes, self.outcomes(indexes), strict=True))
        successes = [index for index in indexes if outcomes[index] == SUCCESS]
        values = dict(zip(successes, self.values(successes) if successes else (), strict=True))
        return {index: (outcome, values.get(index)) for index, outcome in outcomes.items()}

    def marked(self, indexes: Sequence[int]) -> set[int]:
        """Return those keys, of keys whose outcome is success, that were marked so and have no value.

        Raises:
            CollectError: One has lost its value, or holds that of another key.
        """
        return set()

    @property
    def may_lack_values(self) -> bool:
        """Whether a clone may succeed without the output, so that only reading it tells."""
        return False


class ItemColumn(Column):
    """The values of a dynamic output of a task that runs once."""

    def __init__(self, reader: Reader, source: ItemSource) -> None:
        self._reader = reader
        self._source = source
        self._page: tuple[int, Sequence[tuple[str | None, Any]]] | None = None

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return success for all: the task produces all or none."""
        return [SUCCESS] * len(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the values. One API call for each thousand."""
        return [self._value(index) for index in indexes]

    def _value(self, index: int) -> Any:
        number, offset = divmod(index, layout.VALUES_PER_PAGE)
        if self._page is None or self._page[0] != number:
            xcom_key = layout.values_xcom(self._source.output, number)
            stored = xcom.pull(self._reader.context, self._source.task_id, xcom_key)
            self._page = (number, () if stored is None else layout.StoredValues.unpack(stored).by_key)
            self._check_none_lost(number * layout.VALUES_PER_PAGE + len(self._page[1]))
        key = self._reader.keys(self._source.space)[index][-1]
        return _value_of_page(self._source, self._page[1], offset, key)

    def _check_none_lost(self, count: int) -> None:
        """Refuse a list of keys that is shorter than that of the values: both are stored in one try."""
        keys = self._reader.keys(self._source.space)
        if count > len(keys):
            raise CollectError(
                f"lists {len(keys)} keys and has stored values of {count}: some keys were lost",
                task_id=self._source.task_id,
                output_name=self._source.output,
                remedy=f"Clear {self._source.task_id!r} with its downstream tasks.",
            )


class NestedItemColumn(Column):
    """The values of a dynamic output of a cloned task: of each outer key's clone, its own."""

    def __init__(self, reader: Reader, source: ItemSource) -> None:
        assert isinstance(source.space, NestedSpace)
        self._reader = reader
        self._source = source
        self._space = source.space
        self._outer: tuple[KeyPath, Sequence[tuple[str | None, Any]]] | None = None

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return success for all: only what a clone that succeeded has produced is a key."""
        return [SUCCESS] * len(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the values. One API call; of more than `EAGER_LIMIT` keys, one for each outer key."""
        keys = self._reader.keys(self._space)
        if len(keys) > EAGER_LIMIT:
            return [self._value(self._of_outer(keys[i][:-1]), i) for i in indexes]
        outer = self._by_outer
        return [self._value(outer.get(keys[i][:-1], ()), i) for i in indexes]

    def _value(self, page: Sequence[tuple[str | None, Any]], index: int) -> Any:
        key = self._reader.keys(self._space)[index][-1]
        return _value_of_page(self._source, page, self._inner[index], key)

    @cached_property
    def _by_outer(self) -> Mapping[KeyPath, Sequence[tuple[str | None, Any]]]:
        """The values below each outer key, read once: in a large join they are asked for page by page."""
        xcom_key = layout.values_xcom(self._source.output, 0)
        stored = xcom.pull_all(self._reader.context, self._source.task_id, xcom_key)
        return {
            page.key_path: page.by_key
            for page in map(layout.StoredValues.unpack, stored)
            # Those of clones that were removed, or are not through in their current try, stay as well.
            if self._reader.state(self._source.task_id, page.map_index) == SUCCESS
        }

    @cached_property
    def _inner(self) -> list[int]:
        """The position of each key among those of its outer key."""
        counts: dict[KeyPath, int] = {}
        positions = []
        for path in self._reader.keys(self._space):
            positions.append(counts.get(path[:-1], 0))
            counts[path[:-1]] = positions[-1] + 1
        return positions

    def _of_outer(self, outer: KeyPath) -> Sequence[tuple[str | None, Any]]:
        if self._outer is None or self._outer[0] != outer:
            values: list[tuple[str | None, Any]] = []
            position = self._outer_positions[outer]
            for page in range(len(self._reader.keys(self._space)) // layout.VALUES_PER_PAGE + 1):
                xcom_key = layout.values_xcom(self._source.output, page)
                stored = xcom.pull(self._reader.context, self._source.task_id, xcom_key, position)
                if stored is None or (read := layout.StoredValues.unpack(stored)).key_path != outer:
                    break
                values += read.by_key
                if len(read.values) < layout.VALUES_PER_PAGE:
                    break
            self._outer = (outer, values)
        return self._outer[1]

    @cached_property
    def _outer_positions(self) -> dict[KeyPath, int]:
        return {path: position for position, path in enumerate(self._reader.keys(self._space.outer))}


class ResultColumn(Column):
    """The results of a cloned task."""

    def __init__(self, reader: Reader, source: ResultSource) -> None:
        self._reader = reader
        self._clone: CloneSpec = source.clone
        self._output = source.output
        self._rows = ResultRows(reader.context, source.task_id, layout.result_xcom(source.output))
        # Found so far among those that succeeded.
        self._marked: set[int] = set()

    @property
    def may_lack_values(self) -> bool:
        """Whether the output is optional."""
        return self._output in self._clone.optional_outputs

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the states. One API call; after the keys were produced again, up to two more."""
        return [self._final(index, self._state(index)) for index in self._current(indexes)]

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return the results by key, wherever they are. One API call; after failures, up to three more.

        One more for each clone that was marked as success.
        """
        keys = self._reader.keys(self._clone.space)
        results: dict[KeyPath, layout.StoredResult] = {}
        holders: dict[int, KeyPath] = {}
        for result in map(layout.StoredResult.unpack, self._rows.all()):
            # Whoever did not succeed in its current attempt may still hold a result of an earlier one.
            if self._state(result.map_index) != SUCCESS:
                continue
            holders[result.map_index] = result.key_path
            # So may one that was marked as success before it ran again: the key's own clone goes first.
            if result.key_path not in results or _is_at(keys, result):
                results[result.key_path] = result
        absent = [index for index in indexes if keys[index] not in results]
        found: dict[int, tuple[str, Any]] = {}
        for index in self._current([index for index in absent if self._state(index) != SUCCESS]):
            found[index] = (self._final(index, self._state(index)), None)
        for index in indexes:
            read = results.get(keys[index])
            if read is not None:
                found[index] = (SUCCESS, read.value) if read.is_produced else (SKIPPED, None)
            elif index not in found:
                self._check_marked(index, holders)
                found[index] = (MARKED, None)
        return found

    def marked(self, indexes: Sequence[int]) -> set[int]:
        """Return those keys that were marked as success and have no value. One API call.

        Where there are fewer or more results than successes, one more for each page of results, and for each
        key that was marked.
        """
        if not indexes or self._rows.count() == len(indexes):
            return set()
        keys = self._reader.keys(self._clone.space)
        for start in range(0, len(indexes), PAGE_SIZE):
            some = indexes[start : start + PAGE_SIZE]
            # Each before the first may have left nothing.
            rows = self._rows.between(some[0], some[-1], some[0], len(some))
            holders = {position: row.key_path for position, row in rows.items()}
            for index in some:
                if holders.get(index) != keys[index]:
                    self._check_marked(index, holders)
                    self._marked.add(index)
        return self._marked.intersection(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the results. One API call; about 15 more for a jump after clones that left no result."""
        keys = self._reader.keys(self._clone.space)
        gaps = sum(
            position in self._marked or self._state(position) != SUCCESS for position in range(indexes[0])
        )
        rows = self._rows.between(indexes[0], indexes[-1], gaps, len(indexes))
        holders = {position: row.key_path for position, row in rows.items()}
        for index in indexes:
            if holders.get(index) != keys[index]:
                raise self._without_result(index, holders)
        return [rows[index].value for index in indexes]

    def _state(self, position: int) -> str | None:
        return self._reader.state(self._clone.task_id, position)

    def _current(self, indexes: Sequence[int]) -> Sequence[int]:
        for index in sorted(outdated_positions(self._reader.context, self._clone, indexes)):
            if self._state(index) == SUCCESS and holds_nothing(self._reader.context, self._clone, index):
                # It was marked so before it began.
                continue
            raise self._error(
                index,
                "its clone has not run since the keys were produced again",
                f"Clear {self._clone.task_id!r} with its downstream tasks.",
            )
        return indexes

    def _check_marked(self, index: int, holders: Mapping[int, KeyPath]) -> None:
        """Take a key whose clone succeeded without a result for one that was marked, or say what it is.

        Raises:
            CollectError: The clone ran to its end: for another key, or its result was deleted.
        """
        if index in holders or not holds_nothing(self._reader.context, self._clone, index):
            raise self._without_result(index, holders)

    def _final(self, index: int, state: str | None) -> str:
        if state in SEVERITY:
            return state
        if state in (None, REMOVED):
            remedy = f"Clear {self._clone.task_id!r} with its downstream tasks."
            raise self._error(index, "no clone ran for it", remedy)
        remedy = "Leave the collector's trigger rule at its default, so that it waits."
        raise self._error(index, f"its clone is still {state}", remedy)

    def _without_result(self, index: int, holders: Mapping[int, KeyPath]) -> CollectError:
        problem = "its clone succeeded, and its result is not there any more"
        if index in holders:
            problem = f"its clone ran for the key {render_key(holders[index])!r}, and not for this one"
        return self._error(index, problem, f"Clear {self._clone.task_id!r} with its downstream tasks.")

    def _error(self, index: int, problem: str, remedy: str) -> CollectError:
        key = render_key(self._reader.keys(self._clone.space)[index])
        return CollectError(
            problem,
            task_id=self._clone.task_id,
            output_name=self._output,
            mapping_key=key,
            remedy=remedy,
        )


class PairColumn(Column):
    """Two columns, joined by key."""

    def __init__(self, reader: Reader, source: PairSource) -> None:
        self._reader = reader
        self._space = source.space
        self._sides = (reader.column(source.left), reader.column(source.right))

    @property
    def may_lack_values(self) -> bool:
        """Whether a side may."""
        return any(side.may_lack_values for side in self._sides)

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the worse state of the two sides."""
        by_side = []
        for link, side in enumerate(self._sides):
            wanted = self._on_side(link, indexes)
            present = sorted({each for each in wanted if each is not None})
            known = dict(zip(present, side.outcomes(present), strict=True))
            by_side.append([SUCCESS if each is None else known[each] for each in wanted])
        return [min(pair, key=SEVERITY.index) for pair in zip(*by_side, strict=True)]

    def marked(self, indexes: Sequence[int]) -> set[int]:
        """Return the keys of which a side was marked as success and has no value."""
        found: set[int] = set()
        for link, side in enumerate(self._sides):
            wanted = self._on_side(link, indexes)
            marked = side.marked(sorted({each for each in wanted if each is not None}))
            found |= {index for index, each in zip(indexes, wanted, strict=True) if each in marked}
        return found

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return ``[left, right]`` for each key, ``None`` for what an outer zip lacks."""
        by_side = []
        for link, side in enumerate(self._sides):
            wanted = self._on_side(link, indexes)
            present = sorted({each for each in wanted if each is not None})
            known: dict[int | None, Any] = dict(
                zip(present, side.values(present) if present else (), strict=True)
            )
            by_side.append([known.get(each) for each in wanted])
        return [list(pair) for pair in zip(*by_side, strict=True)]

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return the pairs of what both sides have."""
        by_side = []
        for link, side in enumerate(self._sides):
            wanted = self._on_side(link, indexes)
            known = side.fetch(sorted({each for each in wanted if each is not None}))
            by_side.append([(SUCCESS, None) if each is None else known[each] for each in wanted])
        found = {}
        for index, left, right in zip(indexes, *by_side, strict=True):
            outcome = min(left[0], right[0], key=SEVERITY.index)
            found[index] = (outcome, [left[1], right[1]] if outcome == SUCCESS else None)
        return found

    def _on_side(self, link: int, indexes: Sequence[int]) -> list[int | None]:
        keys = self._reader.keys(self._space)
        positions = self._positions[link]
        return [positions.get(self._space.path_of_link(link, keys[index])) for index in indexes]

    @cached_property
    def _positions(self) -> tuple[dict[KeyPath, int], ...]:
        return tuple(
            {path: index for index, path in enumerate(self._reader.keys(self._space.links[link]))}
            for link in (LEFT, RIGHT)
        )


def _is_at(keys: Sequence[KeyPath], result: layout.StoredResult) -> bool:
    return result.map_index < len(keys) and keys[result.map_index] == result.key_path


def _value_of_page(source: ItemSource, page: Sequence[tuple[str | None, Any]], offset: int, key: str) -> Any:
    if offset >= len(page):
        raise CollectError(
            f"stored fewer values to collect than keys: {len(page)}",
            task_id=source.task_id,
            output_name=source.output,
            remedy=f"The Dag file has changed: clear {source.task_id!r} with its downstream tasks.",
        )
    stored_for, value = page[offset]
    if stored_for not in (None, key):
        raise CollectError(
            f"the value that is stored at its place is that of the key {stored_for!r}",
            task_id=source.task_id,
            output_name=source.output,
            mapping_key=key,
            remedy=f"Clear {source.task_id!r} with its downstream tasks.",
        )
    return value
