"""A node that calls a task with dynamic outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.declarations import type_of_outputs
from airflow_dynamic_provider.execution.metadata import gathered_metadata
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator
from airflow_dynamic_provider.execution.typed_values import stored_form

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.producing import Production


class ProducingOperator(DynamicTaskOperator):
    """Runs a ``@task.dynamic`` function as a node. Its outputs are values in the body, not in the Dag."""

    def writer(self, context: Any) -> None:
        """Return ``None``, because the values are the node's own return value."""

    def store(self, context: Any, production: Production, writer: object) -> Any:
        """Attach the metadata to the node and return the values (see `values_of`)."""
        gathered = gathered_metadata(context)
        for name, events in production.dynamic.items():
            for key, event in events.items():
                if event.metadata:
                    gathered.add(name, key, event.metadata)
        for name, output in production.static.items():
            if output.metadata:
                gathered.add(name, None, output.metadata)
        gathered.store(context)
        return stored_form(values_of(production), type_of_outputs(self.declarations))


def values_of(production: Production) -> Any:
    """Return the values that a body receives from a task with declared outputs.

    A dict by output, or the value alone if there is only one output. The value of a dynamic output is a list
    in the order of the keys.
    """
    values: dict[str, Any] = {
        name: [event.value for event in production.dynamic[name].values()]
        if name in production.dynamic
        else production.static[name].value
        if name in production.static
        else None
        for name in production.declarations
    }
    return values if len(values) > 1 else next(iter(values.values()))
