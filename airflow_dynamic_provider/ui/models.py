"""The models of the routes' requests and responses."""

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
    label: str = Field(description="Its heading in the matrix")


class Space(BaseModel):
    """A set of keys: of a dynamic output, of a dynamic output inside a map, or of two joined outputs."""

    of: str = Field(description="Its name in other routes and on the command line")
    name: str = Field(description="Its name as it is shown")
    kind: Literal["produced", "nested", "joined"]
    depth: int = Field(description="The number of keys in a key path")
    producer: str | None = Field(description="The producing task; null if it is joined")
    output: str | None = Field(description="The dynamic output; null if it is joined")
    description: str | None = Field(description="The author's description of the output")
    lister: str = Field(description="The task to clear if clones ran for keys that are gone")
    columns: list[Column] = Field(description="The tasks that are cloned for the keys, in topological order")


class WorkflowInfo(BaseModel):
    """A workflow of a Dag."""

    name: str = Field(description="Its task group")
    is_mapped: bool = Field(description="Whether there is a graph for each key of a map")


class DagOutputs(BaseModel):
    """The dynamic outputs and workflows that a Dag declares."""

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


class TaskProgress(BaseModel):
    """How far the keys of a task are."""

    task_id: str
    counts: Counts = Field(description="State -> number of keys; `none` stands for no state yet")
    summary: str = Field(description="The keys that are done, failed, running and waiting, in words")
    rate: str | None = Field(description="How fast keys end, in words; null if it is not known")
    left: str | None = Field(description="The time left, in words; null if it is not known, or none is left")
    basis: str | None = Field(description="What the rate and the time left were computed from, in words")


class ErrorGroup(BaseModel):
    """The keys that failed in one task with the same error."""

    group: str = Field(description="Its name in the filter `error`")
    task_id: str
    error: str = Field(description="The error of the first of the keys")
    pattern: str = Field(description="What their errors have in common")
    count: int
    names: list[str] = Field(description="The first keys")


class ErrorGroups(BaseModel):
    """The failed keys by their errors."""

    groups: list[ErrorGroup] = Field(description="The largest groups, from the largest")
    more_groups: int = Field(description="The number of other groups")
    left_out: int = Field(description="The number of failures whose errors were not read")


class RunSpace(Space):
    """A key space in one run."""

    progress: list[TaskProgress] = Field(description="Each task's keys, in the order of the columns")

    keys: int | None = Field(description="The number of keys; null while it is unknown")
    counts: Counts = Field(description="State -> number of keys; `none` stands for no state yet")
    has_stale: bool = Field(description="Whether a clone ran for a key other than the one at its position")
    producer_state: State = Field(description="The state of the task that lists the keys")
    message: str | None = Field(description="Why there are no keys, or what the counts leave out")


class RunWorkflow(WorkflowInfo):
    """A workflow in one run."""

    nodes: int | None = Field(description="The number of nodes; null while it is unknown")
    counts: Counts = Field(description="State -> number of nodes")
    state: State = Field(description="The state of the task that returns its outputs")
    message: str | None = Field(description="Why there are no nodes, if there are none")


class RunOutputs(BaseModel):
    """The dynamic outputs and workflows of one run."""

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
    """The task instance of a key in a task. That of a batch has the state and the times of the key."""

    is_stale: bool = Field(description="Whether it ran for another key, before the keys were listed again")
    error: str | None = Field(description="The error of a key that failed, if it is stored")
    reason: str | None = Field(description="Why a key was skipped or could not start, if known")
    from_run: str | None = Field(description="The run whose result it uses, if its task is cached")


class Row(BaseModel):
    """A key, or a folded row for all keys below an outer key."""

    key_path: KeyPath
    key: str = Field(description="The key path as one string")
    state: State = Field(description="The state that matters most")
    duration: float | None = Field(description="The sum of the durations in seconds")
    position: int | None = Field(description="Its position in the list of keys; null for a folded row")
    children: int | None = Field(description="The number of keys below; null for a key")
    counts: Counts = Field(description="State -> number of keys below")
    metadatum: Any = Field(default=None, description="The value of the label that was asked for")
    cells: dict[str, Cell | None] = Field(description="Task -> its task instance; null before it exists")


class KeysPage(BaseModel):
    """A page of the matrix."""

    of: str
    columns: list[Column]
    total: int = Field(description="The number of rows on all pages")
    offset: int
    limit: int
    counts: Counts = Field(description="State -> number of keys that match the search, ignoring the filter")
    is_running: bool = Field(description="Whether the run has not ended")
    rows: list[Row]
    message: str | None = Field(description="What the counts leave out, if anything")


class Node(BaseModel):
    """A node of a workflow."""

    name: str
    kind: str = Field(description="The task that the body called")
    task_id: str | None = Field(description="The mapped task that runs it; null before the node is listed")
    map_index: int | None
    state: State
    try_number: int
    duration: float | None = Field(description="In seconds, with the time that it waited")
    waited: float | None = Field(description="The seconds in which it waited for the nodes before it")
    start_date: datetime | None
    end_date: datetime | None
    reason: str | None = Field(description="Why it failed or did not run, if known")
    from_run: str | None = Field(description="The run whose result it uses, if it is cached")


class KeptCall(BaseModel):
    """A call of a cached workflow in a body, without nodes: its output is that of an earlier run."""

    name: str
    from_run: str


class WorkflowGraph(BaseModel):
    """The graph of a workflow, or of one of its keys."""

    name: str
    keys: list[KeyPath] = Field(description="The keys with a graph of their own, in a map")
    key_path: KeyPath
    state: State
    message: str | None
    is_running: bool
    from_run: str | None = Field(description="The run whose output it uses, if it is cached")
    kept_calls: list[KeptCall] = Field(description="Calls of other workflows whose outputs are kept")
    nodes: list[Node]
    edges: list[tuple[str, str]] = Field(description="Node -> a node that waits for it")
    counts: Counts


class Meta(BaseModel):
    """One metadata value."""

    label: str
    kind: str
    value: Any = Field(description="The stored value; only its beginning if it was cut")
    html: str | None = Field(description="Markdown as safe HTML")
    is_cut: bool = Field(description="Whether the value is longer")


class DeclaredOutput(BaseModel):
    """An output of a task, with the metadata of this run."""

    name: str
    is_dynamic: bool
    type: str = Field(description="The declared type; empty if the output is not declared")
    description: str | None
    is_required: bool
    keys: int | None = Field(description="The number of its keys, if it is dynamic and they are known")
    metadata: list[Meta]


class Origin(BaseModel):
    """The task instance and output that produced a key."""

    task_id: str
    map_index: int
    output: str
    description: str | None


class Relative(TaskInstance):
    """Another task instance of the same key."""

    relation: Literal["upstream", "downstream", "same key", "producer"]


class NodeName(BaseModel):
    """The node of a workflow that a task instance runs."""

    workflow: str
    name: str


class InstanceDetails(TaskInstance):
    """A task instance: its key, its metadata, and related task instances."""

    is_stale: bool = Field(description="Whether it ran for a key other than the one at its position")
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
    """A page of keys with their metadata."""

    total: int
    rows: list[KeyMetadata]


class PastState(BaseModel):
    """The state of a key in one run."""

    state: State
    task_id: str
    map_index: int


class PastKey(BaseModel):
    """A key over the last runs."""

    key_path: KeyPath
    key: str
    states: list[PastState | None] = Field(description="By run; null if the run has no such key")


class HistoryPage(BaseModel):
    """A page of keys over the last runs."""

    runs: list[Run] = Field(description="The runs, from the oldest")
    total: int
    rows: list[PastKey]
    message: str | None = Field(description="What is left out, if anything")


class Series(BaseModel):
    """One line of a plot."""

    name: str
    values: list[float | None] = Field(description="The value in each run")


class Numbers(BaseModel):
    """A numeric metadatum over the last runs."""

    label: str
    task_id: str
    output: str
    series: list[Series]


class NumbersPage(BaseModel):
    """All numeric metadata of some keys over the last runs."""

    runs: list[Run] = Field(description="The runs, from the oldest")
    labels: list[Numbers]
    message: str | None = Field(description="What is left out, if anything")


class KeyInRun(BaseModel):
    """One key in one run."""

    run: Run
    is_there: bool = Field(description="Whether the run has the key")
    state: State
    duration: float | None = Field(description="The sum of the durations in seconds")


class KeyHistory(BaseModel):
    """One key in the last runs."""

    runs: list[KeyInRun] = Field(description="From the oldest run")


class ChangedKey(BaseModel):
    """A key that differs between two runs."""

    key_path: KeyPath
    key: str
    before: float | None = Field(description="Its seconds in the other run")
    now: float | None = Field(description="Its seconds in this run")


class Changes(BaseModel):
    """The keys that differ between two runs in one way."""

    total: int
    keys: list[ChangedKey] = Field(description="The first of them")


class Comparison(BaseModel):
    """The keys of a run beside those of another run."""

    other: Run | None = Field(description="Null if there is no run before")
    new: Changes = Field(description="Only this run has them")
    gone: Changes = Field(description="Only the other run has them")
    newly_failed: Changes = Field(description="They did not fail in the other run")
    repaired: Changes = Field(description="They failed in the other run")
    slower: Changes = Field(description="They succeeded in both, and took longer")


class KeyNames(BaseModel):
    """The names of the keys that a filter selects."""

    total: int
    names: list[str] = Field(description="At most 100,000")


class PastedKeys(BaseModel):
    """Names of keys, as a person has them."""

    of: str
    names: list[str] = Field(
        default_factory=list, max_length=100_000, description="`outer/inner`, or JSON lists"
    )


class FoundKeys(BaseModel):
    """The keys that names belong to."""

    keys: list[KeyPath]
    missing: list[str] = Field(description="The names that belong to no key, or to several")


class KeyFilter(BaseModel):
    """What keys have in common, as in the query of `keys`."""

    search: str = ""
    match: str = ""
    state: list[str] = Field(default_factory=list)
    error: str = ""
    where: str = Field(default="", max_length=500)


class TaskTimes(BaseModel):
    """When keys ran in one task. All lists have an item for each key that has begun."""

    task_id: str
    label: str
    rows: list[int] = Field(description="The number of the key in `keys`")
    map_indexes: list[int] = Field(description="The task instance; for a batch, its number")
    states: list[State]
    starts: list[float] = Field(description="When the latest try began, in seconds since 1970")
    seconds: list[float | None] = Field(description="How long it took; null while it runs")


class Timeline(BaseModel):
    """When the keys of a dynamic output ran."""

    keys: list[KeyPath]
    tasks: list[TaskTimes]
    is_running: bool = Field(description="Whether the run has not ended")
    message: str | None = Field(description="What is left out, if anything")


class PastDuration(BaseModel):
    """How long a key took in earlier runs."""

    key_path: KeyPath
    seconds: list[float | None] = Field(description="In all tasks, in each run; null if it did not run")


class PastDurations(BaseModel):
    """How long some keys took in the runs before."""

    runs: list[Run] = Field(description="The runs, from the oldest")
    rows: list[PastDuration]


class KeyNumbers(BaseModel):
    """One number of the metadata, for each key."""

    label: str
    task_id: str
    output: str
    values: list[float | None] = Field(description="A number for each of `keys`; null where there is none")


class RunNumbers(BaseModel):
    """The numeric metadata of the keys of one run."""

    keys: list[KeyPath]
    numbers: list[KeyNumbers]
    is_running: bool = Field(description="Whether the run has not ended")
    message: str | None = Field(description="What is left out, if anything")


class ClearingRequest(BaseModel):
    """The keys of a space, or the nodes of a workflow, to clear."""

    of: str | None = None
    keys: list[KeyPath] = Field(default_factory=list, description="The keys; empty for all")
    lister: bool = Field(default=False, description="Clear the task that lists the keys")
    workflow: str | None = None
    nodes: list[str] = Field(default_factory=list, description="The nodes; empty for all failed ones")
    key: KeyPath | None = Field(default=None, description="The key of the graph, in a map")
    state: Literal["failed"] | None = Field(default=None, description="Only failed ones")
    wanted: KeyFilter | None = Field(default=None, description="All keys that match, in place of `keys`")


class ClearedInstance(BaseModel):
    """A task instance that would run again."""

    task_id: str
    map_index: int
    label: str
    state: State


class ClearingAnswer(BaseModel):
    """The task instances that would run again. Nothing is changed."""

    task_ids: list[str | tuple[str, int]] | None = Field(
        description="The same, for Airflow's clearTaskInstances; null if there are more than 10,000, or if "
        "only some keys of a batch run again"
    )
    total: int
    task_instances: list[ClearedInstance] = Field(description="The first 200")
    warnings: list[str]
    refusal: str | None = Field(description="Why the user cannot clear them here, if so")


class ClearRequest(ClearingRequest):
    """The keys or nodes to clear, as the viewer has confirmed it."""

    confirmed: int = Field(description="The number of task instances; if it differs now, nothing is cleared")
    keep_results: bool = Field(
        default=False, description="Whether cached tasks may use results that are kept"
    )


class Cleared(BaseModel):
    """What was cleared."""

    total: int = Field(description="The number of task instances that run again")


class CommandSelection(BaseModel):
    """What a command selects to run again. The command has checked what goes together."""

    of: str | None = Field(default=None, description="The dynamic output")
    keys: list[str] = Field(default_factory=list, description="Keys: outer/inner or JSON lists")
    match: str | None = Field(default=None, description="A pattern that whole keys must match")
    only_failed: bool = Field(default=False, description="Only failed ones")
    steps: list[str] = Field(default_factory=list, description="Tasks of keys: task[key]")
    workflow: str | None = Field(default=None, description="The workflow, instead of keys")
    nodes: list[str] = Field(default_factory=list, description="Nodes of the workflow")


class CommandClear(CommandSelection):
    """What a command clears."""

    keep_results: bool = Field(
        default=False, description="Whether cached tasks may use results that are kept"
    )


class KeptSelection(BaseModel):
    """Which kept results of a Dag are meant. Without a value, all are."""

    task_id: str | None = Field(default=None, description="Those of this task")
    version: str | None = Field(default=None, description="Those of this version")
    older_than: float | None = Field(default=None, description="Those that are older, in seconds")
    key: str = Field(default="", description="Those whose key begins with this")


class KeptQuery(KeptSelection):
    """Which kept results of a Dag to list."""

    with_content: bool = Field(default=False, description="With their values and their metadata")
