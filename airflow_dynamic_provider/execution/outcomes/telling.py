"""Makes the outcomes of all keys that a task receives from ``handle.outcomes()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.outcomes import Outcome
from airflow_dynamic_provider.definitions.states import MARKED, SUCCESS
from airflow_dynamic_provider.execution.columns.making import state_of_producer
from airflow_dynamic_provider.execution.outcomes.reading import read_batched
from airflow_dynamic_provider.execution.outcomes.report import Report
from airflow_dynamic_provider.execution.outcomes.unsuccessful import report_unsuccessful

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.spaces import KeyPath, Origin, Space


def outcome_of(report: Report, select: Callable[[Any], Any]) -> Outcome:
    """Return the outcome of a key.

    Args:
        report: What became of it.
        select: Returns the value that the task shall receive, given the stored one.
    """
    return Outcome(
        SUCCESS if report.state == MARKED else report.state,
        select(report.value) if report.has_value else None,
        report.error_class,
        report.error_message,
        report.tries,
        None if report.milliseconds is None else report.milliseconds / 1000,
    )


def report_missing(reader: Reader, space: Space, missing: Mapping[KeyPath, str]) -> dict[KeyPath, Report]:
    """Return what became of outer keys below which there are no keys, because of the task that produces them.

    Args:
        reader: Reads the keys.
        space: The space of the keys below them.
        missing: Outer key path -> state.
    """
    found = {path: Report(state) for path, state in missing.items()}
    for origin in space.origins if missing else ():
        state_of = state_of_producer(reader, origin)
        positions = {
            position: path
            for position, path in reader.paths(origin.space)
            if path in missing and missing[path] == state_of(position) != SUCCESS
        }
        reports = _reports(reader, origin, {at: missing[path] for at, path in positions.items()})
        found |= {positions[at]: report for at, report in reports.items()}
    return found


def _reports(reader: Reader, origin: Origin, states: Mapping[int, str]) -> dict[int, Report]:
    clone = reader.context["dag"].get_task(origin.keys_task_id).clone
    if origin.batches is None:
        return report_unsuccessful(reader, clone, states)
    return read_batched(reader, clone, "", sorted(states))
