"""What the routes answer: the shapes of their JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

KeyPath = list[str]
State = str | None
Counts = dict[str, int]


class Column(BaseModel):
    """A task that is cloned for the keys of a space."""

    task_id: str
    label: str = Field(description="What it is called beside the others")


class Space(BaseModel):
    """A set of keys: of a dynamic output, of one inside a map, or of two that are joined."""

    of: str = Field(description="Its name, as other routes and the command line take it")
    name: str = Field(description="How it is shown")
    kind: Literal["produced", "nested", "joined"]
    depth: int = Field(description="How many keys a key path has")
    producer: str | None = Field(description="The producing task; null for a joined one")
    output: str | None = Field(description="The dynamic output; null for a joined one")
    description: str | None = Field(description="What the author says of the output")
    lister: str = Field(description="The task to clear where clones ran for other keys than there are")
    columns: list[Column] = Field(description="The tasks that are cloned for the keys, in their order")


class WorkflowInfo(BaseModel):
    """A workflow of a Dag."""

    name: str = Field(description="Its task group")
    is_mapped: bool = Field(description="Whether there is a graph for each key of a map")


class DagOutputs(BaseModel):
    """What a Dag declares."""

    spaces: list[Space]
    workflows: list[WorkflowInfo]


class Run(BaseModel):
    """A Dag run."""

    dag_id: str
    run_id: str
    state: State
    logical_date: datetime | None
    start_date: datetime | None
    end_date: datetime | None


class RunSpace(Space):
    """A key space in one run."""

    keys: int | None = Field(description="How many keys; null while they are not known")
    counts: Counts = Field(description="State -> how many keys; `none` for those without a state yet")
    has_stale: bool = Field(description="Whether a clone ran for another key than is at its position now")
    producer_state: State = Field(description="The state of the task that lists the keys")
    message: str | None = Field(description="Why there are no keys, if there are none")


class RunWorkflow(WorkflowInfo):
    """A workflow in one run."""

    nodes: int | None = Field(description="How many nodes; null while they are not known")
    counts: Counts = Field(description="State -> how many nodes")
    state: State = Field(description="The state of the task that returns its outputs")
    message: str | None = Field(description="Why there are no nodes, if there are none")


class RunOutputs(BaseModel):
    """What there is in one run."""

    run: Run
    spaces: list[RunSpace]
    workflows: list[RunWorkflow]


class TaskInstance(BaseModel):
    """A task instance."""

    task_id: str
    map_index: int = Field(description="-1 if the task is not mapped")
    state: State
    try_number: int
    duration: float | None = Field(description="In seconds")
    start_date: datetime | None
    end_date: datetime | None


class Cell(TaskInstance):
    """What became of a key in a task."""

    is_stale: bool = Field(description="Whether it ran for another key, before the keys were listed again")


class Row(BaseModel):
    """A key, or the keys below one."""

    key_path: KeyPath
    key: str = Field(description="The key path as one text")
    state: State = Field(description="The state that matters most")
    duration: float | None = Field(description="The seconds in sum")
    position: int | None = Field(description="The map index of its clones; null for keys below one")
    children: int | None = Field(description="How many keys there are below; null for a key")
    counts: Counts = Field(description="State -> how many of those below")
    cells: dict[str, Cell | None] = Field(description="Task -> what became of the key; null: not made yet")


class KeysPage(BaseModel):
    """A page of the matrix."""

    of: str
    columns: list[Column]
    total: int = Field(description="How many rows there are on all pages")
    offset: int
    limit: int
    counts: Counts = Field(description="State -> how many keys match the search, whatever the filter")
    is_running: bool = Field(description="Whether the run has not ended")
    rows: list[Row]


class Node(BaseModel):
    """A node of a workflow."""

    name: str
    kind: str = Field(description="The task that the body called")
    task_id: str | None = Field(description="The mapped task whose clone it is; null before it is listed")
    map_index: int | None
    state: State
    try_number: int
    duration: float | None
    start_date: datetime | None
    end_date: datetime | None
    reason: str | None = Field(description="Why it was not run, if it was not")


class WorkflowGraph(BaseModel):
    """The graph of a workflow, or of one of its keys."""

    name: str
    keys: list[KeyPath] = Field(description="The keys that have graphs of their own, in a map")
    key_path: KeyPath
    state: State
    message: str | None
    is_running: bool
    nodes: list[Node]
    edges: list[tuple[str, str]] = Field(description="Node -> a node that waits for it")
    counts: Counts


class Meta(BaseModel):
    """One metadata value."""

    label: str
    kind: str
    value: Any = Field(description="As it is stored; the beginning of its text, if it was cut")
    html: str | None = Field(description="Markdown as safe HTML")
    is_cut: bool = Field(description="Whether it is longer than what is here")


class DeclaredOutput(BaseModel):
    """An output of a task, with what this run attached to it."""

    name: str
    is_dynamic: bool
    type: str = Field(description="The declared type; empty if the output is not declared")
    description: str | None
    is_required: bool
    keys: int | None = Field(description="How many keys it has, if it is dynamic and they are known")
    metadata: list[Meta]


class Origin(BaseModel):
    """Where a key comes from."""

    task_id: str
    map_index: int
    output: str
    description: str | None


class Relative(TaskInstance):
    """Another task instance of the same key."""

    relation: Literal["upstream", "downstream", "same key", "producer"]


class NodeName(BaseModel):
    """The node of a workflow that a task instance is."""

    workflow: str
    name: str


class InstanceDetails(TaskInstance):
    """A task instance: its key, what it attached, and its relatives."""

    is_stale: bool = Field(description="Whether it ran for another key than is at its position now")
    key_path: KeyPath | None
    key: str | None
    space: Space | None
    origin: Origin | None
    outputs: list[DeclaredOutput]
    inherited: list[Meta] = Field(description="The metadata of the key's dynamic output")
    same_key: list[Relative]
    node: NodeName | None


class KeyMetadata(BaseModel):
    """The metadata of a produced key."""

    key_path: KeyPath
    key: str
    metadata: list[Meta]


class KeyMetadataPage(BaseModel):
    """Some keys with their metadata."""

    total: int
    rows: list[KeyMetadata]


class PastState(BaseModel):
    """What became of a key in one run."""

    state: State
    task_id: str
    map_index: int


class PastKey(BaseModel):
    """A key over the last runs."""

    key_path: KeyPath
    key: str
    states: list[PastState | None] = Field(description="By run; null where the run has no such key")


class HistoryPage(BaseModel):
    """Some keys over the last runs."""

    runs: list[Run] = Field(description="The oldest first")
    total: int
    rows: list[PastKey]
    message: str | None = Field(description="What is left out, if something is")


class Series(BaseModel):
    """One line of a plot."""

    name: str
    values: list[float | None] = Field(description="By run")


class Numbers(BaseModel):
    """A numeric metadatum over the last runs."""

    label: str
    task_id: str
    output: str
    series: list[Series]


class NumbersPage(BaseModel):
    """All numeric metadata of some keys over the last runs."""

    runs: list[Run] = Field(description="The oldest first")
    labels: list[Numbers]
    message: str | None = Field(description="What is left out, if something is")


class ClearingRequest(BaseModel):
    """What is to be cleared: keys of a space, or nodes of a workflow."""

    of: str | None = None
    keys: list[KeyPath] = Field(default_factory=list, description="All keys, if there are none")
    lister: bool = Field(default=False, description="The task that lists the keys, with what depends on it")
    workflow: str | None = None
    nodes: list[str] = Field(default_factory=list, description="All that failed, if there are none")
    key: KeyPath | None = Field(default=None, description="The key whose graph is meant")
    state: Literal["failed"] | None = Field(default=None, description="Only what failed")


class ClearedInstance(BaseModel):
    """A task instance that would run again."""

    task_id: str
    map_index: int
    label: str
    state: State


class ClearingAnswer(BaseModel):
    """What would run again. Nothing is changed."""

    task_ids: list[str | tuple[str, int]] = Field(description="The same, for Airflow's clearTaskInstances")
    total: int
    task_instances: list[ClearedInstance] = Field(description="The first 200")
    warnings: list[str]
