"""Collects the values or the states of all keys for a running task."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import name_keys, render_key
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.definitions.states import SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import CollectError, ReadError, TooFewSuccessesError
from airflow_dynamic_provider.execution.below import indexes_under, own_prefix, read_below
from airflow_dynamic_provider.execution.collected import CollectedSequence
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.pages import kept_by
from airflow_dynamic_provider.execution.shaping import Found, by_key, find, shape_ends, shape_values
from airflow_dynamic_provider.execution.sources import OUTCOMES, STATES, CollectionSpec, select

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence

    from airflow_dynamic_provider.execution.clones import CollectorSpec
    from airflow_dynamic_provider.execution.columns.column import Column
    from airflow_dynamic_provider.execution.not_started import NotStarted
    from airflow_dynamic_provider.execution.outcomes.report import Report
    from airflow_dynamic_provider.execution.spaces import Space

_READER_KEY = "dynamic_reader"
_LOCK_KEY = "dynamic_reading"

log = logging.getLogger(__name__)


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

    _skip_like_all_success(context, collector)
    try:
        gathered = read_below(
            context,
            spec.source,
            lambda reader: _gather(context, spec, reader),
            lambda: _reader(context, collector),
        )
    except AirflowSkipException:
        if not _is_skipped(context, spec.source.space) or not _has_own_rule(context, collector):
            raise
        return _nothing(context, spec)
    if spec.kind == STATES:
        return shape_ends(gathered.reader, spec.source.space, gathered.found)
    if spec.kind == OUTCOMES:
        return _outcomes(spec, gathered)
    if spec.skip_if_all_skipped:
        _skip_if_all_skipped(gathered.found)
    _tell_marked(spec, gathered.found)
    _check_ratio(spec, gathered, collector)
    values = _values(spec, gathered)
    return shape_values(gathered.reader, spec.source.space, gathered.found, values) if spec.keyed else values


def gather_values(
    context: MutableMapping[str, Any], collector: CollectorSpec, outputs: Sequence[Any]
) -> list[Any]:
    """Return the values of some outputs, each of one task, without those that there are not.

    Raises:
        AirflowSkipException: There is none, or the task would have been skipped under ``all_success`` because
            of another upstream task.
    """
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    _skip_like_all_success(context, collector)
    states = _reader(context, collector).states
    values = []
    for output in outputs:
        if states.get((output.operator.task_id, xcom.UNMAPPED)) == SKIPPED:
            continue
        try:
            values.append(output.resolve(context))
        except AirflowSkipException:
            continue
    if not values:
        raise _skip("none of the outputs was produced")
    return values


class _Gathered(Record):
    """What was read of a collection.

    Attributes:
        reader: The reader that has read it.
        column: The column, from which a lazy collection reads its values later.
        found: The keys.
        fetched: Position -> (outcome, value), unless the values are read later or not at all.
        reports: Position -> what became of the key; only for outcomes.
    """

    reader: Reader
    column: Column
    found: Found
    fetched: Mapping[int, tuple[str, Any]] = field(default_factory=dict)
    reports: Mapping[int, Report] = field(default_factory=dict)


def _gather(context: MutableMapping[str, Any], spec: CollectionSpec, reader: Reader) -> _Gathered:
    space = spec.source.space
    prefix = own_prefix(context, space)
    column = make_column(reader, spec.source)
    indexes = indexes_under(reader, space, prefix)
    _skip_if_none_is_fine(space, indexes)
    fetched: Mapping[int, tuple[str, Any]] = {}
    reports: Mapping[int, Report] = {}
    if spec.kind == STATES:
        outcomes = column.outcomes(indexes)
    elif spec.kind == OUTCOMES:
        # Imported here, because few tasks ask for outcomes.
        from airflow_dynamic_provider.execution.outcomes.reading import read_reports

        reports = read_reports(reader, spec.source, indexes)
        outcomes = [reports[index].state for index in indexes]
    elif spec.lazy:
        outcomes = column.survey(indexes)
    else:
        fetched = column.fetch(indexes)
        outcomes = [fetched[index][0] for index in indexes]
    return _Gathered(reader, column, find(reader, spec.source, prefix, indexes, outcomes), fetched, reports)


def _nothing(context: MutableMapping[str, Any], spec: CollectionSpec) -> Any:
    """Return the collection of no keys."""
    space = spec.source.space
    values: Sequence[Any] = CollectedSequence(0, lambda *_: []) if spec.lazy else []
    if not spec.keyed:
        return values
    is_nested = space.depth - len(own_prefix(context, space)) > 1
    return {} if is_nested else by_key({}, values)


def _reader(context: MutableMapping[str, Any], collector: CollectorSpec) -> Reader:
    """Return the reader for all keys.

    All collections of this task instance share one read of the states, also for all keys of a batch.
    """
    kept = kept_by(context)
    reader: Reader | None = kept.get(_READER_KEY)
    if reader is None:
        wanted = set(collector.collected_ids)
        if collector.is_relaxed:
            # Clones that were skipped with the list of their keys do not stop the collector.
            wanted |= collector.keys_task_ids
        if collector.is_relaxed and not _is_clone(context):
            wanted |= set(context["task"].upstream_task_ids)
        states = xcom.read_states(context, sorted(wanted)) if wanted else {}
        reader = kept[_READER_KEY] = Reader(context, states)
    return reader


def _is_skipped(context: MutableMapping[str, Any], space: Space) -> bool:
    """Return whether the task that lists the keys was found to be skipped."""
    reader: Reader | None = kept_by(context).get(_READER_KEY)
    return reader is not None and reader.is_skipped(space)


def _is_clone(context: MutableMapping[str, Any]) -> bool:
    return xcom.map_index_of(context) != xcom.UNMAPPED


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


def _values(spec: CollectionSpec, gathered: _Gathered) -> Sequence[Any]:
    indexes = gathered.found.successes
    if not spec.lazy:
        return [_select(spec, gathered.fetched[index][1]) for index in indexes]
    # The keys of a batch may read at the same time. They share a reader, and a column keeps what it has read.
    lock = kept_by(gathered.reader.context).setdefault(_LOCK_KEY, threading.Lock())

    def read(start: int, stop: int) -> list[Any]:
        with lock:
            return [_select(spec, value) for value in gathered.column.values(indexes[start:stop])]

    return CollectedSequence(len(indexes), read)


def _outcomes(spec: CollectionSpec, gathered: _Gathered) -> dict[str, Any]:
    # Imported here, because most collections are of values or states.
    from airflow_dynamic_provider.execution.outcomes.telling import outcome_of, report_missing

    def outcome(report: Report) -> Any:
        return outcome_of(report, lambda value: _select(spec, value))

    found, space = gathered.found, spec.source.space
    missing = report_missing(gathered.reader, space, found.missing)
    return shape_ends(
        gathered.reader,
        space,
        found,
        [outcome(gathered.reports[index]) for index in found.indexes],
        {path: outcome(report) for path, report in missing.items()},
    )


def _select(spec: CollectionSpec, value: Any) -> Any:
    try:
        return select(spec.source.value_of(value), spec.path)
    except ReadError as error:
        about = error.about(task_id=spec.source.task_id, output_name=spec.source.output)
        raise about from error.__cause__


def _check_ratio(spec: CollectionSpec, gathered: _Gathered, collector: CollectorSpec) -> None:
    found = gathered.found
    failures = found.failures
    not_started = _not_started(spec, gathered, collector)
    missing = [*failures, *(not_started.paths if not_started else ())]
    if not missing:
        return
    # Imported here, because most collections have no failed key.
    from airflow_dynamic_provider.execution.ratios import allowed_failures

    counted = len(found.successes) + len(missing)
    allowed = allowed_failures(spec.min_success_ratio, counted)
    problem = f"{len(failures)} of {counted} keys failed: {name_keys(failures)}" if failures else ""
    if not_started:
        problem += ("; " if problem else "") + not_started.describe(counted)
    if len(missing) <= allowed:
        if not_started:
            log.warning("Left out of the collection of %s: %s", spec.source, problem)
        return
    kind: type[ReadError] = CollectError
    if spec.min_success_ratio < 1:
        kind = TooFewSuccessesError
        problem += f"; min_success_ratio={spec.min_success_ratio} allows {allowed}"
    if why := _explain_failures(gathered):
        problem += f". {why}"
    raise kind(
        problem,
        task_id=spec.source.task_id,
        output_name=spec.source.output,
        mapping_key=render_key(missing[0]) if len(missing) == 1 else None,
        remedy="Clear the failed clones with their downstream tasks."
        if not not_started
        else "Clear the failed and the skipped clones with their downstream tasks.",
    )


def _explain_failures(gathered: _Gathered) -> str:
    # Imported here, because only a collector that fails needs it.
    from airflow_dynamic_provider.execution.explaining import explain_failures

    return explain_failures(gathered.column, gathered.found)


def _not_started(spec: CollectionSpec, gathered: _Gathered, collector: CollectorSpec) -> NotStarted | None:
    """Return the keys that ``max_failures`` stopped, ``None`` if there are none."""
    if not collector.limits:
        return None
    # Imported here, because few maps have a limit.
    from airflow_dynamic_provider.execution.not_started import find_not_started

    return find_not_started(gathered.reader, spec.source.space, gathered.found, collector.limits)


def _skip_if_none_is_fine(space: Space, indexes: list[int]) -> None:
    if not indexes and not getattr(space, "is_required", True):
        raise _skip("there is no key, and the output is not required")


def _skip_if_all_skipped(found: Found) -> None:
    if found.paths and not found.successes and not found.failures and not found.marked:
        raise _skip("all of its keys were skipped")


def _has_own_rule(context: MutableMapping[str, Any], collector: CollectorSpec) -> bool:
    """Return whether the author set the trigger rule by which Airflow started the collector."""
    from airflow.sdk import TriggerRule

    return not collector.is_relaxed and context["task"].trigger_rule != TriggerRule.ALL_SUCCESS


def _skip_like_all_success(context: MutableMapping[str, Any], collector: CollectorSpec) -> None:
    """Skip the running task if an upstream task that it does not collect was skipped.

    A clone asks for the clones of its own key, and counts the skipped task instances of other tasks.
    """
    if not collector.is_relaxed:
        return
    others = set(context["task"].upstream_task_ids) - collector.collected_ids
    if not _is_clone(context):
        states = _reader(context, collector).states
    else:
        own_index = xcom.map_index_of(context)
        same_key = sorted(others & collector.same_key_ids)
        states = xcom.read_states_at(context, same_key, own_index) if same_key else {}
        states = {(task_id, at): state for (task_id, at), state in states.items() if at == own_index}
        across = sorted(others - collector.same_key_ids)
        if across and xcom.has_skipped(context, across):
            states |= xcom.read_states(context, across)
    for (task_id, _), state in states.items():
        if state == SKIPPED and task_id in others:
            raise _skip(f"its upstream task {task_id!r} was skipped")


def _skip(reason: str) -> Exception:
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    return AirflowSkipException(f"Nothing to collect: {reason}.")
