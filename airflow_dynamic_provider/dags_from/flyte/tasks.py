"""``@task``: a function of a Flyte program that becomes an Airflow task."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from airflow.sdk import task as airflow_task

from airflow_dynamic_provider.airflow_adapter.objects import TaskDecorator
from airflow_dynamic_provider.dags_from.flyte.caches import Cache
from airflow_dynamic_provider.dags_from.flyte.cases import NotedCall, is_noting
from airflow_dynamic_provider.dags_from.flyte.interfaces import Interface, described
from airflow_dynamic_provider.dags_from.flyte.overrides import variations
from airflow_dynamic_provider.dags_from.flyte.running import in_task
from airflow_dynamic_provider.dags_from.flyte.settings import read_settings
from airflow_dynamic_provider.errors import WorkflowError
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable


class FlyteTask(TaskDecorator):
    """A task: recorded in the body of a workflow, and run at once as plain Python. Made by ``@task``.

    Args:
        function: The author's function.
        given: The arguments of ``@task``.
    """

    # The tasks that calls with other settings need are found by this mark when the Dag file is read.
    _dynamic_workflow_variations = variations

    def __init__(self, function: Callable[..., Any], given: dict[str, Any]) -> None:
        self._function, self._given = function, given
        # Each settings that a call has instead, with the task that has them.
        self._variants: list[tuple[dict[str, Any], FlyteTask]] = []
        settings = read_settings(function, given)
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            raise WorkflowError(
                f"the task {function.__name__!r} is async or a generator",
                remedy="Return the outputs from an ordinary function.",
            )
        run = in_task(described(function), settings)
        limit = {} if settings.timeout is None else {"execution_timeout": settings.timeout}
        # The layers below see an ordinary ``@task``.
        arguments: dict[str, Any] = {**settings.airflow, **limit}
        self._task: Any = airflow_task(**arguments)(run)
        self.cache = settings.cache
        functools.update_wrapper(self, function)

    def override(self, **settings: Any) -> FlyteTask:
        """Return the task with other settings. The same settings give the same task.

        Args:
            settings: The arguments of ``@task``; ``None`` for one that stays as it is.

        Raises:
            WorkflowError: An argument is refused.
        """
        # For the cache of a call, flytekit has other words than for that of a task.
        given = {**self._given, **{name: each for name, each in settings.items() if each is not None}}
        if isinstance(given.get("cache"), Cache):
            given = {name: each for name, each in given.items() if not name.startswith("cache_")}
        if given == self._given:
            return self
        for known, variant in self._variants:
            if known == given:
                return variant
        variant = FlyteTask(self._function, given)
        self._variants.append((given, variant))
        return variant

    @property
    def function(self) -> Callable[..., Any]:
        """The function as it runs in a task: from JSON to JSON."""
        return self._task.function  # type: ignore[no-any-return]

    @property
    def interface(self) -> Interface:
        """Its inputs and outputs."""
        return self.function.interface  # type: ignore[attr-defined, no-any-return]

    @property
    def task_function(self) -> Callable[..., Any]:
        """The author's function."""
        return self.interface.function

    @property
    def name(self) -> str:
        """The name that flytekit gives to the task."""
        return f"{self.__module__}.{self.interface.name}"

    @property
    def operator_class(self) -> type:
        """The class of the Airflow operator that runs it."""
        return self._task.operator_class  # type: ignore[no-any-return]

    @property
    def is_setup(self) -> bool:
        """It is no setup."""
        return False

    @property
    def is_teardown(self) -> bool:
        """It is no teardown."""
        return False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a node and return a promise, in the body of a workflow. Elsewhere, run the function.

        Raises:
            OutputTypeError: An argument is not of the declared type.
        """
        given = self.interface.encode_inputs(args, kwargs)
        if (recorder := current_recorder()) is not None:
            if is_noting():
                return NotedCall(self, given, self.interface.returns)
            from airflow_dynamic_provider.workflows.recording.calls import record_task

            return record_task(recorder, self, (), given)
        return self.interface.decode_outputs(self.function(**given))


def task(_task_function: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Make a task of a function whose inputs and outputs are annotated.

    Args:
        _task_function: The function, if the decorator is used without parentheses.
        settings: The arguments of flytekit's ``@task``.

    Raises:
        WorkflowError: An argument is refused, or an input has no annotation.
    """

    def decorate(function: Callable[..., Any]) -> FlyteTask:
        return FlyteTask(function, settings)

    return decorate if _task_function is None else decorate(_task_function)
