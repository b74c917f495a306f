"""What the keys of a batch share: made for the first that needs it, and closed when all have ended."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.execution.pages import keeps_pages, kept_by

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, MutableMapping

T = TypeVar("T")

_SHARED_KEY = "dynamic_shared"


class _Shared:
    """What the keys of one batch share. They may run in threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: dict[Hashable, Any] = {}
        self.stack = contextlib.ExitStack()


def shared_by_keys(
    context: MutableMapping[str, Any],
    name: Hashable,
    make: Callable[[], contextlib.AbstractContextManager[T]],
) -> T | None:
    """Return what the keys of the running batch share; ``None`` if no batch runs in this process.

    A batch with ``runner="processes"`` or an executor of its author runs its keys in other processes, and
    none of them knows which key is the last. So they share nothing.

    Args:
        context: Airflow's task context of a key.
        name: Its name among all that they share.
        make: Makes it, for the first key that needs it. It is closed when all keys of this try have ended,
            also if they failed.
    """
    if not keeps_pages(context):
        return None
    shared: _Shared = kept_by(context).setdefault(_SHARED_KEY, _Shared())
    with shared.lock:
        if name not in shared.made:
            shared.made[name] = shared.stack.enter_context(make())
        found: T = shared.made[name]
        return found


def close_shared(context: MutableMapping[str, Any]) -> None:
    """Close what the keys of a batch have shared, the last first."""
    shared: _Shared | None = kept_by(context).pop(_SHARED_KEY, None)
    if shared is not None:
        shared.stack.close()
