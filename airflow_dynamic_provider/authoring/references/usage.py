"""Notes, while the Dag file is parsed, which task depends on which key's values, and how.

Airflow asks each argument of a new operator for its upstream tasks, and then tells each of them about the
new dependency. Edges to clones are set later, when the mapped groups are arranged. So Airflow gets stand-ins
here, which only note the dependency.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.model.notes import Way
from airflow_dynamic_provider.errors import HandleUsageError
from airflow_dynamic_provider.execution.sources import ItemSource, PairSource, ResultSource
from airflow_dynamic_provider.execution.spaces import space_in_common

if TYPE_CHECKING:
    from typing import TypeGuard

    from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph
    from airflow_dynamic_provider.execution.sources import CollectionSpec, Source
    from airflow_dynamic_provider.execution.spaces import Route, Space

# With these trigger rules, a task may start, or be skipped, before all clones are done.
_EARLY = {
    TriggerRule.ALWAYS: "starts at once",
    TriggerRule.ONE_DONE: "starts when one clone is done",
    TriggerRule.ONE_FAILED: "starts when one clone has failed",
    TriggerRule.ONE_SUCCESS: "starts when one clone has succeeded",
}
# With these trigger rules, there is never a value to collect.
_VALUELESS = {
    TriggerRule.ALL_FAILED: "starts when all clones have failed",
    TriggerRule.ALL_SKIPPED: "starts when all clones were skipped",
}


class _Dependency(ABC):
    """A stand-in for an upstream task while an operator is created. It notes the operator."""

    roots: tuple[Any, ...] = ()
    leaves: tuple[Any, ...] = ()

    def __init__(self, graph: DagGraph, source: Source) -> None:
        self.graph = graph
        self.source = source

    def __repr__(self) -> str:
        return f"<{self.source}>"

    @abstractmethod
    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Note that the operator ``other`` depends on the source."""


class Usage(_Dependency):
    """The dependency of an operator that uses a key's value.

    Args:
        graph: The graph of the Dag.
        source: Where the value comes from.
        base: The key space that the operator has a key of.
        via: The route from there to the source's space.
    """

    def __init__(self, graph: DagGraph, source: Source, base: Space, via: Route) -> None:
        super().__init__(graph, source)
        self.base = base
        self.via = via

    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Note that the operator ``other`` uses a value of the source."""
        note_reference(self.graph, self.source)
        for route, clone in self.source.routes:
            ways = self.graph.uses.setdefault((other.task_id, clone.task_id), set())
            ways.add(Way(self.base, (*self.via, *route)))


class Collecting(_Dependency):
    """The dependency of an operator that receives a collection.

    Args:
        graph: The graph of the Dag.
        spec: What is collected.
        own: The key space that the operator is cloned for, if any.
    """

    def __init__(self, graph: DagGraph, spec: CollectionSpec, own: Space | None) -> None:
        super().__init__(graph, spec.source)
        self.spec = spec
        self.own = own

    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Note that the operator ``other`` collects the source.

        Raises:
            HandleUsageError: The trigger rule of ``other`` cannot wait for a collection.
        """
        self._refuse_rule(other)
        collector = self.graph.collector_of(other.task_id)
        collector.collected_ids |= self.spec.task_ids
        collector.limits |= self.graph.limits_before(self.source)
        if space_in_common(self.own, self.source.space) is not None:
            self.graph.collects_below.setdefault(other.task_id, []).append(self.spec)
            return
        waits_for_all = self._waits_for_all(other)
        if waits_for_all or not isinstance(self.source, ResultSource):
            task_graph.add_edge(self.graph.task(self.source.space.keys_task_id), other)
        if waits_for_all:
            for task_id in sorted(self.spec.task_ids):
                task_graph.add_edge(self.graph.ensure_done_after(self.graph.task(task_id)), other)
            return
        collector.keys_task_ids.add(self.source.space.keys_task_id)
        if self.spec.task_ids and _leaves_keys_out(self.source):
            task_graph.add_edge(self.graph.ensure_pairs_checked_before(other, self.source), other)
        else:
            self.graph.collects_all |= {(other.task_id, task_id) for task_id in self.spec.task_ids}
            for task_id in sorted(self.spec.task_ids):
                task_graph.add_edge(self.graph.task(task_id), other)
        if self.spec.task_ids and other.trigger_rule == TriggerRule.ALL_SUCCESS:
            # A skipped clone is left out of the collection; under all_success it would skip the collector.
            task_graph.set_trigger_rule(other, TriggerRule.NONE_FAILED)
            collector.is_relaxed = True

    def _waits_for_all(self, other: Any) -> bool:
        """Return whether the collector runs even if clones failed."""
        if self.spec.is_of_all_keys:
            # With any other rule, the author decides when the collector runs.
            is_relaxed = self.graph.collector_of(other.task_id).is_relaxed
            return is_relaxed or other.trigger_rule == TriggerRule.ALL_SUCCESS
        # With a limit to failed keys, it runs to say that the limit was exceeded.
        return self.graph.tolerates_failures(self.spec)

    def _refuse_rule(self, other: Any) -> None:
        refused = _EARLY if self.spec.is_of_all_keys else {**_EARLY, **_VALUELESS}
        if (reason := refused.get(other.trigger_rule)) is not None:
            raise HandleUsageError(
                f"its collection was passed to {other.task_id!r}, whose trigger rule "
                f"{TriggerRule(other.trigger_rule).value!r} {reason}",
                task_id=self.source.task_id,
                output_name=self.source.output,
                remedy="Leave the rule at its default; collect(min_success_ratio=0), states() and outcomes() "
                "wait for all clones, whatever their states.",
            )


def _leaves_keys_out(source: Source) -> TypeGuard[PairSource]:
    """Return whether a source has pairs, and may leave out keys of a side."""
    if not isinstance(source, PairSource):
        return False
    is_partial = source.space.how in ("inner", "product")
    return is_partial or _leaves_keys_out(source.left) or _leaves_keys_out(source.right)


def note_reference(graph: DagGraph, source: Source, *, is_collected: bool = False) -> None:
    """Have the values of a source stored with their keys, because a task will read them by key."""
    if isinstance(source, ResultSource):
        source.clone.stored_outputs.add(source.output)
    elif isinstance(source, PairSource):
        note_reference(graph, source.left, is_collected=is_collected)
        note_reference(graph, source.right, is_collected=is_collected)
    elif is_collected and isinstance(source, ItemSource):
        graph.task(source.task_id).collected_outputs.add(source.output)
