"""The structure of a Dag, as its tasks declare it: key spaces, the tasks cloned for each, and workflows.

It is read from the stored Dag, once for each version.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.execution.clones import CloneSpec
from airflow_dynamic_provider.execution.documents import BatchesOfTask, TaskDocument, read_documents, space_id
from airflow_dynamic_provider.execution.layout import keys_xcom
from airflow_dynamic_provider.execution.spaces import JoinedSpace, ProducedSpace, Space, name_of
from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec, find_workflows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy.orm import Session

    from airflow_dynamic_provider.airflow_adapter.models import DagRun

# The number of Dag versions that are kept. They are small, because they do not hold the Dags themselves.
_KEPT = 128


@dataclass(frozen=True)
class Column:
    """A task that is cloned for the keys of a space, and its label in the matrix."""

    task_id: str
    label: str


@dataclass(frozen=True)
class SpaceInfo:
    """A key space of a Dag.

    Attributes:
        of: Its name in pages and commands.
        space: The space itself.
        description: The author's description of the dynamic output.
        columns: The author's tasks that are cloned for its keys, in the order in which they run.
        helpers: The tasks of the package that are cloned for its keys, without those of batches.
        clones: Task id -> specification of its clones, without batches.
        batched: Task id -> its batches, for the author's tasks that run its keys in batches, and the gates
            of batches. The map index of their task instances is not the position of a key.
        cached: The tasks that keep the results of its keys over runs, without batches.
    """

    of: str
    space: Space
    description: str | None
    columns: tuple[Column, ...]
    helpers: tuple[str, ...]
    clones: Mapping[str, CloneSpec]
    batched: Mapping[str, BatchesOfTask] = field(default_factory=dict)
    cached: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Its name as it is shown."""
        return name_of(self.space)

    @property
    def kind(self) -> str:
        """``produced``, ``nested`` or ``joined``."""
        return type(self.space).__name__.removesuffix("Space").lower()

    @property
    def producer_id(self) -> str | None:
        """The task that produces the dynamic output; ``None`` for a joined space."""
        return None if isinstance(self.space, JoinedSpace) else str(getattr(self.space, "producer_id", ""))

    @property
    def lister_id(self) -> str:
        """The task to clear, with everything that depends on it, if clones ran for keys that are gone."""
        return self.space.producer_id if isinstance(self.space, ProducedSpace) else self.space.keys_task_id

    @property
    def output(self) -> str | None:
        """The dynamic output; ``None`` for a joined space."""
        return None if isinstance(self.space, JoinedSpace) else str(getattr(self.space, "output", ""))

    @property
    def task_ids(self) -> list[str]:
        """The author's tasks that are cloned for its keys."""
        return [column.task_id for column in self.columns]

    @property
    def gates(self) -> list[str]:
        """The gates of its batches."""
        return sorted(task_id for task_id in self.batched if task_id not in self.task_ids)

    def split(self, task_ids: Iterable[str]) -> tuple[list[str], list[str]]:
        """Return those of some tasks that have a task instance for each key, and those that run batches."""
        task_ids = list(task_ids)
        return (
            [task_id for task_id in task_ids if task_id not in self.batched],
            [task_id for task_id in task_ids if task_id in self.batched],
        )


@dataclass(frozen=True)
class Structure:
    """The key spaces, workflows and dependencies of a Dag.

    Attributes:
        dag_id: The Dag.
        documents: Task id -> the document that the task carries, for tasks that carry one.
        spaces: Name -> key space.
        workflows: Task group -> workflow.
        upstream: Task id -> its direct upstream tasks.
        order: All tasks in topological order.
        setups: Task id -> its setup and teardown tasks, for tasks that have any.
    """

    dag_id: str
    documents: Mapping[str, TaskDocument]
    spaces: Mapping[str, SpaceInfo]
    workflows: Mapping[str, WorkflowSpec]
    upstream: Mapping[str, frozenset[str]]
    order: tuple[str, ...]
    setups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def document(self, task_id: str) -> TaskDocument:
        """Return the document of a task; an empty one if it is an ordinary task."""
        return self.documents.get(task_id, TaskDocument())

    def space_of(self, task_id: str) -> SpaceInfo | None:
        """Return the key space that a task is cloned for; ``None`` if it is not cloned."""
        space = self.document(task_id).clone_of
        return None if space is None else self.info_of(space)

    def info_of(self, space: Space) -> SpaceInfo:
        """Return the description of a key space."""
        return self.spaces[space_id(space)]

    def is_before(self, task_id: str, other: str) -> bool:
        """Return whether `other` depends on `task_id`, directly or not."""
        todo, seen = [other], frozenset[str]()
        while todo:
            found = self.upstream[todo.pop()] - seen
            seen |= found
            todo += found
        return task_id in seen


def structure_of(dag_id: str, tasks: Iterable[Any]) -> Structure:
    """Return the structure that a Dag's tasks declare."""
    by_id = {task.task_id: task for task in tasks}
    upstream = {task_id: frozenset(task.upstream_task_ids) & by_id.keys() for task_id, task in by_id.items()}
    order = tuple(TopologicalSorter({each: sorted(upstream[each]) for each in by_id}).static_order())
    documents = read_documents(by_id[task_id] for task_id in order)
    labels = {task_id: str(getattr(task, "label", task_id)) for task_id, task in by_id.items()}
    spaces = _spaces(documents)
    infos = {of: _info(of, space, documents, labels, upstream) for of, space in spaces.items()}
    setups = {
        task_id: frozenset(each.task_id for each in task.get_upstreams_only_setups_and_teardowns())
        for task_id, task in by_id.items()
    }
    setups = {task_id: found for task_id, found in setups.items() if found}
    return Structure(dag_id, documents, infos, find_workflows(by_id.values()), upstream, order, setups)


def structure_of_run(session: Session, dag_run: DagRun) -> Structure | None:
    """Return the structure of a run's Dag at the time of the run; ``None`` if Airflow has not kept it."""
    if dag_run.bundle_version and dag_run.created_dag_version_id:
        return _of_version(session, dag_run.dag_id, dag_run.created_dag_version_id)
    # Without versions of the Dag's files, Airflow uses the newest.
    return newest_structure(session, dag_run.dag_id)


def newest_structure(session: Session, dag_id: str) -> Structure | None:
    """Return the structure of the newest version of a Dag; ``None`` if Airflow has not kept it."""
    from airflow_dynamic_provider.airflow_adapter.models import DagVersion

    version = DagVersion.get_latest_version(dag_id, session=session)
    return None if version is None else _of_version(session, dag_id, version.id)


def _of_version(session: Session, dag_id: str, version_id: Any) -> Structure | None:
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import SerializedDagModel

    one = select(SerializedDagModel.dag_hash).where(SerializedDagModel.dag_version_id == version_id)
    # Airflow may overwrite a version that has not run yet. It then has another hash.
    dag_hash = session.scalar(one)
    return None if dag_hash is None else _load(dag_id, version_id, dag_hash)


@functools.lru_cache(maxsize=_KEPT)
def _load(dag_id: str, version_id: Any, dag_hash: str) -> Structure:  # noqa: ARG001
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import SerializedDagModel, create_session

    # A separate session, because the result outlives the session of a request.
    with create_session() as session:
        found = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version_id)
        stored = session.scalars(found).one()
        stored.load_op_links = False
        return structure_of(dag_id, stored.dag.task_dict.values())


def _spaces(documents: Mapping[str, TaskDocument]) -> dict[str, Space]:
    """Return name -> key space, in the order of the tasks that list the keys."""
    found: dict[str, Space] = {}
    todo = [space for each in documents.values() for space in (each.lists, each.clone_of) if space]
    while todo:
        space = todo.pop()
        found[space_id(space)] = space
        todo += [*space.links, *space.spaces_around()]
    for task_id, document in documents.items():
        if document.clone_of is None:
            for space in _produced(task_id, document):
                # If nothing is mapped over it, no other task names it.
                found.setdefault(space_id(space), space)
    places = {task_id: place for place, task_id in enumerate(documents)}
    return dict(sorted(found.items(), key=lambda each: places.get(each[1].keys_task_id, len(places))))


def _produced(task_id: str, document: TaskDocument) -> Iterator[Space]:
    dynamic = [output for output in document.outputs if output.is_dynamic]
    for output in dynamic:
        yield ProducedSpace(
            keys_task_id=task_id,
            keys_xcom=keys_xcom(output.name, is_only=len(dynamic) == 1),
            enclosing=None,
            producer_id=task_id,
            output=output.name,
            is_required=output.is_required,
        )


def _info(
    of: str,
    space: Space,
    documents: Mapping[str, TaskDocument],
    labels: Mapping[str, str],
    upstream: Mapping[str, frozenset[str]],
) -> SpaceInfo:
    of_space = {
        task_id: document
        for task_id, document in documents.items()
        if document.clone_of is not None and space_id(document.clone_of) == of
    }
    batched = {task_id: each.batches for task_id, each in of_space.items() if each.batches is not None}
    clones = {task_id: document for task_id, document in of_space.items() if task_id not in batched}
    own = [task_id for task_id, document in of_space.items() if not document.is_helper]
    often = Counter(labels[task_id] for task_id in own)
    columns = tuple(Column(each, labels[each] if often[labels[each]] == 1 else each) for each in own)
    helpers = tuple(task_id for task_id, document in clones.items() if document.is_helper)
    producer = documents.get(getattr(space, "producer_id", ""), TaskDocument())
    described = {output.name: output.description for output in producer.outputs}
    description = described.get(getattr(space, "output", ""))
    cached = frozenset(task_id for task_id, document in clones.items() if document.is_cached)
    by_key = {task_id: upstream[task_id] - batched.keys() for task_id in clones}
    return SpaceInfo(
        of, space, description, columns, helpers, _clones(space, clones, by_key), batched, cached
    )


def _clones(
    space: Space, documents: Mapping[str, TaskDocument], upstream: Mapping[str, frozenset[str]]
) -> dict[str, CloneSpec]:
    """Return task id -> specification of its clones, in topological order."""
    specs: dict[str, CloneSpec] = {}
    for task_id, document in documents.items():
        same_key = set(document.same_key) & documents.keys()
        specs[task_id] = CloneSpec(
            task_id,
            space,
            needs_success=document.needs_success,
            same_key=[specs[each] for each in sorted(same_key)],
            other_upstream=sorted(upstream[task_id] - same_key),
        )
    return specs
