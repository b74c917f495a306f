"""A reference to the outputs of several tasks, without those that were skipped, as one argument of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import TriggerRule, XComArg

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.references.item import KeyedReference
from airflow_dynamic_provider.authoring.references.refusals import NotAValue, is_task_output
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import HandleUsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph

_REMEDY = "Pass it to a task, and work on the list there."


class _Gathering:
    """A stand-in for an upstream task while an operator is created. It lets the operator run after a skip."""

    roots: tuple[Any, ...] = ()
    leaves: tuple[Any, ...] = ()

    def __init__(self, graph: DagGraph, operator: Any) -> None:
        self._graph = graph
        self._operator = operator

    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Note that the operator ``other`` gathers an output of the task."""
        collector = self._graph.collector_of(other.task_id)
        collector.collected_ids.add(self._operator.task_id)
        task_graph.add_edge(self._operator, other)
        if other.trigger_rule == TriggerRule.ALL_SUCCESS:
            task_graph.set_trigger_rule(other, TriggerRule.NONE_FAILED)
            collector.is_relaxed = True


class Gathered(NotAValue, XComArg):
    """A reference to several outputs, each of one task. Made by `gather`.

    Args:
        outputs: The outputs.
        graph_of: Returns the graph of a Dag.
    """

    def __init__(self, outputs: tuple[Any, ...], graph_of: Callable[[Any], DagGraph]) -> None:
        self._outputs = outputs
        self._graph = graph_of(outputs[0].operator.dag)

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the upstream tasks and XCom keys. Airflow calls this when an operator receives it."""
        for output in self._outputs:
            yield _Gathering(self._graph, output.operator), output.key

    def resolve(self, context: Any) -> list[Any]:
        """Return the values that there are. Airflow calls this in the task's process.

        Raises:
            AirflowSkipException: There is none, or another upstream task was skipped.
        """
        from airflow_dynamic_provider.execution.collecting import gather_values

        return gather_values(context, self._graph.collector_of(context["task"].task_id), self._outputs)

    def differs_by_key(self, task_id: str) -> bool:
        """Return whether a batched task receives another value for each key: never."""
        return False

    def __deepcopy__(self, memo: dict[int, Any]) -> Gathered:
        return self

    def __repr__(self) -> str:
        return f"<what there is of {', '.join(output.operator.task_id for output in self._outputs)}>"

    def __getitem__(self, part: Any) -> NoReturn:
        raise self._refuse("was indexed")

    def map(self, f: Any) -> NoReturn:
        """Refuse the call: the list has no keys."""
        raise self._refuse("was mapped")

    def _refuse(self, misuse: str) -> HandleUsageError:
        problem = f"gather() {misuse}, but the list exists only when the Dag runs"
        return HandleUsageError(problem, task_id=self._outputs[0].operator.task_id, remedy=_REMEDY)

    def _refuse_call(self, method: str, problem: str, remedy: str) -> HandleUsageError:
        return HandleUsageError(f"{method}() of gather(): {problem}", remedy=remedy)

    def _serialize(self) -> NoReturn:
        raise self._refuse("was passed to expand()")


def check_outputs(outputs: tuple[Any, ...]) -> None:
    """Refuse what `gather` cannot take.

    Raises:
        HandleUsageError: There is no output, or one is not a single value of one task.
    """
    if not outputs:
        raise HandleUsageError("gather() received no outputs", remedy="Pass outputs of tasks.")
    for output in outputs:
        if isinstance(output, KeyedReference):
            raise HandleUsageError(
                f"gather() received {output!r}, which has a value for each key",
                remedy="Use handle.collect(), and pass the output of the task that collects.",
            )
        if not is_task_output(output):
            raise HandleUsageError(
                f"gather() received {excerpt(output)} of type {type(output).__name__}",
                remedy="Pass outputs of tasks.",
            )
