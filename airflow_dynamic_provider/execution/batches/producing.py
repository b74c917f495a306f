"""Runs a function with declared outputs for one key of a batch, in the process in which the key runs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.metadata import metadata_to_json
from airflow_dynamic_provider.execution.batch_records.stored import BatchItem
from airflow_dynamic_provider.execution.batches.calling import Produced, is_async
from airflow_dynamic_provider.execution.metadata import gathered_metadata
from airflow_dynamic_provider.execution.producing import PRODUCTION_KEY, Production, produce, produce_async
from airflow_dynamic_provider.execution.storing import merge_late_metadata, merge_static_metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.definitions.declarations import Declarations
    from airflow_dynamic_provider.definitions.events import DynamicOutput


class ProducingFunction:
    """The function of a ``@task.dynamic`` in a batch. It returns what the author's function has produced.

    Each key is checked as a task instance of its own would be, and nothing of a key that fails is kept.

    Args:
        function: The author's function.
        task_id: The task, which errors name.
        declarations: Output name -> `Out` or `DynamicOut`.
    """

    def __init__(self, function: Callable[..., Any], task_id: str, declarations: Declarations) -> None:
        self.function = function
        self.task_id = task_id
        self.declarations = declarations
        # Others look at its name, its parameters, and whether it must be awaited.
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function for the current key.

        Returns:
            What was produced; something to await if the function is asynchronous.
        """
        context, production = self._begin()
        if is_async(self.function):
            return self._run_async(args, kwargs, context, production)
        produce(self.function, args, kwargs, production)
        return _finish(context, production)

    async def _run_async(self, args: Any, kwargs: Any, context: Any, production: ProductionOfKey) -> Produced:
        await produce_async(self.function, args, kwargs, production)
        return _finish(context, production)

    def _begin(self) -> tuple[Any, ProductionOfKey]:
        from airflow.sdk import get_current_context

        context: Any = get_current_context()
        production = context[PRODUCTION_KEY] = ProductionOfKey(self.task_id, self.declarations)
        return context, production


class ProductionOfKey(Production):
    """The outputs of one key of a batch, with their values in the form in which they are stored."""

    def __init__(self, task_id: str, declarations: Declarations) -> None:
        self._forms: dict[tuple[str, str], Any] = {}
        super().__init__(task_id, declarations, self._take_form)

    def _take_form(self, event: DynamicOutput[Any]) -> None:
        self._forms[event.output_name, event.mapping_key] = event.value

    def produced(self) -> Produced:
        """Return what was produced."""
        return Produced(
            {name: event.value for name, event in self.static.items()},
            {
                name: [
                    BatchItem(key, metadata_to_json(event.metadata), value=self._forms[name, key])
                    for key, event in events.items()
                ]
                for name, events in self.dynamic.items()
            },
        )


def _finish(context: Any, production: ProductionOfKey) -> Produced:
    production.finish()
    gathered = gathered_metadata(context)
    merge_late_metadata(production, gathered)
    merge_static_metadata(production, gathered)
    return production.produced()
