"""A reference to one value that a dynamic task produces in addition to its dynamic outputs."""

from __future__ import annotations

from typing import Any, NoReturn

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.airflow_adapter.operators import PlainXComArg
from airflow_dynamic_provider.authoring.references.refusals import is_kept
from airflow_dynamic_provider.errors import HandleUsageError, LayoutError
from airflow_dynamic_provider.execution.layout import holds_typed


class StaticHandle(PlainXComArg):
    """A reference to one value of a ``@task.dynamic`` task: an ordinary XCom reference.

    Pass it to tasks like any task's output.
    """

    def resolve(self, context: Any) -> Any:
        """Return the value. Airflow calls this in the task's process.

        Raises:
            AirflowSkipException: The output is optional and was not produced.
        """
        from airflow_dynamic_provider.version_compat import XComNotFound

        try:
            value = super().resolve(context)
        except XComNotFound:
            # Airflow treats a stored None as a missing value, and raises unless it is a return value.
            value = None
        if value is None and not self._declaration.is_required:
            from airflow_dynamic_provider.execution.sources import skip_unless_produced

            skip_unless_produced(context, self.operator.task_id, self._output)
        if holds_typed(value):
            # Imported here, because most values are stored as they are.
            from airflow_dynamic_provider.execution.typed_values import value_of

            try:
                return value_of(value, self._declaration.type)
            except LayoutError as error:
                about = error.about(task_id=self.operator.task_id, output_name=self._output)
                raise about from error.__cause__
        return value

    def map(self, f: Any) -> NoReturn:
        """Refuse the call: there is one value, and nothing to map over."""
        raise HandleUsageError(
            "is one value, so it has no keys to map over",
            task_id=self.operator.task_id,
            output_name=self._output,
            remedy="Declare it with DynamicOut and yield DynamicOutput(value, mapping_key=...), or pass it "
            "to a task as it is.",
        )

    def collect(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse the call: there is one value, and nothing to collect."""
        raise HandleUsageError(
            "is one value, so there is nothing to collect",
            task_id=self.operator.task_id,
            output_name=self._output,
            remedy="Pass it to a task as it is.",
        )

    def __bool__(self) -> bool:
        if not (is_kept() or task_graph.is_constructing()):
            raise HandleUsageError(
                "is one value that exists only when the Dag runs, and was used as a truth value",
                task_id=self.operator.task_id,
                output_name=self._output,
                remedy="Pass it to a task, and decide there.",
            )
        return True

    @property
    def _task(self) -> Any:
        return self.operator

    @property
    def _output(self) -> str:
        declarations = self._task.declarations
        return self.key if self.key in declarations else next(iter(declarations))

    @property
    def _declaration(self) -> Any:
        return self._task.declarations[self._output]
