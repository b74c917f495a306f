"""Reads what became of the keys of a source, with their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import (
    FAILED,
    NEVER_STARTED,
    SEVERITY,
    SUCCESS,
    UPSTREAM_FAILED,
)
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.pairs import PairColumn
from airflow_dynamic_provider.execution.columns.results import ResultColumn
from airflow_dynamic_provider.execution.outcomes.causes import find_causes
from airflow_dynamic_provider.execution.outcomes.report import Report
from airflow_dynamic_provider.execution.outcomes.unsuccessful import report_unsuccessful
from airflow_dynamic_provider.execution.sources import PairSource, ResultSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import Source


def read_reports(reader: Reader, source: Source, indexes: Sequence[int]) -> dict[int, Report]:
    """Return position -> what became of the key.

    It makes the calls of the column of the source (`Column.fetch`), and those of `report_unsuccessful` if
    there are keys without a result.
    """
    if isinstance(source, PairSource):
        return _of_pairs(reader, source, indexes)
    if isinstance(source, ResultSource) and source.clone.batches is not None:
        return read_batched(reader, source.clone, source.output, indexes)
    column = make_column(reader, source)
    if isinstance(source, ResultSource) and isinstance(column, ResultColumn):
        return _of_results(reader, source.clone, column, indexes)
    # A dynamic output has only keys that succeeded.
    return {index: Report(state, True, value) for index, (state, value) in column.fetch(indexes).items()}


def read_batched(reader: Reader, clone: CloneSpec, output: str, indexes: Sequence[int]) -> dict[int, Report]:
    """Return what became of the keys of a batched task. One API call for each stored chunk.

    If some could not start, it makes the calls of `find_causes` too, and one for each batch that failed
    before any of its keys ran.
    """
    # Imported here, because most tasks run each key in a task instance of its own.
    from airflow_dynamic_provider.execution.columns.batched import BatchedColumn

    column = BatchedColumn(reader, clone, output)
    found = {}
    for index, outcome, record in column.records(indexes):
        found[index] = _of_record(outcome, record)
        if outcome == FAILED and (failure := column.failure(index, record)) is not None:
            found[index] = replace(found[index], error_class=failure.kind, error_message=failure.message)
        if record is not None and outcome == SUCCESS and output in {*record.values, *record.items}:
            found[index] = replace(found[index], has_value=True, value=column.value_of(index))
    blocked = [index for index, each in found.items() if each.state == UPSTREAM_FAILED]
    for index, (kind, message) in find_causes(reader, clone, blocked).items():
        found[index] = replace(found[index], error_class=kind, error_message=message)
    return found


def _of_record(outcome: str, record: KeyRecord | None) -> Report:
    """Return what became of a key of a batch, without its value."""
    if record is None or record.state != outcome:
        # The batch did not run, or what is stored is from before a person marked it.
        return Report(outcome, tries=0 if outcome in NEVER_STARTED else None)
    report = Report(outcome, tries=record.tries, milliseconds=record.milliseconds)
    return replace(report, error_message=record.reason) if outcome == UPSTREAM_FAILED else report


def _of_results(
    reader: Reader, clone: CloneSpec, column: ResultColumn, indexes: Sequence[int]
) -> dict[int, Report]:
    found: dict[int, Report] = {}
    without: dict[int, str] = {}
    for index, (outcome, row) in column.results(indexes).items():
        if row is None:
            without[index] = outcome
        else:
            found[index] = Report(
                SUCCESS, row.is_produced, row.value, tries=row.tries, milliseconds=row.milliseconds
            )
    return found | report_unsuccessful(reader, clone, without)


def _of_pairs(reader: Reader, source: PairSource, indexes: Sequence[int]) -> dict[int, Report]:
    sides = (source.left, source.right)
    column = PairColumn(reader, source.space, *(make_column(reader, side) for side in sides))
    lacking = Report(SUCCESS, has_value=True)
    pairs = column.joined(indexes, lambda link, own: read_reports(reader, sides[link], own), lacking)
    return {index: _joined(*pair) for index, pair in zip(indexes, pairs, strict=True)}


def _joined(left: Report, right: Report) -> Report:
    """Return what became of a joined key. It has no tries and no duration, because no task ran for it."""
    worse = min(left, right, key=lambda side: SEVERITY.index(side.state))
    has_value = left.has_value and right.has_value
    return Report(
        worse.state,
        has_value,
        [left.value, right.value] if has_value else None,
        worse.error_class,
        worse.error_message,
    )
