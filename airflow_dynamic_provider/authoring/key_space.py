"""The set of keys of one dynamic output, and everything in the Dag file that refers to it."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.authoring import airflow_graph
from airflow_dynamic_provider.authoring.handles import Collection, Handle
from airflow_dynamic_provider.definitions.declarations import DynamicOut
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.execution.layout import RETURN_VALUE, keys_xcom

if TYPE_CHECKING:
    from airflow.sdk import DAG, TaskGroup

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.collecting import CollectionSpec, CollectorSpec


@dataclass(frozen=True)
class ProducedSource:
    """A key's value is what the producing task produced for it."""

    task_id: str
    output: str

    def resolve(self, context: MutableMapping[str, Any], spec: CloneSpec, path: tuple[Any, ...]) -> Any:
        """Return the value for the running clone's key."""
        from airflow_dynamic_provider.execution.references import resolve_item

        return resolve_item(context, spec, path)

    def __str__(self) -> str:
        return f"{self.task_id}.{self.output}"


@dataclass(frozen=True)
class CloneSource:
    """A key's value is what that key's clone of a task produced."""

    task_id: str
    output: str

    def resolve(self, context: MutableMapping[str, Any], spec: CloneSpec, path: tuple[Any, ...]) -> Any:
        """Return the value for the running clone's key."""
        from airflow_dynamic_provider.execution.references import resolve_upstream

        return resolve_upstream(context, spec, self.task_id, self.output, path)

    def __str__(self) -> str:
        return f"{self.task_id}.{self.output}"


Source = ProducedSource | CloneSource


def source_of(operator: Any, xcom_key: str) -> tuple[CloneSource, tuple[Any, ...]]:
    """Return what a reference to a cloned task's XCom means: the output, and what is selected from it."""
    if xcom_key == RETURN_VALUE:
        declared = getattr(operator, "declarations", None)
        return CloneSource(operator.task_id, next(iter(declared)) if declared else DEFAULT_OUTPUT), ()
    if getattr(operator, "multiple_outputs", False):
        # The return value is a dict, and Airflow stores each of its items under a key of its own as well.
        return CloneSource(operator.task_id, DEFAULT_OUTPUT), (xcom_key,)
    return CloneSource(operator.task_id, xcom_key), ()


class DagGraph:
    """What the package knows of one Dag: its key spaces and its collectors."""

    def __init__(self, dag: DAG) -> None:
        self._dag = weakref.ref(dag)
        self.spaces: list[KeySpace] = []
        self._collectors: dict[str, CollectorSpec] = {}

    @property
    def dag(self) -> DAG:
        """The Dag."""
        dag = self._dag()
        if dag is None:
            raise ReferenceError("the Dag of this handle is gone")
        return dag

    def is_of(self, dag: DAG) -> bool:
        """Whether this is about ``dag``, and not about one that is gone."""
        return self._dag() is dag

    def collector_of(self, task_id: str) -> CollectorSpec:
        """Return what a task collects, made on the first call."""
        from airflow_dynamic_provider.execution.collecting import CollectorSpec

        return self._collectors.setdefault(task_id, CollectorSpec(task_id))

    def arrange(self) -> None:
        """Bring the mapped groups in line with the dependencies that the Dag has now."""
        from airflow_dynamic_provider.authoring.segments import arrange

        arrange(self)


# By identity, for a Dag's own equality and hash change while it is written. Weak, for what is known of a Dag
# lives as long as the operators that hold references of it, and no longer than the Dag.
_GRAPHS: weakref.WeakValueDictionary[int, DagGraph] = weakref.WeakValueDictionary()


def graph_of(dag: DAG) -> DagGraph:
    """Return what is known of a Dag, made on the first call."""
    known = _GRAPHS.get(id(dag))
    if known is None or not known.is_of(dag):
        known = _GRAPHS[id(dag)] = DagGraph(dag)
    return known


@dataclass(eq=False)
class KeySpace:
    """The keys of one dynamic output of one task, and the tasks that are cloned per key.

    Attributes:
        graph: What is known of the Dag.
        producer: The task that produces the output.
        output: The output's name.
        specs: Cloned task -> what it has to know at run time.
        units: What moves between mapped groups as a whole: a cloned task, or a group of the author's.
        unit_of: Cloned task -> its unit.
        uses: (task, upstream task) pairs, both cloned: the first receives the second's value of its key.
        collects: (task, upstream task) pairs, both cloned: the first receives all the second's values.
        arranged: (task, upstream task) pairs, both cloned, with an edge that the author did not ask for.
        segments: The mapped groups, by level; a task of a higher level depends on a collection of a lower.
    """

    graph: DagGraph
    producer: Any
    output: str
    specs: dict[str, CloneSpec] = field(default_factory=dict)
    units: dict[str, list[Any]] = field(default_factory=dict)
    unit_of: dict[str, str] = field(default_factory=dict)
    uses: set[tuple[str, str]] = field(default_factory=set)
    collects: set[tuple[str, str]] = field(default_factory=set)
    arranged: set[tuple[str, str]] = field(default_factory=set)
    segments: dict[Any, TaskGroup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph.spaces.append(self)

    @property
    def handle(self) -> Handle:
        """The dynamic output itself."""
        return Handle(self, ProducedSource(self.producer.task_id, self.output))

    @property
    def declaration(self) -> DynamicOut:
        """The output's declaration."""
        declaration: DynamicOut = self.producer.declarations[self.output]
        return declaration

    @property
    def is_only_output(self) -> bool:
        """Whether the producing task has no other dynamic output."""
        declared = self.producer.declarations.values()
        return sum(isinstance(out, DynamicOut) for out in declared) == 1

    @property
    def expanded_task(self) -> Any:
        """The task that returns the list of keys that Airflow expands over, made on the first call."""
        if self.is_only_output:
            self.producer.mapped_outputs[self.output] = self.producer.task_id
            return self.producer
        if self.output not in self.producer.mapped_outputs:
            self._make_keys_task()
        return airflow_graph.get_task(self.graph.dag, self.producer.mapped_outputs[self.output])

    def _make_keys_task(self) -> None:
        from airflow_dynamic_provider.execution.helpers import KeysOperator

        keys = KeysOperator(
            task_id=f"{self.producer.label}__{self.output}",
            producer_id=self.producer.task_id,
            dynamic_output=self.output,
            doc_md=f"Holds the keys of `{self.producer.task_id}.{self.output}`. "
            "The scheduler ends it without running it.",
            dag=self.graph.dag,
            task_group=airflow_graph.group_of(self.producer),
        )
        airflow_graph.add_edge(self.producer, keys)
        self.producer.mapped_outputs[self.output] = keys.task_id

    def spec_of(self, task_id: str) -> CloneSpec:
        """Return what a cloned task has to know at run time."""
        return self.specs[task_id]

    def refer_to(self, source: Source) -> None:
        """Have the values of a source stored with their keys, since something will read them by key."""
        if isinstance(source, CloneSource):
            self.specs[source.task_id].stored_outputs.add(source.output)

    def usage_of(self, source: Source) -> _Dependency:
        """Return what Airflow shall take for the upstream task of an operator that uses a key's value."""
        self.refer_to(source)
        return _Usage(self, source)

    def collecting_of(self, source: Source) -> _Dependency:
        """Return what Airflow shall take for the upstream task of an operator that collects."""
        return _Collecting(self, source)

    def collection(self, source: Source, path: tuple[Any, ...], *, keyed: bool) -> Collection:
        """Return a reference to all keys' values."""
        if isinstance(source, ProducedSource):
            self.producer.collected_outputs.add(self.output)
        self.refer_to(source)
        return Collection(self, source, path, keyed)

    def collection_spec(self, source: Source, path: tuple[Any, ...], keyed: bool) -> CollectionSpec:
        """Return what a collector has to know at run time."""
        from airflow_dynamic_provider.execution.collecting import CollectionSpec

        return CollectionSpec(
            producer_id=self.producer.task_id,
            producer_output=self.output,
            keys_xcom=keys_xcom(self.output, is_only=self.is_only_output),
            is_required=self.declaration.is_required,
            task_id=source.task_id if isinstance(source, CloneSource) else None,
            output=source.output,
            path=path,
            keyed=keyed,
        )

    def task_of(self, source: Source) -> Any:
        """Return the task that a source's values come from."""
        return airflow_graph.get_task(self.graph.dag, source.task_id)

    def order(self, source: Source, other: Any, *, upstream: bool, edge_modifier: Any = None) -> None:
        """Run the tasks of ``other`` before (``upstream``) or after the source's task."""
        for each in other if isinstance(other, Sequence) else [other]:
            task = self.task_of(source)
            peer = each.space.task_of(each.source) if isinstance(each, Handle) else each
            if isinstance(each, Handle):
                self.arranged -= {(task.task_id, peer.task_id), (peer.task_id, task.task_id)}
            if upstream:
                task.set_upstream(peer, edge_modifier)
            else:
                task.set_downstream(peer, edge_modifier)
        self.graph.arrange()


class _Dependency(ABC):
    """Stands for an upstream task while an operator is made, and notes which operator that is.

    Airflow asks each argument for its upstream tasks and then offers every upstream the chance to note the
    new relation. Edges to clones are set when the mapped groups are arranged, so this offers none.
    """

    roots: tuple[Any, ...] = ()
    leaves: tuple[Any, ...] = ()

    def __init__(self, space: KeySpace, source: Source) -> None:
        self.space = space
        self.source = source

    def __repr__(self) -> str:
        return f"<{self.source}>"

    @abstractmethod
    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Note that the operator ``other`` depends on the source."""


class _Usage(_Dependency):
    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        if isinstance(self.source, CloneSource):
            self.space.uses.add((other.task_id, self.source.task_id))


class _Collecting(_Dependency):
    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        source = self.space.task_of(self.source)
        collector = self.space.graph.collector_of(other.task_id)
        airflow_graph.add_edge(source, other)
        if isinstance(self.source, ProducedSource):
            return
        collector.collected_ids.add(self.source.task_id)
        self.space.collects.add((other.task_id, self.source.task_id))
        if other.trigger_rule == TriggerRule.ALL_SUCCESS:
            # A skipped clone is left out of the collection; under all_success it would skip the collector.
            airflow_graph.set_trigger_rule(other, TriggerRule.NONE_FAILED)
            collector.is_relaxed = True
