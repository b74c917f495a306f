"""The recording that is under way, if any. Airflow's objects behave differently during a recording.

The process of every task that reads a Dag file with a workflow asks whether there is one. Only the planning
task makes one, so this module does not import `recorder`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_RECORDER: ContextVar[Any] = ContextVar("dynamic_workflow_recorder", default=None)


def current_recorder() -> Any:
    """Return the `Recorder` of the current recording, ``None`` outside of one."""
    return _RECORDER.get()


@contextmanager
def current(recorder: Any) -> Iterator[None]:
    """Make this the current recording inside the block."""
    token = _RECORDER.set(recorder)
    try:
        yield
    finally:
        _RECORDER.reset(token)


def unrecorded() -> AbstractContextManager[None]:
    """Make Airflow's objects inside the block behave as outside of a recording."""
    return current(None)
