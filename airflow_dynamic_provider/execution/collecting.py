"""Collects the values or the states of all keys for a running task."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import name_keys, render_key
from airflow_dynamic_provider.definitions.states import SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import CollectError, ReadError, TooFewSuccessesError
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.collected import CollectedSequence
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.known_pages import kept_by
from airflow_dynamic_provider.execution.ratios import allowed_failures
from airflow_dynamic_provider.execution.shaping import Found, by_key, find, shape_states, shape_values
from airflow_dynamic_provider.execution.sources import Source, select, state_task_ids
from airflow_dynamic_provider.execution.spaces import (
    KeyPath,
    Space,
    space_in_common,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from airflow_dynamic_provider.execution.columns.column import Column

_READER_KEY = "dynamic_reader"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CollectionSpec:
    """The settings of a collection.

    Attributes:
        source: The source of the values.
        path: The indexes and fields by which a part of each value is selected.
        keyed: Whether the collection is a dict instead of a list.
        min_success_ratio: The share of keys that must have succeeded. Skipped keys do not count.
        of_states: Whether it has the states instead of the values.
        lazy: Whether the values are read when the task needs them, instead of before it runs.
    """

    source: Source
    path: tuple[Any, ...] = ()
    keyed: bool = False
    min_success_ratio: float = 1.0
    of_states: bool = False
    lazy: bool = False

    @property
    def task_ids(self) -> set[str]:
        """The cloned tasks whose states matter."""
        return state_task_ids(self.source)


@dataclass
class CollectorSpec:
    """The facts that a collector needs at run time, collected while the Dag file is parsed.

    Attributes:
        task_id: The collector.
        collected_ids: The cloned tasks whose states matter to it.
        keys_task_ids: The tasks that list the collected keys.
        is_relaxed: Whether its trigger rule was changed from ``all_success`` to ``none_failed``, so that a
            skipped clone does not skip it. It then skips itself if any *other* upstream task was skipped.
        same_key_ids: The upstream tasks that run for the same key, if the collector is itself a clone.
    """

    task_id: str
    collected_ids: set[str] = field(default_factory=set)
    keys_task_ids: set[str] = field(default_factory=set)
    is_relaxed: bool = False
    same_key_ids: set[str] = field(default_factory=set)


def collect(context: MutableMapping[str, Any], spec: CollectionSpec, collector: CollectorSpec) -> Any:
    """Return a collection in the order of the keys, as a list or a dict.

    The values of up to 1,000 keys take one API call. If there are more keys, each 250 values take one. A lazy
    collection is always a `CollectedSequence` or a `CollectedMapping`, and reads 250 values when one of them
    is needed.

    The collection is empty if the producing task was skipped and the author set the collector's trigger rule.

    Raises:
        AirflowSkipException: The producing task was skipped, or there are no keys and the output is not
            required, or the collector would have been skipped under ``all_success``.
        AirflowFailException: The task that lists the keys was marked as success and listed none.
        CollectError: A clone failed, has not finished, or lost its result.
        TooFewSuccessesError: Fewer clones succeeded than ``min_success_ratio`` requires.
    """
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    reader = _reader(context, collector)
    _skip_like_all_success(context, collector, reader.states)
    try:
        return _collect(context, spec, reader)
    except AirflowSkipException:
        if not reader.is_skipped(spec.source.space) or not _has_own_rule(context, collector):
            raise
        return _nothing(context, spec)


def _collect(context: MutableMapping[str, Any], spec: CollectionSpec, reader: Reader) -> Any:
    prefix = own_prefix(context.get(RUNTIME_KEY), spec.source.space)
    column = make_column(reader, spec.source)
    indexes = indexes_under(reader, spec.source.space, prefix)
    _skip_if_none_is_fine(spec.source.space, indexes)
    if spec.of_states:
        found = find(reader, spec.source, prefix, indexes, column.outcomes(indexes))
        return shape_states(reader, spec.source.space, found)
    if spec.lazy:
        found = find(reader, spec.source, prefix, indexes, column.survey(indexes))
        values: Sequence[Any] = _lazy_values(column, spec, found)
    else:
        fetched = column.fetch(indexes)
        found = find(reader, spec.source, prefix, indexes, [fetched[index][0] for index in indexes])
        values = [_select(spec, fetched[index][1]) for index in found.successes]
    _tell_marked(spec, found)
    _check_ratio(spec, found)
    return shape_values(reader, spec.source.space, found, values) if spec.keyed else values


def _nothing(context: MutableMapping[str, Any], spec: CollectionSpec) -> Any:
    """Return the collection of no keys."""
    space = spec.source.space
    values: Sequence[Any] = CollectedSequence(0, lambda *_: []) if spec.lazy else []
    if not spec.keyed:
        return values
    is_nested = space.depth - len(own_prefix(context.get(RUNTIME_KEY), space)) > 1
    return {} if is_nested else by_key({}, values)


def own_prefix(runtime: CloneRuntime | None, space: Space) -> KeyPath:
    """Return the key path below which a running clone collects from a space; ``()`` for all keys."""
    if runtime is None:
        return ()
    common = space_in_common(runtime.spec.space, space)
    if common is None:
        return ()
    place = next(runtime.places(common), None)
    # An outer zip may lack the key on this side. Then nothing is below it: no key path begins with "".
    return ("",) * common.depth if place is None else place.key_path


def indexes_under(reader: Reader, space: Space, prefix: KeyPath) -> list[int]:
    """Return the positions of the keys that begin with a key path."""
    depth = len(prefix)
    return [index for index, path in enumerate(reader.keys(space)) if path[:depth] == prefix]


def _reader(context: MutableMapping[str, Any], collector: CollectorSpec) -> Reader:
    # All collections of this task instance share one read of the states, also for all keys of a batch.
    kept = kept_by(context)
    reader: Reader | None = kept.get(_READER_KEY)
    if reader is None:
        wanted = set(collector.collected_ids)
        if collector.is_relaxed:
            # Clones that were skipped with the list of their keys do not stop the collector.
            wanted |= set(context["task"].upstream_task_ids) | collector.keys_task_ids
        states = xcom.read_states(context, sorted(wanted)) if wanted else {}
        reader = kept[_READER_KEY] = Reader(context, states)
    return reader


def _tell_marked(spec: CollectionSpec, found: Found) -> None:
    if found.prefix and found.missing.get(found.prefix) == SUCCESS:
        from airflow_dynamic_provider.version_compat import AirflowFailException

        # This needs a gate that was marked too. An empty collection would hide that the keys are unknown.
        unknown = CollectError(
            "the clone that produces the keys below this one was marked as success and left none",
            task_id=spec.source.task_id,
            output_name=spec.source.output,
            mapping_key=render_key(found.prefix),
            remedy="Clear it with its downstream tasks.",
        )
        raise AirflowFailException(str(unknown))
    if found.marked:
        log.warning(
            "Left out of the collection of %s, because their clones were marked as success and left no "
            "value: %s",
            spec.source,
            name_keys(found.marked),
        )


def _lazy_values(column: Column, spec: CollectionSpec, found: Found) -> CollectedSequence:
    indexes = found.successes
    # The keys of a batch may read at the same time, and a column keeps what it has read last.
    lock = threading.Lock()

    def read(start: int, stop: int) -> list[Any]:
        with lock:
            return [_select(spec, value) for value in column.values(indexes[start:stop])]

    return CollectedSequence(len(indexes), read)


def _select(spec: CollectionSpec, value: Any) -> Any:
    try:
        return select(value, spec.path)
    except ReadError as error:
        about = error.about(task_id=spec.source.task_id, output_name=spec.source.output)
        raise about from error.__cause__


def _check_ratio(spec: CollectionSpec, found: Found) -> None:
    failures = found.failures
    if not failures:
        return
    counted = len(found.successes) + len(failures)
    allowed = allowed_failures(spec.min_success_ratio, counted)
    if len(failures) <= allowed:
        return
    problem = f"{len(failures)} of {counted} keys failed: {name_keys(failures)}"
    kind: type[ReadError] = CollectError
    if spec.min_success_ratio < 1:
        kind = TooFewSuccessesError
        problem += f"; min_success_ratio={spec.min_success_ratio} allows {allowed}"
    raise kind(
        problem,
        task_id=spec.source.task_id,
        output_name=spec.source.output,
        mapping_key=render_key(failures[0]) if len(failures) == 1 else None,
        remedy="Clear the failed clones with their downstream tasks.",
    )


def _skip_if_none_is_fine(space: Space, indexes: list[int]) -> None:
    if not indexes and not getattr(space, "is_required", True):
        raise _skip("there is no key, and the output is not required")


def _has_own_rule(context: MutableMapping[str, Any], collector: CollectorSpec) -> bool:
    """Return whether the author set the trigger rule by which Airflow started the collector."""
    from airflow.sdk import TriggerRule

    return not collector.is_relaxed and context["task"].trigger_rule != TriggerRule.ALL_SUCCESS


def _skip_like_all_success(
    context: MutableMapping[str, Any], collector: CollectorSpec, states: xcom.States
) -> None:
    if not collector.is_relaxed:
        return
    own_index = xcom.map_index_of(context)
    for (task_id, map_index), state in states.items():
        if state != SKIPPED or task_id in collector.collected_ids:
            continue
        if task_id not in collector.same_key_ids or map_index == own_index:
            raise _skip(f"its upstream task {task_id!r} was skipped")


def _skip(reason: str) -> Exception:
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    return AirflowSkipException(f"Nothing to collect: {reason}.")
