"""The operator of a producing task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dynamic_provider.airflow_adapter.operators import DecoratedOperator, PythonOperator
from airflow_dynamic_provider.definitions.declarations import DynamicOut

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_dynamic_provider.definitions.declarations import Declarations
    from airflow_dynamic_provider.execution.producing import Production
    from airflow_dynamic_provider.execution.writing import OutputWriter


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

    def execute(self, context: Any) -> Any:
        """Run the function, and check and store its outputs. Airflow calls this in the task's process."""
        # Imported here, as what stores the outputs below, because all other tasks make this operator too.
        from airflow_dynamic_provider.execution.producing import PRODUCTION_KEY, Production, produce

        writer = self.writer(context)
        production = Production(self.task_id, self.declarations, None if writer is None else writer.take)
        context[PRODUCTION_KEY] = production
        arguments = {**context, **self.op_kwargs, "templates_dict": self.templates_dict}
        produce(self.python_callable, self.op_args, self.determine_kwargs(arguments), production)
        production.finish()
        return self.store(context, production, writer)

    def writer(self, context: Any) -> OutputWriter | None:
        """Return what stores each dynamic output as it comes; ``None`` keeps all of them until the end."""
        from airflow_dynamic_provider.execution.writing import OutputWriter

        outputs = [name for name, out in self.declarations.items() if isinstance(out, DynamicOut)]
        return OutputWriter(context, outputs, self.collected_outputs, self.batched_outputs)

    def store(self, context: Any, production: Production, writer: OutputWriter | None) -> Any:
        """Store the outputs, and return the value that Airflow stores as the return value."""
        from airflow_dynamic_provider.execution.storing import store

        assert writer is not None
        return store(context, production, writer, mapped_outputs=self.mapped_outputs)
