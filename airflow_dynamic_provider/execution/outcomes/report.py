"""`Report`: what a collector has read of a key, before it makes an outcome of it."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.definitions.records import Record


class Report(Record):
    """What became of a key.

    Attributes:
        state: Its final state; `MARKED` if its clone was marked as success and stored no value.
        has_value: Whether it has a value. A key that succeeded has none if it was marked, or if it did not
            produce an optional output.
        value: The value as it is stored.
        error_class: The class of its error.
        error_message: The message of its error, or why it could not start.
        tries: How often it was started; ``None`` if this is not known, or if no task ran for the key.
        milliseconds: The duration of its last try, likewise.
    """

    state: str
    has_value: bool = False
    value: Any = None
    error_class: str | None = None
    error_message: str | None = None
    tries: int | None = None
    milliseconds: float | None = None
