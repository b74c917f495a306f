"""A node that calls a task with dynamic outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.declarations import DynamicOut
from airflow_dynamic_provider.execution.metadata import gathered_metadata
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.producing import Production


class ProducingOperator(DynamicTaskOperator):
    """Runs a ``@task.dynamic`` function as a node: its outputs are values of the body, not of the Dag."""

    def store(self, context: Any, production: Production) -> Any:
        """Return the values by output: of a dynamic output the list in the order of the keys.

        With one output it is that output's value alone. The metadata is attached to the node.
        """
        gathered = gathered_metadata(context)
        values: dict[str, Any] = {}
        for name, declaration in self.declarations.items():
            if isinstance(declaration, DynamicOut):
                values[name] = [event.value for event in production.dynamic[name].values()]
                for key, event in production.dynamic[name].items():
                    if event.metadata:
                        gathered.add(name, key, event.metadata)
            else:
                output = production.static.get(name)
                values[name] = None if output is None else output.value
                if output is not None and output.metadata:
                    gathered.add(name, None, output.metadata)
        gathered.store(context)
        return values if len(values) > 1 else next(iter(values.values()))
