"""`Outcome`: what became of one key, as ``handle.outcomes()`` tells a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What became of one key. A task that receives ``handle.outcomes()`` has one for each key.

    What is not known, or does not exist, is ``None``. It is an ordinary dataclass: ``dataclasses.asdict``
    makes a dict of it, which a task can return or write as JSON if the value can.

    Attributes:
        state: ``"success"``, ``"failed"``, ``"skipped"`` or ``"upstream_failed"``.
        value: The value, if the key succeeded. ``None`` is also a value.
        error_class: The name of the class of the error, such as ``"ValueError"``. If the key is
            upstream_failed, that of the error that stopped it.
        error_message: The message of the error, without secrets. If the key is upstream_failed, it names the
            task that failed: ``"because 'parse' failed: ValueError: no header"``.
        tries: How often the key was started since it was last cleared. A key that could not start has 0.
        duration: The time that its last try took, in seconds.

    Example:
        >>> outcome = Outcome("failed", None, "ValueError", "no header", tries=2, duration=0.5)
        >>> f"{outcome.state} after {outcome.tries} tries: {outcome.error_message}"
        'failed after 2 tries: no header'
    """

    state: str
    value: Any = None
    error_class: str | None = None
    error_message: str | None = None
    tries: int | None = None
    duration: float | None = None
