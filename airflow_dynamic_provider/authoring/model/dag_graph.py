"""The package's own data about one Dag: its key spaces, its cloned tasks, and their dependencies."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.execution.clones import CollectorSpec
from airflow_dynamic_provider.execution.sources import state_task_ids

if TYPE_CHECKING:
    from airflow.sdk import DAG, TaskGroup

    from airflow_dynamic_provider.authoring.model.notes import Pair, Way
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.limits import Limit
    from airflow_dynamic_provider.execution.sources import CollectionSpec, PairSource, Source
    from airflow_dynamic_provider.execution.spaces import Cut, Space


class KeySpace(Record, frozen=False, eq=False):
    """A set of keys, and the mapped groups in which tasks are cloned for them.

    Attributes:
        graph: The graph of the Dag.
        spec: The space in the form that a task's process uses.
        name: The name from which the names of its mapped groups are made.
        home: The task group that its mapped groups are put into.
        producer: The task that has the dynamic output; for a joined space, the task that joins the keys.
        segments: (cut, level) -> mapped group. The cut is ``None`` if each key has its own task instance. A
            task on a higher level depends on all keys of a lower level.
        cuts: (size, bytes, source) -> the division of the keys into batches.
    """

    graph: DagGraph
    spec: Space
    name: str
    home: TaskGroup
    producer: Any
    segments: dict[tuple[Cut | None, int], TaskGroup] = field(default_factory=dict)
    cuts: dict[tuple[Any, ...], Cut] = field(default_factory=dict)

    def ensure_expanded_task(self) -> Any:
        """Return the task whose return value Airflow expands over."""
        task = self.graph.task(self.spec.keys_task_id)
        task.is_expanded = True
        return task

    def note_single_readers(self) -> None:
        """Have each key stored so that a task instance which needs one of them reads few others with it."""

    def encloses(self, other: KeySpace) -> bool:
        """Return whether the other space was made in a map over this one."""
        return self.spec in other.spec.spaces_around()


class ClonedTask(Record):
    """A task that is cloned for the keys of a space.

    Attributes:
        operator: The task.
        space: The key space.
        spec: The facts that it needs at run time.
        unit: The id of what moves between mapped groups as a whole: the task, or one of the author's groups.
            If a group has to be taken apart, its tasks keep this unit.
    """

    operator: Any
    space: KeySpace
    spec: CloneSpec
    unit: str

    @property
    def cut(self) -> Cut | None:
        """The division of its keys into batches; ``None`` if each key has a task instance of its own."""
        return None if self.spec.batches is None else self.spec.batches.cut

    def ensure_expanded_task(self) -> Any:
        """Return the task whose return value Airflow expands over."""
        if self.cut is not None:
            return self.space.graph.task(self.cut.task_id)
        return self.space.ensure_expanded_task()


class DagGraph:
    """The graph of one Dag. Pairs are (task, upstream task); both are task ids.

    Attributes:
        clones: Task id -> cloned task.
        units: Unit -> its task or group, unless the group has been taken apart.
        uses: Pair of cloned tasks -> the ways to the keys whose values the first receives from the second.
        orders: Pairs of cloned tasks that the author ordered without data.
        collects_all: Pairs: the first receives values of all clones of the second.
        collects_below: Task -> its collections of values below its own key.
        own_edges: Pairs whose edge in Airflow was set by the arrangement, and not by the author.
        helpers: The tasks that the package added and that run once.
        called_once: The tasks that a mapped function called with `once`.
        gates: Cloned task -> the gate before it.
        limits: The limit to failed keys of each map that has one -> the tasks of the map.
    """

    def __init__(self, dag: DAG) -> None:
        self._dag = weakref.ref(dag)
        self.clones: dict[str, ClonedTask] = {}
        self.units: dict[str, Any] = {}
        self.uses: dict[Pair, set[Way]] = {}
        self.orders: set[Pair] = set()
        self.collects_all: set[Pair] = set()
        self.collects_below: dict[str, list[CollectionSpec]] = {}
        self.own_edges: set[Pair] = set()
        self.helpers: set[str] = set()
        self.called_once: set[str] = set()
        self.gates: dict[str, Any] = {}
        self.limits: dict[Limit, list[CloneSpec]] = {}
        self._collectors: dict[str, CollectorSpec] = {}
        self._after_clones: dict[str, Any] = {}
        self._checks_of_pairs: dict[tuple[str, PairSource], Any] = {}

    @property
    def dag(self) -> DAG:
        """The Dag."""
        dag = self._dag()
        if dag is None:
            raise ReferenceError("the Dag of this handle no longer exists")
        return dag

    def is_of(self, dag: DAG) -> bool:
        """Return whether this is the graph of ``dag``, and not of a Dag that no longer exists."""
        return self._dag() is dag

    @property
    def gate_ids(self) -> set[str]:
        """The ids of the tasks that are gates."""
        return {gate.task_id for gate in self.gates.values()}

    def task(self, task_id: str) -> Any:
        """Return the task with an id."""
        return task_graph.get_task(self.dag, task_id)

    def collector_of(self, task_id: str) -> CollectorSpec:
        """Return the data about what a task collects; create it on the first call."""
        return self._collectors.setdefault(task_id, CollectorSpec(task_id))

    def collects(self, task_id: str) -> bool:
        """Return whether a task receives a collection, or gathered outputs."""
        return task_id in self._collectors

    def free_id(self, task_id: str) -> str:
        """Return the task id, with a number appended if it is taken."""
        return task_graph.first_free(task_id, self.dag.task_ids, "_")

    def limits_before(self, source: Source) -> dict[Limit, list[CloneSpec]]:
        """Return the limits to failed keys for which values of a source may be missing."""
        if not self.limits:
            return {}
        upstream: dict[str, set[str]] = {}
        for task_id, other in (*self.uses, *self.orders):
            upstream.setdefault(task_id, set()).add(other)
        found: set[str] = set()
        todo = state_task_ids(source)
        while todo:
            found |= todo
            todo = {other for task_id in todo for other in upstream.get(task_id, ())} - found
        return {limit: tasks for limit, tasks in self.limits.items() if not found.isdisjoint(limit.task_ids)}

    def tolerates_failures(self, spec: CollectionSpec) -> bool:
        """Return whether a collection of values may lack keys that failed, or that a limit stopped."""
        return spec.min_success_ratio < 1 or bool(self.limits_before(spec.source))

    def make_at_root(self, kind: Any, task_id: str, **arguments: Any) -> Any:
        """Return a new task of the package in the root group, because other groups may prefix its id."""
        return kind(task_id=task_id, dag=self.dag, task_group=self.dag.task_group, **arguments)

    def make_helper(self, kind: Any, task_id: str, home: TaskGroup, *upstream: Any, **arguments: Any) -> Any:
        """Return a new task of the package that runs once, in a group, after ``upstream``."""
        helper = self.make_at_root(kind, task_id, **arguments)
        task_graph.move(helper, home)
        return self.add_helper(helper, *upstream)

    def add_helper(self, helper: Any, *upstream: Any) -> Any:
        """Register a task of the package that runs once, after ``upstream``, and return it."""
        self.helpers.add(helper.task_id)
        for task in upstream:
            task_graph.add_edge(task, helper)
        return helper

    def ensure_done_after(self, task: Any) -> Any:
        """Return the task that succeeds when all clones of ``task`` are done; create it on the first call."""
        return self._ensure_done(
            task, "all_done", "done", "all keys done", "Succeeds when all clones of {} are done."
        )

    def ensure_unfailed_after(self, task: Any) -> Any:
        """Return the task that succeeds if no clone of ``task`` failed; create it on the first call."""
        return self._ensure_done(
            task,
            "none_failed",
            "unfailed",
            "no key failed",
            "Succeeds when each clone of {} has succeeded or was skipped, or if there are no keys.",
        )

    def ensure_check_after(self, task: Any) -> Any:
        """Return the task that fails if a key of a batched task was stopped; create it on the first call."""
        # Imported here, because few batches need it.
        from airflow_dynamic_provider.execution.batches.checking import StoppedKeysOperator

        doc = "Fails if a key of {} could not start, although its batch succeeded."
        clone = self.clones[task.task_id].spec
        return self._ensure_after(task, StoppedKeysOperator, "check", "no key was stopped", doc, clone=clone)

    def ensure_pairs_checked_before(self, task: Any, source: PairSource) -> Any:
        """Return the task that fails if a key of a join failed, which ``task`` collects; create it once."""
        if (task.task_id, source) not in self._checks_of_pairs:
            # Imported here, because few tasks collect a join that was not mapped.
            from airflow_dynamic_provider.execution.pair_checking import FailedPairsOperator

            sides = [self.ensure_done_after(self.task(each)) for each in sorted(state_task_ids(source))]
            keys = self.task(source.space.keys_task_id)
            self._checks_of_pairs[task.task_id, source] = self.make_helper(
                FailedPairsOperator,
                self.free_id(f"{task.task_id}__check"),
                keys.task_group,
                keys,
                *sides,
                task_display_name=f"{task.task_id}: no pair failed",
                doc_md=f"Fails if a key of the join failed that `{task.task_id}` collects.",
                source=source,
            )
        return self._checks_of_pairs[task.task_id, source]

    def _ensure_done(self, task: Any, rule: str, suffix: str, name: str, doc: str) -> Any:
        from airflow_dynamic_provider.execution.helpers import DoneOperator

        doc = f"{doc} The scheduler ends it without running it."
        return self._ensure_after(task, DoneOperator, suffix, name, doc, rule=rule)

    def _ensure_after(self, task: Any, kind: Any, suffix: str, name: str, doc: str, **arguments: Any) -> Any:
        """Return the helper with a suffix after the clones of a task; create it on the first call."""
        task_id = f"{task.task_id}__{suffix}"
        if task_id not in self._after_clones:
            self._after_clones[task_id] = self.make_helper(
                kind,
                self.free_id(task_id),
                self.clones[task.task_id].space.home,
                task,
                task_display_name=f"{task.task_id}: {name}",
                doc_md=doc.format(f"`{task.task_id}`"),
                **arguments,
            )
        return self._after_clones[task_id]
