"""A node that calls a task with dynamic outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.execution.metadata import gathered_metadata
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.producing import Production


class ProducingOperator(DynamicTaskOperator):
    """Runs a ``@task.dynamic`` function as a node: its outputs are values of the body, not of the Dag."""

    def writer(self, context: Any) -> None:
        """Return ``None``: the values are what the node returns."""

    def store(self, context: Any, production: Production, writer: object) -> Any:
        """Return the values (see `values_of`); the metadata is attached to the node."""
        gathered = gathered_metadata(context)
        for name, events in production.dynamic.items():
            for key, event in events.items():
                if event.metadata:
                    gathered.add(name, key, event.metadata)
        for name, output in production.static.items():
            if output.metadata:
                gathered.add(name, None, output.metadata)
        gathered.store(context)
        return values_of(production)


def values_of(production: Production) -> Any:
    """Return what a body gets of a task with declared outputs.

    By output, of a dynamic output the list in the order of the keys; of a single output that alone.
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
