"""The decorator ``@task.dynamic``, also importable as ``dynamic_task``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Generic, NoReturn, ParamSpec, overload

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.airflow_adapter.objects import TaskDecorator
from airflow_dynamic_provider.airflow_adapter.operators import task_decorator_factory
from airflow_dynamic_provider.authoring.arranging.cloning import adopt_new_tasks
from airflow_dynamic_provider.authoring.dag_graphs import ensure_graph_of
from airflow_dynamic_provider.authoring.handles import Handle
from airflow_dynamic_provider.authoring.key_spaces import nested_space, produced_space
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.refusals import missing_attribute
from airflow_dynamic_provider.definitions.declarations import (
    Declarations,
    DynamicOut,
    Out,
    describe,
    read_declarations,
)
from airflow_dynamic_provider.errors import DeclarationError, HandleUsageError
from airflow_dynamic_provider.execution.documents import TaskDocument, declared_outputs, write_document
from airflow_dynamic_provider.execution.failures import keep_errors
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator
from airflow_dynamic_provider.execution.sources import ItemSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.authoring.references.static_handle import StaticHandle
    from airflow_dynamic_provider.definitions.cache import Cache

P = ParamSpec("P")

# Arguments of @task that would change what the task stores, so that its outputs would not be found.
_REFUSED = ("multiple_outputs", "do_xcom_push")


class DynamicTask(TaskDecorator, Generic[P]):
    """A function decorated with ``@task.dynamic``, to be called in a Dag file.

    Args:
        function: The function.
        declarations: Output name -> `Out` or `DynamicOut`.
        arguments: Arguments of ``@task``: ``task_id``, ``retries``, ``pool`` and so on.
        cache: How its outputs are kept over runs; ``None`` if they are not.
    """

    def __init__(
        self,
        function: Callable[P, Any],
        declarations: Declarations,
        arguments: Mapping[str, Any],
        cache: Cache | None = None,
    ) -> None:
        self.function = function
        self.declarations = dict(declarations)
        self.cache = cache
        self._arguments = dict(arguments)
        self._refuse_arguments()
        self._task: Any = task_decorator_factory(
            function,
            multiple_outputs=False,
            decorated_operator_class=DynamicTaskOperator,
            declarations=self.declarations,
            **self._arguments,
        )
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Add the task to the Dag and return the handles of its outputs.

        Returns:
            The handle of the only output, or a named tuple of handles in the order of declaration.

        Raises:
            DeclarationError: The task has a dynamic output and is called inside an expanded task group.
        """
        operator = self._task(*args, **kwargs).operator
        self._refuse_mapped_group(operator)
        keep_errors(operator)
        if self.cache is not None:
            # Imported here, because most tasks keep no results.
            from airflow_dynamic_provider.cache.tasks import keep_results

            keep_results(operator, self.cache)
        scope = current_scope()
        if scope is None and not task_graph.mapped_groups_around(operator):
            # Airflow shows no label for an unmapped task, and a template that fails would fail the task.
            operator.map_index_template = None
        if scope is not None and self._dynamic_names():
            # Its keys are nested below the keys that it is cloned for.
            adopt_new_tasks(scope)
        operator.doc_md = "\n\n".join(filter(None, (operator.doc_md, describe(self.declarations))))
        document = TaskDocument(outputs=declared_outputs(self.declarations))
        operator.doc_json = write_document(operator.doc_json, document)
        handles = [self._handle(operator, name) for name in self.declarations]
        return handles[0] if len(handles) == 1 else self._tuple_type(*handles)

    def override(self, **arguments: Any) -> DynamicTask[P]:
        """Return a copy with other arguments, such as ``task_id``, ``retries``, ``out`` or ``cache``."""
        declarations = self.declarations
        if "out" in arguments:
            declarations = read_declarations(arguments.pop("out"), self.function)
        cache = self.cache if "cache" not in arguments else _read_cache(arguments.pop("cache"), self.function)
        return DynamicTask(self.function, declarations, {**self._arguments, **arguments}, cache)

    def expand(self, **kwargs: Any) -> Any:
        """Refuse the call: the outputs would be found by position."""
        raise self._expansion_refused("expand")

    def expand_kwargs(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse the call: the outputs would be found by position."""
        raise self._expansion_refused("expand_kwargs")

    def partial(self, **kwargs: Any) -> Any:
        """Refuse the call: it only prepares an expansion."""
        raise self._expansion_refused("partial")

    def __getattr__(self, name: str) -> NoReturn:
        if name not in Handle.METHODS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        called = self.function.__name__
        error = HandleUsageError(
            f"has no {name}(), but its handle has",
            task_id=self._arguments.get("task_id", called),
            remedy=f"Call the task first: {called}(...).{name}(...).",
        )
        raise missing_attribute(error, name)

    def _expansion_refused(self, method: str) -> DeclarationError:
        return DeclarationError(
            f"cannot be expanded with Airflow's {method}(), which goes by position and not by key",
            task_id=self._arguments.get("task_id", self.function.__name__),
            remedy="Produce dynamic outputs in an upstream task and map over them: handle.map(this_task).",
        )

    def _refuse_mapped_group(self, operator: Any) -> None:
        if self._dynamic_names() and task_graph.mapped_groups_around(operator):
            raise DeclarationError(
                "has a dynamic output and is called inside a task group that Airflow expands by position",
                task_id=operator.task_id,
                output_name=self._dynamic_names()[0],
                remedy="Call it outside the group, and map the group over its handle: handle.map(group).",
            )

    def _refuse_arguments(self) -> None:
        for name in _REFUSED:
            if name in self._arguments:
                raise DeclarationError(
                    f"does not take {name}=, because out= declares what it stores",
                    task_id=self._arguments.get("task_id", self.function.__name__),
                    remedy=f"Leave {name}= out.",
                )

    def _dynamic_names(self) -> list[str]:
        return [name for name, out in self.declarations.items() if isinstance(out, DynamicOut)]

    def _handle(self, operator: Any, name: str) -> Handle | StaticHandle:
        if isinstance(self.declarations[name], DynamicOut):
            scope = current_scope()
            space = (
                produced_space(ensure_graph_of(operator.dag), operator, name)
                if scope is None
                else nested_space(scope.space, operator, name)
            )
            return Handle(space, ItemSource(space.spec, self.declarations[name].type))  # type: ignore[arg-type]
        # Imported here, as the tuple below, because most tasks have one dynamic output.
        from airflow_dynamic_provider.authoring.references.static_handle import StaticHandle

        return StaticHandle(operator, name if len(self.declarations) > 1 else RETURN_VALUE)

    @functools.cached_property
    def _tuple_type(self) -> Any:
        from airflow_dynamic_provider.authoring.handle_tuple import handle_tuple

        return handle_tuple(self.function.__name__, self.declarations)


def _read_cache(cache: Any, function: Callable[..., Any]) -> Cache | None:
    if cache is None:
        return None
    # Imported here, because most tasks keep no results.
    from airflow_dynamic_provider.cache.identity import read_cache

    return read_cache(cache, function, function.__name__)


@overload
def dynamic_task(python_callable: Callable[P, Any], /) -> DynamicTask[P]: ...


@overload
def dynamic_task(
    *, out: Out | Mapping[str, Out] | None = None, cache: Cache | str | None = None, **arguments: Any
) -> Callable[[Callable[P, Any]], DynamicTask[P]]: ...


def dynamic_task(
    python_callable: Callable[..., Any] | None = None,
    *,
    out: Out | Mapping[str, Out] | None = None,
    cache: Cache | str | None = None,
    **arguments: Any,
) -> Any:
    """Turn a function into a task whose outputs are found at run time; the same as ``@task.dynamic``.

    Use it in a Dag file. The function runs in the task's process. It yields its outputs, as a generator or an
    async generator, or returns them in a list. Each output is checked as it is yielded. Nothing is stored
    unless all outputs are valid.

    Args:
        python_callable: The function, when the decorator is used without parentheses.
        out: An `Out`, a `DynamicOut`, or a dict of output name -> either. Without it, a return annotation
            such as ``list[DynamicOutput[str]]`` declares ``DynamicOut(str)``.
        cache: A `Cache`, or ``"auto"``, to keep the outputs over runs. By default, they are not kept.
        arguments: Arguments of ``@task``: ``task_id``, ``retries``, ``execution_timeout`` and so on.

    Returns:
        A function that adds the task to the Dag when it is called. It returns a handle, or a named tuple of
        handles if there are several outputs.

    Raises:
        DeclarationError: ``out``, ``cache`` or an argument is invalid, or nothing declares an output.

    Example:
        >>> @task.dynamic(out=DynamicOut(str))
        ... def files_in_directory(path):
        ...     for file in sorted(Path(path).iterdir()):
        ...         yield DynamicOutput(str(file), mapping_key=file.name)
    """

    def decorate(function: Callable[..., Any]) -> DynamicTask[Any]:
        if not callable(function):
            raise DeclarationError(
                f"@task.dynamic decorates a function, received {function!r}",
                remedy="Name the arguments: @task.dynamic(out=DynamicOut(str)).",
            )
        return DynamicTask(
            function, read_declarations(out, function), arguments, _read_cache(cache, function)
        )

    return decorate if python_callable is None else decorate(python_callable)
