"""Makes the supervisors of tasks in the live tests notice at once that a task has ended.

The process of a task closes its connections shortly before it ends. A supervisor that looks between the two
would sleep until its next heartbeat. With the heartbeats so frequent that this takes no time, a fifth of all
requests would be heartbeats.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType

#: Seconds after which a supervisor looks again for the end of a process that has closed its connections.
SOON = 0.05


def install() -> None:
    """Patch the supervisors that this process starts."""
    when_imported("airflow.sdk.execution_time.supervisor")(_look_again_soon)


def _look_again_soon(supervisor: ModuleType) -> None:
    service = supervisor.WatchedSubprocess._service_subprocess

    @functools.wraps(service)
    def service_soon(self: Any, max_wait_time: float, *args: Any, **kwargs: Any) -> Any:
        longest = max_wait_time if self._open_sockets else min(max_wait_time, SOON)
        return service(self, longest, *args, **kwargs)

    supervisor.WatchedSubprocess._service_subprocess = service_soon
