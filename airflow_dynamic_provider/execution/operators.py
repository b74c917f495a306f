"""The operator of a producing task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from airflow_dynamic_provider.airflow_adapter.operators import DecoratedOperator, PythonOperator
from airflow_dynamic_provider.definitions.declarations import DynamicOut, has_types

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.definitions.declarations import Declarations
    from airflow_dynamic_provider.execution.producing import Production
    from airflow_dynamic_provider.execution.writing import OutputWriter


class KeepsOutputs(Protocol):
    """Runs a cached task: it uses outputs of an earlier run, or keeps those of this one.

    Attributes:
        cache: The author's settings.
    """

    cache: Cache

    def execute(self, context: Any, operator: DynamicTaskOperator) -> Any:
        """Return the value that Airflow stores as the return value."""


class DynamicTaskOperator(DecoratedOperator, PythonOperator):
    """Runs a function that produces declared outputs. Made by ``@task.dynamic``.

    Args:
        python_callable: The function.
        op_args: Its positional arguments (templated).
        op_kwargs: Its keyword arguments (templated).
        declarations: Output name -> `Out` or `DynamicOut`.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "templates_dict": "json",
        "op_args": "py",
        "op_kwargs": "py",
    }
    custom_operator_name = "@task.dynamic"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        declarations: Declarations,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kwargs_to_upstream={
                "python_callable": python_callable,
                "op_args": op_args,
                "op_kwargs": op_kwargs,
            },
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            **kwargs,
        )
        self.declarations = declarations
        # The handles of the outputs set these while the Dag file is parsed.
        self.mapped_outputs: dict[str, str] = {}
        self.collected_outputs: set[str] = set()
        self.batched_outputs: set[str] = set()
        self.single_outputs: set[str] = set()
        # Looks its outputs up, and keeps them, if the task is cached.
        self.results: KeepsOutputs | None = None
        # Set if the function in place of the author's runs it for each key of a batch.
        self.runs_batches = False

    def execute(self, context: Any) -> Any:
        """Run the function, and check and store its outputs. Airflow calls this in the task's process."""
        if self.runs_batches:
            return self.python_callable()
        if self.results is not None:
            return self.results.execute(context, self)
        # Imported here, as what stores the outputs below, because all other tasks make this operator too.
        from airflow_dynamic_provider.execution.producing import Production, produce

        def run(into: Production) -> None:
            produce(self.python_callable, *self.arguments(context), into)

        return self.execute_with(context, Production, run)

    def execute_with(
        self, context: Any, production_class: type[Production], run: Callable[[Any], None]
    ) -> Any:
        """Check and store the outputs of a run of the function.

        Args:
            context: Airflow's task context.
            production_class: What accepts the outputs.
            run: Produces the outputs into such an object.
        """
        from airflow_dynamic_provider.execution.producing import PRODUCTION_KEY

        writer = self.writer(context)
        take = None if writer is None else writer.take
        production = context[PRODUCTION_KEY] = production_class(self.task_id, self.declarations, take)
        run(production)
        production.finish()
        return self.store(context, production, writer)

    def type_of(self, output: str) -> Any:
        """Return the declared type of an output."""
        return self.declarations[output].type

    def arguments(self, context: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Return the arguments of the function, with those that it takes from the context."""
        named = {**context, **self.op_kwargs, "templates_dict": self.templates_dict}
        args, kwargs = list(self.op_args), self.determine_kwargs(named)
        if not has_types(self.python_callable):
            return args, kwargs
        # Imported here, because most functions have no types that matter.
        from airflow_dynamic_provider.execution.typed_calls import typed_arguments

        return typed_arguments(self.python_callable, args, kwargs, self.task_id)

    def writer(self, context: Any) -> OutputWriter | None:
        """Return what stores each dynamic output as it comes; ``None`` keeps all of them until the end."""
        from airflow_dynamic_provider.execution.writing import OutputWriter

        outputs = [name for name, out in self.declarations.items() if isinstance(out, DynamicOut)]
        return OutputWriter(
            context, outputs, self.collected_outputs, self.batched_outputs, self.single_outputs
        )

    def store(self, context: Any, production: Production, writer: OutputWriter | None) -> Any:
        """Store the outputs, and return the value that Airflow stores as the return value."""
        from airflow_dynamic_provider.execution.storing import store

        assert writer is not None
        return store(context, production, writer, mapped_outputs=self.mapped_outputs)
