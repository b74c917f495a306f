"""A task with declared outputs whose outputs are kept over runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.identity import Computation
from airflow_dynamic_provider.cache.outputs import kept_output, read_outputs, replay
from airflow_dynamic_provider.cache.running import Running
from airflow_dynamic_provider.definitions.events import DynamicOutput, Output
from airflow_dynamic_provider.errors import UnstorableOutputError
from airflow_dynamic_provider.execution.producing import Production, produce
from airflow_dynamic_provider.execution.typed_values import stored_form

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.execution.operators import DynamicTaskOperator


class CachedOutputs:
    """Produces the outputs of an earlier run, or runs the function and keeps its outputs.

    Args:
        cache: The author's settings.
        name: The name of the task in the keys of its results, by default its task id.
    """

    def __init__(self, cache: Cache, name: str | None = None) -> None:
        self.cache = cache
        self.name = name

    def execute(self, context: Any, operator: DynamicTaskOperator) -> Any:
        """Return the value that Airflow stores as the return value.

        Raises:
            UncacheableInputError: An argument cannot be hashed.
            AirflowRescheduleException: Another task instance makes the same computation.
        """
        ti = context["ti"]
        name = self.name or ti.task_id
        computation = Computation(self.cache, operator.python_callable, ti.dag_id, name)
        args, kwargs = operator.arguments(context)
        running = Running.of_call(context, computation, args, kwargs)

        def read(content: Any) -> Any:
            return read_outputs(content, operator.task_id, operator.declarations)

        if (hit := running.find(read)) is not None:
            running.use(hit)
            return operator.execute_with(context, Production, lambda into: replay(hit, into))
        recordings: list[_Recording] = []

        def run(into: _Recording) -> None:
            recordings.append(into)
            produce(operator.python_callable, args, kwargs, into)

        with running.computing():
            returned = operator.execute_with(context, _Recording, run)
            made = recordings[0]
            running.keep(made.content, made.metadata_of_keys())
        return returned


class _Recording(Production):
    """A production that remembers the values that it has handed on."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._accepted: list[dict[str, Any]] = []
        self._unkept: UnstorableOutputError | None = None

    def accept(self, event: object) -> None:
        """Accept one event, or refuse it."""
        super().accept(event)
        assert isinstance(event, (Output, DynamicOutput))
        key = event.mapping_key if isinstance(event, DynamicOutput) else None
        try:
            # Its stored form, because the author may change the same list or dict for the next output.
            form = stored_form(event.value, self.declarations[event.output_name].type)
            self._accepted.append(kept_output(event.output_name, form, key))
        except UnstorableOutputError as error:
            # Only a backend of the deployment's own can store it.
            self._unkept = error.about(output_name=event.output_name)  # type: ignore[assignment]

    def content(self) -> list[dict[str, Any]]:
        """Return the outputs, in the order in which they were produced.

        Raises:
            UnstorableOutputError: A value cannot be kept.
        """
        if self._unkept is not None:
            raise self._unkept
        return self._accepted

    def metadata_of_keys(self) -> dict[str, dict[str, Any]]:
        """Return output -> key -> metadata, with the metadata that was added to keys later."""
        return {
            name: {key: event.metadata for key, event in events.items() if event.metadata}
            for name, events in self.dynamic.items()
        }
