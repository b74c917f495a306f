"""What each kind of task costs, by the number of keys: calls, bytes, and rows that the server builds.

There is one row for each operation, which says how its cost grows. `test_cost_table.py` checks each row, and
that `docs/costs.md` has this table. ``python -m tests.task.cost_table`` writes the page.

No row starts a task for every key. One clone of each task that the operation reads runs, and what it stored
is copied for the other keys.
"""

from __future__ import annotations

import copy
import functools
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from airflow.sdk import DAG, task
from airflow.sdk.execution_time.supervisor import set_supervisor_comms

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.collected import PAGE_SIZE
from airflow_dynamic_provider.execution.failures import KeyFailure, StoredFailure
from airflow_dynamic_provider.workflows.plan.plan import unpack_plan
from airflow_dynamic_provider.workflows.progress.growth import Snapshot
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.stored import (
    NODE_XCOM,
    NODES_PER_PAGE,
    PLAN_XCOM,
    StoredNode,
)
from airflow_dynamic_provider.workflows.tasks import planning_task
from airflow_dynamic_provider.workflows.tasks.result_task import AT_ONCE as RESULTS_AT_ONCE
from airflow_dynamic_provider.workflows.tasks.values import stamp_of
from airflow_dynamic_provider.workflows.waiting.leaving import GO_ON
from tests.task_runs import FakeSupervisor, run_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Operation = Callable[["Prepared"], None]

PAGE = Path(__file__).parents[2] / "docs" / "costs.md"

#: The numbers of keys.
COUNTS = (10, 100, 1000)

#: The clone that is measured, by its position or that of its outer key.
AT = 7

#: The number of inner keys below each outer key.
BELOW = 4

#: The messages that Airflow's task runner sends for every task instance, some only in some versions.
OF_AIRFLOW = {"SetRenderedFields", "SetRenderedMapIndex", "SucceedTask"}


class Cost(NamedTuple):
    """What one task instance costs.

    Attributes:
        calls: The number of requests to Airflow's API.
        size: The bytes of all requests and responses.
        rows: The number of rows of XComs and task instances that the server reads or writes.
    """

    calls: int
    size: int
    rows: int

    def __str__(self) -> str:
        return f"{self.calls:,} / {self.size:,} / {self.rows:,}"


@dataclass(frozen=True)
class Flat:
    """The cost does not depend on the number of keys.

    A page of stored keys or values has up to 64 of them. So the bytes grow until the page is full.
    """

    #: The digits of a number, which may be longer if there are more keys.
    digits = 12

    def __str__(self) -> str:
        return "flat"

    def problems(self, costs: Sequence[Cost]) -> list[str]:
        """Return how the costs differ from what is declared."""
        few, some, many = costs
        found = [
            f"{name} grow: {[getattr(cost, name) for cost in costs]}"
            for name in ("calls", "rows")
            if len({getattr(cost, name) for cost in costs}) > 1
        ]
        if few.size > some.size + self.digits or many.size > some.size + self.digits:
            found.append(f"bytes grow: {[cost.size for cost in costs]}")
        if some.size > few.size * layout.ENTRIES_PER_PAGE / COUNTS[0]:
            found.append(f"more than a page is read: {[cost.size for cost in costs]}")
        return found


@dataclass(frozen=True)
class Linear:
    """The cost grows with the number of keys, at most in proportion.

    Attributes:
        calls: The maximum number of further calls for each further key.
    """

    calls: float

    #: What the digits of larger numbers may add to the bytes.
    longer_numbers = 1.02

    def __str__(self) -> str:
        return f"linear; calls per key: {self.calls:.3g}"

    def problems(self, costs: Sequence[Cost]) -> list[str]:
        """Return how the costs differ from what is declared."""
        found = []
        measured = list(zip(COUNTS, costs, strict=True))
        for (fewer, less), (more, cost) in itertools.pairwise(measured):
            # The last page may have just begun.
            if cost.calls - less.calls > math.ceil(self.calls * (more - fewer)):
                found.append(f"calls grow from {less.calls} to {cost.calls} for {more} keys")
            if cost.size > less.size * more / fewer * self.longer_numbers:
                found.append(f"bytes grow from {less.size} to {cost.size} for {more} keys")
            if cost.rows > less.rows * more / fewer:
                found.append(f"rows grow from {less.rows} to {cost.rows} for {more} keys")
        return found


@dataclass
class Prepared:
    """A Dag run in which everything has run that an operation needs.

    Attributes:
        dag: The Dag.
        supervisor: The XComs and the states.
    """

    dag: Any
    supervisor: FakeSupervisor

    def run(self, task_id: str, map_index: int = -1, next_method: str | None = None) -> None:
        """Run a task instance, which must succeed."""
        run = run_task(self.dag, task_id, map_index, self.supervisor, next_method)
        assert run.state == "success", f"{task_id} {map_index}: {run.message}"

    def run_all(self, task_id: str, listed_by: str) -> None:
        """Run the first clone of a task, and copy what it stored for all other keys of a list."""
        self.run(task_id, 0)
        paths = layout.unpack_keys(self.supervisor.xcoms[listed_by, -1, "return_value"])
        stored = {
            key: value
            for (owner, at, key), value in self.supervisor.xcoms.items()
            if (owner, at) == (task_id, 0)
        }
        for index, path in enumerate(paths):
            self.supervisor.states[task_id, index] = "success"
            for key, value in stored.items():
                own = value
                if isinstance(value, dict) and "key_path" in value:
                    own = {**value, "key_path": list(path)}
                    own |= {"map_index": index} if "map_index" in value else {}
                self.supervisor.xcoms[task_id, index, key] = own

    def end(self, task_id: str, map_index: int, state: str) -> None:
        """Give a clone a state in which it has no result."""
        self.supervisor.states[task_id, map_index] = state
        for each in [each for each in self.supervisor.xcoms if each[:2] == (task_id, map_index)]:
            del self.supervisor.xcoms[each]

    def begin(self) -> None:
        """Forget what was counted so far."""
        del self.supervisor.messages[:]
        self.supervisor.received = self.supervisor.rows = 0

    def cost(self, operation: Operation) -> Cost:
        """Return what an operation costs."""
        supervisor = self.supervisor
        self.begin()
        operation(self)
        sent = [each for each in supervisor.messages if type(each).__name__ not in OF_AIRFLOW]
        size = supervisor.received + sum(len(each.model_dump_json()) for each in sent)
        return Cost(len(sent), size, supervisor.rows)

    def copy(self) -> Prepared:
        """Return a run in which more may happen."""
        supervisor = FakeSupervisor(copy.copy(self.supervisor.xcoms), copy.copy(self.supervisor.states))
        return Prepared(self.dag, supervisor)


@task.dynamic(out=DynamicOut(str))
def produce(count, below=None):
    for number in range(count):
        yield DynamicOutput(f"value {number:06}", f"key {number:06}", metadata={"number": 1})


@task
def work(value):
    return value


@task
def both(value, other):
    return value


@task
def use(values):
    return len(values)


@task
def use_pages(values):
    return sum(1 for _ in values)


@functools.cache
def keyed(count):
    """A run with a number of keys, each of which has two tasks, and with joins and collectors."""
    with DAG("keyed", schedule=None) as made:
        handle, others = produce(count), produce.override(task_id="others")(count)
        first = handle.map(work.override(task_id="first"))
        first.map(work.override(task_id="second"))
        handle.zip(others).map(both.override(task_id="zipped"))
        handle.product(produce.override(task_id="pair")(2)).map(both.override(task_id="paired"))
        every = use.override(task_id="tolerant")(first.collect(min_success_ratio=0.5))
        use.override(task_id="listed")(first.collect())
        first.map(lambda value: both.override(task_id="gated")(value, every))
        use.override(task_id="keyed")(first.collect(keyed=True))
        use_pages.override(task_id="lazy")(first.collect(lazy=True))
        use.override(task_id="states")(first.states())
        use.override(task_id="produced")(handle.collect())
        few = produce.override(task_id="few")(3).map(work.override(task_id="of_few"))
        first.map(lambda value: both.override(task_id="crossed")(value, few.collect()))
    run = Prepared(made, FakeSupervisor())
    for task_id in (
        "produce",
        "others",
        "pair",
        "few",
        *(each for each in made.task_ids if each.endswith("__keys")),
    ):
        run.run(task_id)
    run.run_all("first", "produce")
    run.run_all("of_few", "few")
    run.run("tolerant")
    for gate in (each for each in made.task_ids if each.endswith("__gate")):
        run.run_all(gate, "produce")
    return run


@functools.cache
def limited(count):
    """A run in which a tenth of the keys of a map of two tasks failed, and a third of them may."""
    with DAG("limited", schedule=None) as made:
        first, second = work.override(task_id="first"), work.override(task_id="second")
        produce(count).map(lambda value: second(first(value)), max_failures=0.3)
    run = Prepared(made, FakeSupervisor())
    run.run("produce")
    run.run_all("first", "produce")
    for index in range(count // 10):
        run.end("first", AT + 1 + index, "failed")
    return run


@functools.cache
def nested(count):
    """A run with a number of outer keys, each with a few inner keys, which are collected in every way."""

    def body(outer):
        inner = produce.override(task_id="inner")(BELOW, outer)
        inner_too = produce.override(task_id="inner_too")(BELOW, outer)
        results = inner.map(work)
        joined = inner.zip(inner_too).map(both.override(task_id="zipped"))
        product = inner.product(inner_too).map(both.override(task_id="paired"))
        collected = use.override(task_id="listed")(results.collect())
        use.override(task_id="keyed")(results.collect(keyed=True))
        use_pages.override(task_id="lazy")(results.collect(lazy=True))
        use.override(task_id="states")(results.states())
        use.override(task_id="tolerant")(results.collect(min_success_ratio=0.5))
        use.override(task_id="produced")(inner.collect())
        use.override(task_id="of_zip")(joined.collect())
        use.override(task_id="of_product")(product.collect())
        use.override(task_id="pairs")(inner.zip(results).collect())
        use.override(task_id="thrice")([results.collect(), joined.collect(), inner.collect()])
        return collected

    with DAG("nested", schedule=None) as made:
        produce.override(task_id="outer")(count).map(body)
    run = Prepared(made, FakeSupervisor())
    run.run("outer")
    for task_id in ("inner", "inner_too"):
        run.run_all(task_id, "outer")
    listing = sorted((each for each in made.task_ids if each.endswith("__keys")), key=len)
    for task_id in listing:
        run.run(task_id)
    run.run_all("work", "inner__keys")
    run.run_all("zipped", "inner_zip_inner_too__keys")
    run.run_all("paired", "inner_product_inner_too__keys")
    return run


@functools.cache
def told(count):
    """A run in which tasks ask for the outcomes of two tasks, and for those below each key."""

    def body(outer):
        results = produce.override(task_id="inner")(BELOW, outer).map(work.override(task_id="below"))
        use.override(task_id="of_below")(results.outcomes())

    with DAG("told", schedule=None) as made:
        handle = produce(count)
        first = handle.map(work.override(task_id="first"))
        use.override(task_id="of_first")(first.outcomes())
        use.override(task_id="of_second")(first.map(work.override(task_id="second")).outcomes())
        handle.map(body)
    run = Prepared(made, FakeSupervisor())
    # The time has not always the same number of digits.
    with mock.patch.object(xcom, "milliseconds_since_start", return_value=12.5):
        run.run("produce")
        for task_id in ("first", "second", "inner"):
            run.run_all(task_id, "produce")
        run.run("inner__keys")
        run.run_all("below", "inner__keys")
    return run


def told_of_failed(count):
    """The same, if every tenth key failed in the first task."""
    run = told(count).copy()
    keys = layout.unpack_keys(run.supervisor.xcoms["produce", -1, "return_value"])
    for index in range(AT, count, 10):
        for task_id, inner, state in (
            ("second", index, "upstream_failed"),
            ("first", index, "failed"),
            ("below", index * BELOW, "failed"),
        ):
            path = (*keys[index], "key 000000") if task_id == "below" else keys[index]
            error = StoredFailure(KeyFailure("ValueError", "bad"), 1, path, inner, 1, 12.5)
            run.end(task_id, inner, state)
            if state == "failed":
                run.supervisor.xcoms[task_id, inner, layout.FAILURE_XCOM] = error.pack()
    return run


def with_skipped(count):
    """A nested run in which a clone before those that are collected has no result."""
    run = nested(count).copy()
    run.end("work", 1, "skipped")
    return run


def with_failed(count):
    """A nested run in which a clone failed below the key that is collected."""
    run = nested(count).copy()
    run.end("work", AT * BELOW + 1, "failed")
    return run


def listed_again(count):
    """The same after all keys were produced and listed again, and all their clones ran again."""
    run = with_failed(count)
    xcoms = run.supervisor.xcoms
    for owner, at, key in list(xcoms):
        if (owner == "outer" and ".page." in key) or key.removeprefix("dynamic_keys.").isdecimal():
            xcoms[owner, at, key] = {**xcoms[owner, at, key], layout.ATTEMPT: 2}
    paths = layout.unpack_keys(xcoms["inner__keys", -1, "return_value"])
    for index, path in enumerate(paths):
        xcoms["work", index, layout.CLONE_XCOM] = layout.StoredClone(path, index, 2).pack()
    for task_id in (each for each in run.dag.task_ids if each.endswith("__gate")):
        run.supervisor.states[task_id, AT] = "success"
    return run


@dynamic_workflow(max_nodes=2 * COUNTS[-1])
def graph(count):
    return [work(work(number)) for number in range(count)]


@functools.cache
def planned(count):
    """A run with a workflow that has two nodes for each key, one after the other."""
    with DAG("planned", schedule=None) as made:
        use(graph(count))
    run = Prepared(made, FakeSupervisor())
    plan(run)
    nodes = {node.name: node for node in unpack_plan(run.supervisor.xcoms["graph.plan", -1, PLAN_XCOM]).nodes}
    before: dict[int, str] = {}
    for task_id, listed_by in (
        ("graph.work", "graph.nodes.work"),
        ("graph.work__after", "graph.nodes.work__after"),
    ):
        run.run(listed_by)
        for index, name in enumerate(run.supervisor.xcoms[listed_by, -1, "return_value"]):
            used = {before[index]: stamp_of(index)} if index in before else {}
            left = StoredNode(name, (), index, nodes[name].fingerprint, stamp_of(index), used, index)
            run.supervisor.xcoms[task_id, index, NODE_XCOM] = left.pack()
            run.supervisor.states[task_id, index] = "success"
            before.setdefault(index, name)
    return run


def run_one(task_id: str, map_index: int = -1, next_method: str | None = None) -> Operation:
    """Return the operation that runs one task instance."""
    return lambda run: run.run(task_id, map_index, next_method)


def plan(run: Prepared) -> None:
    """Run the planning task."""
    # The time has not always the same number of digits.
    with mock.patch.object(planning_task, "time", SimpleNamespace(time=lambda: 1.5)):
        run.run("graph.plan")


def look(run: Prepared) -> None:
    """Look at a workflow as the triggerer does for all of its nodes that wait, but for the first time."""
    spec = run.dag.get_task("graph.result").spec
    with set_supervisor_comms(run.supervisor):
        reader = WorkflowReader(run.dag.dag_id, "run", spec)
        assert Snapshot(reader).is_complete
        run.begin()
        assert Snapshot(reader).is_complete


@dataclass(frozen=True)
class Row:
    """An operation, and how its cost grows with the number of keys.

    Attributes:
        name: What runs.
        growth: How its cost grows.
        prepare: Returns the run in which it runs, for a number of keys.
        operation: Runs it.
    """

    name: str
    growth: Flat | Linear
    prepare: Callable[[int], Prepared]
    operation: Operation

    @functools.cached_property
    def costs(self) -> list[Cost]:
        """What it costs at each number of keys."""
        with mock.patch.dict("os.environ", AIRFLOW__CORE__MAX_MAP_LENGTH="100000"):
            return [self.prepare(count).copy().cost(self.operation) for count in COUNTS]

    @property
    def problems(self) -> list[str]:
        """How the costs differ from what is declared."""
        return self.growth.problems(self.costs)

    def __str__(self) -> str:
        return " | ".join((f"| {self.name}", *map(str, self.costs), f"{self.growth} |"))


FLAT = Flat()
#: One call for each page of 64 outputs, and one for each thousand values of an output that is collected.
PER_PAGE = Linear(1 / layout.ITEMS_PER_PAGE + 1 / layout.VALUES_PER_PAGE)
ONE_READ = Linear(0)

OF_KEYS = [
    Row("a task that produces keys", PER_PAGE, keyed, run_one("produce")),
    Row("a clone, with the metadata of its key", FLAT, keyed, run_one("first", AT)),
    Row("the clone of the next task for the same key", FLAT, keyed, run_one("second", AT)),
    Row("a clone of a map with `max_failures`, if keys failed", FLAT, limited, run_one("second", AT)),
    Row("a clone of a zip", FLAT, keyed, run_one("zipped", AT)),
    Row("a clone of a product", FLAT, keyed, run_one("paired", AT)),
    Row("a gate of one key", FLAT, keyed, run_one("gated__gate", AT)),
    Row("a clone after a gate", FLAT, keyed, run_one("gated", AT)),
    Row("a clone that collects 3 other keys", FLAT, keyed, run_one("crossed", AT)),
    Row(
        "the task that lists a zip",
        Linear(1 / layout.ENTRIES_PER_PAGE),
        keyed,
        run_one("produce_zip_others__keys"),
    ),
    Row(
        "the task that lists a product of 2 keys with each",
        Linear(2 / layout.ENTRIES_PER_PAGE),
        keyed,
        run_one("produce_product_pair__keys"),
    ),
    Row("`collect()`", ONE_READ, keyed, run_one("listed")),
    Row("`collect(min_success_ratio=0.5)`", ONE_READ, keyed, run_one("tolerant")),
    Row("`collect(keyed=True)`", ONE_READ, keyed, run_one("keyed")),
    Row("`collect(lazy=True)`, read to its end", Linear(1 / PAGE_SIZE), keyed, run_one("lazy")),
    Row("`collect()` of the produced values", ONE_READ, keyed, run_one("produced")),
    Row("`states()`", ONE_READ, keyed, run_one("states")),
    Row("`outcomes()`", ONE_READ, told, run_one("of_first")),
    Row("the same, if a tenth of the keys failed", ONE_READ, told_of_failed, run_one("of_first")),
    Row("the same, if the task before failed for them", ONE_READ, told_of_failed, run_one("of_second")),
]

OF_OUTER_KEYS = [
    Row("a clone that produces inner keys", FLAT, nested, run_one("inner", AT)),
    Row("a clone of an inner key", FLAT, nested, run_one("work", AT * BELOW)),
    Row(
        "the task that lists all inner keys",
        Linear((BELOW + 1) / layout.ENTRIES_PER_PAGE + BELOW / PAGE_SIZE),
        nested,
        run_one("inner__keys"),
    ),
    Row("`collect()` below a key", FLAT, nested, run_one("listed", AT)),
    Row("`collect(keyed=True)`", FLAT, nested, run_one("keyed", AT)),
    Row("`collect(lazy=True)`, read to its end", FLAT, nested, run_one("lazy", AT)),
    Row("`collect(min_success_ratio=0.5)`", FLAT, nested, run_one("tolerant", AT)),
    Row("the same, if a clone below the key failed", FLAT, with_failed, run_one("tolerant", AT)),
    Row("the same, if all keys were listed again", FLAT, listed_again, run_one("tolerant", AT)),
    Row(
        "`collect()`, if a clone below an earlier key was skipped", FLAT, with_skipped, run_one("listed", AT)
    ),
    Row("`collect()` of the produced values", FLAT, nested, run_one("produced", AT)),
    Row("`collect()` of a zip", FLAT, nested, run_one("of_zip", AT)),
    Row("`collect()` of a product", FLAT, nested, run_one("of_product", AT)),
    Row("`collect()` of pairs of two values", FLAT, nested, run_one("pairs", AT)),
    Row("three collections in one task", FLAT, nested, run_one("thrice", AT)),
    Row("`states()`", FLAT, nested, run_one("states", AT)),
    Row("`outcomes()`", FLAT, told, run_one("of_below", AT)),
    Row("the same, if the clone of a key failed", FLAT, told_of_failed, run_one("of_below", AT)),
    Row("the gate before each of them", FLAT, nested, run_one("listed__gate", AT)),
    Row("the gate, if a clone below the key failed", FLAT, with_failed, run_one("tolerant__gate", AT)),
    Row("the gate, if all keys were listed again", FLAT, listed_again, run_one("tolerant__gate", AT)),
]

OF_NODES = [
    Row("the planning task", Linear(2 / NODES_PER_PAGE), planned, plan),
    Row("the task that lists nodes", Linear(2 / NODES_PER_PAGE), planned, run_one("graph.nodes.work")),
    Row("a node", FLAT, planned, run_one("graph.work", AT)),
    Row("a node after another", FLAT, planned, run_one("graph.work__after", AT, GO_ON)),
    Row("the result task", Linear(2 / RESULTS_AT_ONCE), planned, run_one("graph.result")),
    Row("a look at all nodes in the triggerer", ONE_READ, planned, look),
]

TABLES = {
    "By the number of keys": OF_KEYS,
    f"Nested keys: by the number of outer keys, with {BELOW} inner keys each": OF_OUTER_KEYS,
    "Workflows: by the number of nodes, each of which has another after it": OF_NODES,
}

_INTRODUCTION = """\
# Costs

Each cell says what one task instance costs:

- **calls** of Airflow's API,
- **bytes** of all requests and responses,
- **rows** of XComs and task instances that the API server reads or writes. If it counts rows, it reads none.

The calls that Airflow makes for every task instance are left out. Values are short strings, and each key has
metadata. The growth is one of these:

- **flat**: the cost does not depend on the number of keys. Keys and values are stored in pages of up to 64,
  so the bytes grow until a page is full.
- **linear**: the bytes and rows grow at most in proportion to the number of keys, and the calls by at most
  the stated number per key.

`python -m tests.task.cost_table` measures this with Airflow 3.3 and writes this page.
`tests/task/test_cost_table.py` checks each line.
"""


def render() -> str:
    """Return the page."""
    return "\n".join([_INTRODUCTION, *(_render_table(title, rows) for title, rows in TABLES.items())])


def _render_table(title: str, rows: Sequence[Row]) -> str:
    head = " | ".join(["| operation", *(f"{count:,}" for count in COUNTS), "growth |"])
    return "\n".join([f"## {title}", "", head, "|---" * (len(COUNTS) + 2) + "|", *map(str, rows), ""])


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
