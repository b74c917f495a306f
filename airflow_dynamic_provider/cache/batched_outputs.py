"""The declared outputs of the keys of a batch, as they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.outputs import Event, kept_output, read_outputs, replay
from airflow_dynamic_provider.definitions.metadata import metadata_from_json
from airflow_dynamic_provider.execution.batches.producing import ProductionOfKey

if TYPE_CHECKING:
    from airflow_dynamic_provider.cache.results import Hit
    from airflow_dynamic_provider.definitions.declarations import Declarations
    from airflow_dynamic_provider.execution.batches.calling import Produced


class BatchedOutputs:
    """Keeps what a ``@task.dynamic`` has produced for a key.

    Args:
        task_id: The task, which errors name.
        declarations: Output name -> `Out` or `DynamicOut`.
    """

    def __init__(self, task_id: str, declarations: Declarations) -> None:
        self._task_id = task_id
        self._declarations = declarations

    def read(self, stored: Any) -> list[Event]:
        """Return the outputs of their JSON."""
        return read_outputs(stored, self._task_id, self._declarations)

    def value(self, hit: Hit) -> Produced:
        """Return the outputs, as the function of the batch returns them."""
        production = ProductionOfKey(self._task_id, self._declarations)
        replay(hit, production)
        return production.produced()

    def content(self, produced: Produced) -> list[dict[str, Any]]:
        """Return the JSON of the outputs."""
        static = [kept_output(name, form) for name, form in produced.static.items()]
        return static + [
            kept_output(name, item.value, item.key)
            for name, items in produced.dynamic.items()
            for item in items
        ]

    def metadata_of_keys(self, produced: Produced) -> dict[str, dict[str, Any]]:
        """Return output -> mapping key -> metadata."""
        return {
            name: {item.key: metadata_from_json(item.metadata) for item in items if item.metadata}
            for name, items in produced.dynamic.items()
        }
