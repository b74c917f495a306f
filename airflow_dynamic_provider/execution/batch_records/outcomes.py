"""Decides what became of a key in a batch that has ended, from the state of the batch and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.states import FAILED, FAILURES, MARKED, SKIPPED, SUCCESS

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord


def outcome_of_started(state: str, record: KeyRecord | None, *, has_records: bool) -> str | None:
    """Return the outcome of a key whose batch succeeded or failed.

    Args:
        state: The state of the task instance of the batch.
        record: What the batch stored about the key.
        has_records: Whether the batch stored anything about any key.

    Returns:
        The outcome; ``None`` if the batch succeeded for other keys only.
    """
    if state == FAILED:
        # A task instance that was killed has no record of the keys that it had not finished.
        return FAILED if record is None else record.state
    if record is not None and record.state not in FAILURES:
        return record.state
    if record is None and has_records:
        return None
    # A person marked the batch as success.
    return MARKED if record is None or record.state == FAILED else record.state


def is_stopped_by(gate_state: str | None) -> bool:
    """Return whether a gate ended its batch, from the state of the gate; ``None`` if there is no gate."""
    return gate_state not in (SUCCESS, None)


def outcome_of_unstarted(state: str, record: KeyRecord | None, *, is_stopped: bool) -> str:
    """Return the outcome of a key whose batch is skipped or upstream_failed.

    Args:
        state: The state of the task instance of the batch.
        record: What is stored about the key: by the gate if the gate ended the batch, else by the batch.
        is_stopped: Whether the gate ended the batch. Otherwise the scheduler did, or all keys were skipped.
    """
    if record is None or (not is_stopped and (state != SKIPPED or record.state == SUCCESS)):
        return state
    return record.state
