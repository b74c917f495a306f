"""The error of a try that failed, as it is stored.

Airflow writes an error to the log only. The package stores it as an XCom of the task instance that failed, so
pages and commands can show why a key failed. Airflow deletes it when the task instance starts again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record, replace
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import Form, integer, optional, reading
from airflow_dynamic_provider.execution.layout import FAILURE_XCOM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        call_first(task, name, store_failure)


def call_first(task: Any, name: str, callback: Callable[[Mapping[str, Any]], None]) -> None:
    """Add a callback of the package to a task, before those of its author.

    Args:
        task: The operator.
        name: The argument of the operator, such as ``"on_failure_callback"``.
        callback: Called with the context.
    """
    callbacks = getattr(task, name)
    own = [callbacks] if callable(callbacks) else list(callbacks or ())
    if callback not in own:
        setattr(task, name, [callback, *own])


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
    """The error of a task instance, and the try that raised it.

    Attributes:
        failure: The error.
        attempt: The number of the try.
        key_path: The clone's key path; empty outside a clone.
        map_index: The map index of the clone; -1 outside a clone.
        tries: The number of tries of the clone since it was last cleared; ``None`` outside a clone.
        milliseconds: The duration of the try; ``None`` outside a clone.
    """

    failure: KeyFailure
    attempt: int
    key_path: tuple[str, ...] = ()
    map_index: int = xcom.UNMAPPED
    tries: int | None = None
    milliseconds: float | None = None

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        of_clone = {
            "key_path": list(self.key_path),
            "map_index": self.map_index,
            "tries": self.tries,
            "milliseconds": self.milliseconds,
        }
        return {
            **FAILURE.stamp,
            **self.failure.pack(),
            "attempt": self.attempt,
            **(of_clone if self.key_path else {}),
        }

    @classmethod
    def unpack(cls, stored: Any) -> StoredFailure:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = FAILURE.read(stored)
        with reading(FAILURE.noun, stored):
            return cls(
                KeyFailure.unpack(document),
                integer(document["attempt"]),
                tuple(map(str, document.get("key_path", ()))),
                integer(document.get("map_index", xcom.UNMAPPED)),
                optional(integer, document.get("tries")),
                optional(float, document.get("milliseconds")),
            )


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


def because(task_id: str, failure: KeyFailure | None) -> str:
    """Return why a clone could not run: which task failed before it, with the error if it is stored."""
    return f"because {task_id!r} failed" + ("" if failure is None else f": {failure}")


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
    if (key_path := context.get("mapping_key_path")) is not None:
        stored = replace(
            stored,
            key_path=key_path,
            map_index=xcom.map_index_of(context),
            tries=xcom.tries_since_clear(context),
            milliseconds=xcom.milliseconds_since_start(context),
        )
    try:
        xcom.push(context, FAILURE_XCOM, stored.pack())
    except Exception:
        # The try has failed already. What its author sees of that must not depend on this.
        log.debug("The error could not be stored", exc_info=True)
