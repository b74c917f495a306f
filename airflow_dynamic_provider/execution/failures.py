"""The error of a try that failed, as it is stored.

Airflow writes an error to the log only. The package stores it as an XCom of the task instance that failed, so
pages and commands can show why a key failed. Airflow deletes it when the task instance starts again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import Form, integer, reading
from airflow_dynamic_provider.execution.layout import FAILURE_XCOM

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The maximum length of a stored traceback, and of a stored message, in characters.
MOST_CHARACTERS = 4000

FAILURE = Form(
    "the error of a task instance",
    frozenset({"type", "message", "attempt"}),
    "Clear the task instance, so that the installed release stores its next error.",
)

# The arguments of an operator that Airflow calls after a try that failed.
_CALLBACKS = ("on_failure_callback", "on_retry_callback")

log = logging.getLogger(__name__)


def keep_errors(task: Any) -> None:
    """Make a task store the error of a try that fails, before the callbacks of its author are called."""
    for name in _CALLBACKS:
        callbacks = getattr(task, name)
        own = [callbacks] if callable(callbacks) else list(callbacks or ())
        if store_failure not in own:
            setattr(task, name, [store_failure, *own])


class KeyFailure(Record):
    """The error of a key that failed: its class, its message, and where it was raised. Secrets are masked."""

    kind: str
    message: str
    traceback: str = ""

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {"type": self.kind, "message": self.message, "traceback": self.traceback}

    @classmethod
    def unpack(cls, stored: Mapping[str, Any]) -> KeyFailure:
        """Read the stored form."""
        return cls(str(stored["type"]), str(stored["message"]), str(stored.get("traceback", "")))

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


class StoredFailure(Record):
    """The error of a task instance, and the try that raised it."""

    failure: KeyFailure
    attempt: int

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {**FAILURE.stamp, **self.failure.pack(), "attempt": self.attempt}

    @classmethod
    def unpack(cls, stored: Any) -> StoredFailure:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = FAILURE.read(stored)
        with reading(FAILURE.noun, stored):
            return cls(KeyFailure.unpack(document), integer(document["attempt"]))


def failure_of(error: BaseException) -> KeyFailure:
    """Return an error as it is stored: without secrets, and not longer than what pages can show."""
    # Imported here, because the process of every task loads this module, and most tries succeed.
    import traceback

    from airflow_dynamic_provider.airflow_adapter.secrets import mask

    # The beginning of a message and the end of a traceback tell most. Masking comes first, because a secret
    # that is cut is not recognized.
    message, shown = mask(str(error)), mask("".join(traceback.format_exception(error)))
    if (cut := len(message) - MOST_CHARACTERS) > 0:
        message = f"{message[:-cut]} [{cut} more characters are in the task's log]"
    if (cut := len(shown) - MOST_CHARACTERS) > 0:
        shown = f"[the first {cut} characters are in the task's log]\n{shown[cut:]}"
    return KeyFailure(type(error).__name__, message, shown)


def pull_failure(context: Mapping[str, Any], task_id: str, map_index: int) -> KeyFailure | None:
    """Return the error of a task instance of this run, if it is stored. One API call."""
    stored = xcom.pull(context, task_id, FAILURE_XCOM, map_index)
    try:
        return None if stored is None else StoredFailure.unpack(stored).failure
    except LayoutError:
        # A later release has stored it. A message can do without.
        return None


def store_failure(context: Mapping[str, Any]) -> None:
    """Store the error of the running task instance. One API call.

    Airflow calls this in the task's process after the try has failed. It calls it in the Dag processor if the
    process of the task was killed. No XCom can be stored there, and there is no error of the task to store.
    """
    error = context.get("exception")
    if not isinstance(error, BaseException):
        return
    stored = StoredFailure(failure_of(error), xcom.attempt_of(context))
    try:
        xcom.push(context, FAILURE_XCOM, stored.pack())
    except Exception:
        # The try has failed already. What its author sees of that must not depend on this.
        log.debug("The error could not be stored", exc_info=True)
