"""What the package knows of one Dag: its key spaces, its cloned tasks, and what depends on what."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import task_graph

if TYPE_CHECKING:
    from airflow.sdk import DAG, TaskGroup

    from airflow_dynamic_provider.authoring.model.notes import Pair, Way
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.collecting import CollectionSpec, CollectorSpec
    from airflow_dynamic_provider.execution.spaces import Space


@dataclass(eq=False)
class KeySpace:
    """A set of keys, and the mapped groups in which tasks are cloned for them.

    Attributes:
        graph: What is known of the Dag.
        spec: The space as a task's process knows it.
        name: What its mapped groups are named after.
        home: The task group that its mapped groups are put into.
        producer: The task whose dynamic output it is; of a joined space, the task that joins the keys.
        segments: The mapped groups, by level; a task of a higher level depends on all keys of a lower.
    """

    graph: DagGraph
    spec: Space
    name: str
    home: TaskGroup
    producer: Any
    segments: dict[int, TaskGroup] = field(default_factory=dict)

    def ensure_expanded_task(self) -> Any:
        """Return the task that returns the list that Airflow expands over."""
        return self.graph.task(self.spec.keys_task_id)

    def encloses(self, other: KeySpace) -> bool:
        """Whether the other space was made in the map over this one."""
        return self.spec in other.spec.spaces_around()


@dataclass(frozen=True)
class ClonedTask:
    """A task that is cloned for the keys of a space.

    Attributes:
        operator: The task.
        space: The key space.
        spec: What it has to know at run time.
        unit: What moves between mapped groups as a whole: the task itself, or a group of the author's.
            Groups are taken apart where that cannot be; their tasks are still of this unit then.
    """

    operator: Any
    space: KeySpace
    spec: CloneSpec
    unit: str


class DagGraph:
    """What is known of one Dag. Pairs are (task, upstream task); both are task ids.

    Attributes:
        clones: Task id -> cloned task.
        units: Unit -> the task or the group that it is, as long as it has not been taken apart.
        uses: Pairs of cloned tasks: the first receives the second's value of a key -> the ways to that key.
        orders: Pairs of cloned tasks that the author ordered without data.
        collects_all: Pairs: the first receives values of all the second's clones.
        collects_below: Task -> what it collects below its own key only.
        own_edges: Pairs whose edge in Airflow the arrangement has set, and the author did not ask for.
        helpers: The tasks that the package added and that run once.
        gates: Cloned task -> the gate before it.
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
        self.gates: dict[str, Any] = {}
        self._collectors: dict[str, CollectorSpec] = {}
        self._done: dict[str, Any] = {}

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

    @property
    def gate_ids(self) -> set[str]:
        """The tasks that are gates."""
        return {gate.task_id for gate in self.gates.values()}

    def task(self, task_id: str) -> Any:
        """Return a task."""
        return task_graph.get_task(self.dag, task_id)

    def collector_of(self, task_id: str) -> CollectorSpec:
        """Return what a task collects, made on the first call."""
        from airflow_dynamic_provider.execution.collecting import CollectorSpec

        return self._collectors.setdefault(task_id, CollectorSpec(task_id))

    def free_id(self, task_id: str) -> str:
        """Return the task id, with a number behind it if it is taken."""
        return task_graph.first_free(task_id, self.dag.task_ids, "_")

    def make_at_root(self, kind: Any, task_id: str, **arguments: Any) -> Any:
        """Return a new task of the package's own, under just this id: a group would put its own before it."""
        return kind(task_id=task_id, dag=self.dag, task_group=self.dag.task_group, **arguments)

    def make_helper(self, kind: Any, task_id: str, home: TaskGroup, *upstream: Any, **arguments: Any) -> Any:
        """Return a new task of the package's own that runs once, in a group, after ``upstream``."""
        helper = self.make_at_root(kind, task_id, **arguments)
        task_graph.move(helper, home)
        return self.add_helper(helper, *upstream)

    def add_helper(self, helper: Any, *upstream: Any) -> Any:
        """Note a task of the package's own that runs once, after ``upstream``, and return it."""
        self.helpers.add(helper.task_id)
        for task in upstream:
            task_graph.add_edge(task, helper)
        return helper

    def ensure_done_after(self, task: Any) -> Any:
        """Return the task that succeeds when all clones of ``task`` are done; make it on the first call."""
        return self._ensure_after_clones(task, "all_done", "done", "Succeeds when all clones of {} are done.")

    def ensure_unfailed_after(self, task: Any) -> Any:
        """Return the task that succeeds when no clone of ``task`` failed; make it on the first call."""
        return self._ensure_after_clones(
            task,
            "none_failed",
            "unfailed",
            "Succeeds when each clone of {} has succeeded or was skipped, also when there are no keys.",
        )

    def _ensure_after_clones(self, task: Any, rule: str, suffix: str, doc: str) -> Any:
        from airflow_dynamic_provider.execution.helpers import DoneOperator

        task_id = f"{task.task_id}__{suffix}"
        if task_id not in self._done:
            self._done[task_id] = self.make_helper(
                DoneOperator,
                self.free_id(task_id),
                self.clones[task.task_id].space.home,
                task,
                rule=rule,
                doc_md=f"{doc.format(f'`{task.task_id}`')} The scheduler ends it without running it.",
            )
        return self._done[task_id]
