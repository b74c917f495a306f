"""Instance tasks: objects that are called like tasks. Each declares its inputs and outputs by name."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.tasks import FlyteTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.dags_from.flyte.resources import TaskMetadata


class Interface:
    """The inputs and outputs of an instance task.

    Args:
        inputs: Input -> type.
        outputs: Output -> type.
        docstring: Its documentation.
    """

    def __init__(
        self,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        docstring: str | None = None,
    ) -> None:
        self.inputs = dict(inputs or {})
        self.outputs = dict(outputs or {})
        self.docstring = docstring


class PythonInstanceTask(FlyteTask):
    """A base class of tasks that are objects. A subclass has the method ``execute(**inputs)``.

    Args:
        name: The name of the task.
        task_config: Settings of the subclass.
        task_type: Ignored.
        interface: The inputs and outputs.
        inputs: The inputs, instead of ``interface``.
        outputs: The outputs, instead of ``interface``.
        metadata: The settings of the task in one object.
        settings: The arguments of ``@task``.
    """

    def __init__(
        self,
        name: str,
        task_config: Any = None,
        task_type: str = "",
        interface: Interface | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        metadata: TaskMetadata | None = None,
        **settings: Any,
    ) -> None:
        self.task_config = task_config
        declared = Interface(inputs, outputs) if interface is None else interface
        function = _function(name, declared, lambda **given: self.execute(**given))
        super().__init__(function, {**({} if metadata is None else metadata.settings()), **settings})

    def execute(self, **inputs: Any) -> Any:
        """Do the work of the task, and return its output, or its outputs in a tuple.

        Each class of the author has a method of its own. A task whose class has none fails when it runs.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method execute")


def _function(name: str, declared: Interface, run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with the inputs as parameters, and the outputs as return annotation."""

    def function(**given: Any) -> Any:
        return run(**given)

    last = name.rpartition(".")[2]
    function.__name__ = function.__qualname__ = "".join(
        each if each.isalnum() or each == "_" else "_" for each in last
    )
    function.__doc__ = declared.docstring
    function.__annotations__ = {**declared.inputs, "return": _returned(function.__name__, declared.outputs)}
    parameters = [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY) for each in declared.inputs]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _returned(name: str, outputs: Mapping[str, Any]) -> Any:
    if len(outputs) < 2:
        return next(iter(outputs.values()), type(None))
    return typing.NamedTuple(f"{name}_outputs", list(outputs.items()))
