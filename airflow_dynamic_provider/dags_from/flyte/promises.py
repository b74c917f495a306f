"""The promises in the bodies of a Flyte program: those of the package, with flytekit's methods."""

from __future__ import annotations

import logging
from typing import Any

from airflow_dynamic_provider.dags_from.flyte.comparisons import Comparison
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.recording.entries import ValueEntry
from airflow_dynamic_provider.workflows.recording.promises import Promise, promised

log = logging.getLogger(__name__)

_NAMES = ("node_name", "name")
# What flytekit can change for one call, and Airflow only for a task.
_OF_TASK = (
    *("aliases", "requests", "limits", "resources", "timeout", "interruptible", "cache", "cache_version"),
    *("cache_serialize", "task_config", "container_image", "accelerator", "shared_memory", "pod_template"),
)


class FlytePromise(Promise):
    """The value of a task that has not run yet."""

    __slots__ = ()

    def with_overrides(self, **settings: Any) -> FlytePromise:
        """Give a call another name, or fewer retries, and return the promise.

        Airflow keeps all other settings with the task, for all its calls. They are logged and ignored.

        Raises:
            WorkflowCallError: The promise is an input, or there is no such setting.
        """
        held = promised(self)
        recorder: Any = held.recorder
        if isinstance(held.entry, ValueEntry):
            raise WorkflowCallError(
                f"with_overrides is called on the input {held.label!r}", remedy="Call it on a task's result."
            )
        ignored = []
        for name, value in settings.items():
            if any(isinstance(each, Promise) for each in (value, *getattr(value, "__dict__", {}).values())):
                raise WorkflowCallError(
                    f"with_overrides of {held.label!r} is given a promise for {name}=",
                    remedy="Use a value that the body knows, or pass the promise to a @dynamic.",
                )
            if name in _NAMES:
                if value is not None:
                    recorder.rename(held.entry, str(value))
            elif name == "retries":
                recorder.lower_retries(held.entry, value)
            elif name in _OF_TASK:
                ignored.append(name)
            else:
                raise WorkflowCallError(
                    f"with_overrides of {held.label!r} is given {name}=, which flytekit does not know",
                    remedy=f"Leave out {name}=.",
                )
        if ignored:
            log.warning(
                "with_overrides(%s) of %r has no effect: Airflow keeps these settings with the task. "
                "Set them in @task(...).",
                ", ".join(f"{name}=" for name in ignored),
                held.label,
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
