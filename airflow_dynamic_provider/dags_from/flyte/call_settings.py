"""The arguments of ``with_overrides``: the name and the settings of one call."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.recording.promises import Promise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)

#: The arguments that are no settings.
NAMES = ("node_name", "name", "aliases")

_SETTINGS = (
    *("requests", "limits", "resources", "timeout", "retries", "interruptible", "cache", "cache_version"),
    *("cache_serialize", "task_config", "container_image", "accelerator", "shared_memory", "pod_template"),
)


def read_overrides(label: str, given: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Return the name of a call, if it gets one, and its settings.

    Args:
        label: The call, for messages.
        given: The arguments of ``with_overrides``.

    Raises:
        WorkflowCallError: An argument is a promise, or flytekit has no such argument.
    """
    for name, value in given.items():
        if any(isinstance(each, Promise) for each in (value, *getattr(value, "__dict__", {}).values())):
            raise WorkflowCallError(
                f"with_overrides of {label!r} is given a promise for {name}=",
                remedy="Use a value that the body knows, or pass the promise to a @dynamic.",
            )
        if name not in (*NAMES, *_SETTINGS):
            raise WorkflowCallError(
                f"with_overrides of {label!r} is given {name}=, which flytekit does not know",
                remedy=f"Leave out {name}=.",
            )
    named = next((given[name] for name in NAMES[:2] if given.get(name) is not None), None)
    settings = {name: given[name] for name in given if name in _SETTINGS and given[name] is not None}
    return None if named is None else str(named), settings


def log_unused(label: str, settings: Iterable[str]) -> None:
    """Log that settings of a call have no effect."""
    log.warning(
        "with_overrides(%s) of %r has no effect, because the Dag file has no task with these settings. Write "
        "them as constants, or set them in @task(...).",
        ", ".join(f"{name}=" for name in settings),
        label,
    )
