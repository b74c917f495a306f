"""Reports what became of keys whose clones have no result: their errors, their tries, what stopped them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, UPSTREAM_FAILED
from airflow_dynamic_provider.execution.outcomes.causes import find_causes
from airflow_dynamic_provider.execution.outcomes.marks import read_failures, read_skips
from airflow_dynamic_provider.execution.outcomes.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader


def report_unsuccessful(reader: Reader, clone: CloneSpec, states: Mapping[int, str]) -> dict[int, Report]:
    """Return what became of keys without a result.

    It makes the calls of `marks` for the keys that failed, and for those that were skipped, and the calls of
    `causes` for those that could not start.

    Args:
        reader: Reads the keys.
        clone: The task.
        states: Position -> state of the keys.
    """
    found = {position: Report(state) for position, state in states.items()}

    def having(state: str) -> list[int]:
        return sorted(position for position, each in states.items() if each == state)

    for position, stored in read_failures(reader, clone, having(FAILED)).items():
        failure = stored.failure
        found[position] = Report(
            FAILED,
            error_class=failure.kind,
            error_message=failure.message,
            tries=stored.tries,
            milliseconds=stored.milliseconds,
        )
    skips = read_skips(reader, clone, having(SKIPPED))
    for position in having(SKIPPED):
        skip = skips.get(position)
        found[position] = (
            Report(SKIPPED, tries=0)
            if skip is None
            else Report(SKIPPED, tries=skip.tries, milliseconds=skip.milliseconds)
        )
    causes = find_causes(reader, clone, having(UPSTREAM_FAILED))
    for position in having(UPSTREAM_FAILED):
        kind, message = causes.get(position, (None, None))
        found[position] = Report(UPSTREAM_FAILED, error_class=kind, error_message=message, tries=0)
    return found
