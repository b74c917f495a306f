"""The promises in the bodies of a Flyte program: those of the package, with flytekit's methods."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.dags_from.flyte.call_settings import log_unused, read_overrides
from airflow_dynamic_provider.dags_from.flyte.comparisons import Comparison
from airflow_dynamic_provider.errors import UnknownKindError, WorkflowCallError
from airflow_dynamic_provider.workflows.recording.entries import ValueEntry
from airflow_dynamic_provider.workflows.recording.promises import Promise, Promised, promised


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
        name, changed = read_overrides(held.label, settings)
        if name is not None:
            recorder.rename(held.entry, name)
        if changed:
            _change(held, changed)
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
    recorder: Any = held.recorder
    try:
        recorder.vary(held.entry, lambda task: task.override(**settings))
    except UnknownKindError:
        if "retries" in settings:
            recorder.lower_retries(held.entry, settings.pop("retries"))
        if settings:
            log_unused(held.label, settings)
