"""``@task``: a function of a Flyte program that becomes an Airflow task."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from airflow.sdk import task as airflow_task

from airflow_dynamic_provider.airflow_adapter.objects import TaskDecorator
from airflow_dynamic_provider.dags_from.flyte.interfaces import Interface, described
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable


class FlyteTask(TaskDecorator):
    """A task: recorded in the body of a workflow, and run at once as plain Python. Made by ``@task``."""

    def __init__(self, function: Callable[..., Any], settings: dict[str, Any]) -> None:
        # The layers below see an ordinary ``@task``.
        self._task: Any = airflow_task(**settings)(described(function))
        functools.update_wrapper(self, function)

    @property
    def function(self) -> Callable[..., Any]:
        """The function, with its inputs and outputs checked."""
        return self._task.function  # type: ignore[no-any-return]

    @property
    def interface(self) -> Interface:
        """Its inputs and outputs."""
        return self.function.interface  # type: ignore[attr-defined, no-any-return]

    @property
    def operator_class(self) -> type:
        """The class of the Airflow operator that runs it."""
        return self._task.operator_class  # type: ignore[no-any-return]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a node and return a promise, in the body of a workflow. Elsewhere, run the function."""
        if (recorder := current_recorder()) is not None:
            from airflow_dynamic_provider.workflows.recording.calls import record_task

            return record_task(recorder, self, args, kwargs)
        return self.interface.unpacked(self.function(*args, **kwargs))


def task(_task_function: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Make a task of a function whose inputs and outputs are annotated."""

    def decorate(function: Callable[..., Any]) -> FlyteTask:
        return FlyteTask(function, settings)

    return decorate if _task_function is None else decorate(_task_function)
