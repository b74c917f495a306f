"""The promises in the bodies of a Flyte program: those of the package, with flytekit's methods."""

from __future__ import annotations

import logging
from typing import Any

from airflow_dynamic_provider.dags_from.flyte.comparisons import Comparison
from airflow_dynamic_provider.errors import UnknownKindError, WorkflowCallError
from airflow_dynamic_provider.workflows.recording.entries import ValueEntry
from airflow_dynamic_provider.workflows.recording.promises import Promise, Promised, promised

log = logging.getLogger(__name__)

_NAMES = ("node_name", "name")

_SETTINGS = (
    *("requests", "limits", "resources", "timeout", "retries", "interruptible", "cache", "cache_version"),
    *("cache_serialize", "task_config", "container_image", "accelerator", "shared_memory", "pod_template"),
)


class FlytePromise(Promise):
    """The value of a task that has not run yet."""

    __slots__ = ()

    def with_overrides(self, **settings: Any) -> FlytePromise:
        """Give a call another name or other settings, and return the promise.

        The settings must be constants of the Dag file: Airflow knows a task with other settings before it
        runs. Of a value that only the body knows, fewer ``retries`` are possible. Others are logged and
        ignored.

        Raises:
            WorkflowCallError: The promise is an input, or there is no such setting.
        """
        held = promised(self)
        recorder: Any = held.recorder
        if isinstance(held.entry, ValueEntry):
            raise WorkflowCallError(
                f"with_overrides is called on the input {held.label!r}", remedy="Call it on a task's result."
            )
        for name, value in settings.items():
            if any(isinstance(each, Promise) for each in (value, *getattr(value, "__dict__", {}).values())):
                raise WorkflowCallError(
                    f"with_overrides of {held.label!r} is given a promise for {name}=",
                    remedy="Use a value that the body knows, or pass the promise to a @dynamic.",
                )
            if name in _NAMES and value is not None:
                recorder.rename(held.entry, str(value))
            elif name not in (*_NAMES, "aliases", *_SETTINGS):
                raise WorkflowCallError(
                    f"with_overrides of {held.label!r} is given {name}=, which flytekit does not know",
                    remedy=f"Leave out {name}=.",
                )
        _change(
            held, {name: each for name, each in settings.items() if name in _SETTINGS and each is not None}
        )
        return self

    __hash__ = Promise.__hash__

    def __eq__(self, other: object) -> Any:
        return Comparison("==", self, other)

    def __ne__(self, other: object) -> Any:
        return Comparison("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return Comparison("<", self, other)

    def __le__(self, other: Any) -> Any:
        return Comparison("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return Comparison(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return Comparison(">=", self, other)

    def is_true(self) -> Comparison:
        """Compare it with ``True``, for `conditional`."""
        return Comparison("==", self, True)

    def is_false(self) -> Comparison:
        """Compare it with ``False``, for `conditional`."""
        return Comparison("==", self, False)

    def is_none(self) -> Comparison:
        """Compare it with ``None``, for `conditional`."""
        return Comparison("==", self, None)

    def runs_before(self, other: Any) -> None:
        """Run another task after this one, without data."""
        _ = self >> other

    @property
    def o0(self) -> Any:
        """The first output: the promise itself, if there is only one."""
        if getattr(promised(self).shape, "_fields", ()):
            return self[0]
        return self


def _change(held: Promised, settings: dict[str, Any]) -> None:
    """Give a call other settings, as far as the Dag file has a task with them."""
    if not settings:
        return
    recorder: Any = held.recorder
    try:
        recorder.vary(held.entry, lambda task: task.override(**settings))
    except UnknownKindError:
        if "retries" in settings:
            recorder.lower_retries(held.entry, settings.pop("retries"))
        if settings:
            log.warning(
                "with_overrides(%s) of %r has no effect, because the Dag file has no task with these "
                "settings. Write them as constants, or set them in @task(...).",
                ", ".join(f"{name}=" for name in settings),
                held.label,
            )
