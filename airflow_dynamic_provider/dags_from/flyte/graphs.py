"""The graphs of a Flyte program: what ``@workflow`` and ``@dynamic`` make of a function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.late_dags import is_in_dag
from airflow_dynamic_provider.dags_from.flyte.cases import NotedCall, is_noting
from airflow_dynamic_provider.dags_from.flyte.promises import FlytePromise
from airflow_dynamic_provider.workflows.declared.definition import OPTIONS
from airflow_dynamic_provider.workflows.decorator import DynamicWorkflow
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.dags_from.flyte.interfaces import Interface


#: The maximum number of nodes in a graph. Flyte has no such limit; programs chain a thousand tasks.
MAX_NODES = 10_000


class FlyteWorkflow(DynamicWorkflow[..., Any]):
    """A ``@workflow`` or a ``@dynamic``: planned in the body of another, and run at once as plain Python."""

    promise_class = FlytePromise

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add it to the Dag, or to the plan of the workflow whose body calls it. Elsewhere, run it here."""
        given = self.interface.encode_inputs(args, kwargs)
        if is_noting():
            return NotedCall(self, given, self.interface.returns)
        if current_recorder() is not None or is_in_dag():
            return super().__call__(**given)
        return self.interface.decode_outputs(self.local(**given))

    @property
    def interface(self) -> Interface:
        """Its inputs and outputs."""
        return self.function.interface  # type: ignore[attr-defined, no-any-return]

    def of_dag(self, entry: Callable[..., Any]) -> FlyteWorkflow:
        """Return the workflow with another body, to be planned first in a Dag."""
        options = {name: getattr(self, name) for name in OPTIONS if name not in ("takes_promises", "is_node")}
        if self.cache is not None:
            # All inputs are in one argument of this body, and it says which of them count.
            options["cache"] = replace(self.cache, ignored=())
        return FlyteWorkflow(entry, **options, settings=self.settings)
