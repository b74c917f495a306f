"""Builds a Dag from a program with the public names only, and checks the types of its tasks' arguments."""

from __future__ import annotations

import json
import pathlib
import tempfile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput, Outcome, get_mapping_key_path
from airflow_dynamic_provider.execution.collected import CollectedMapping, CollectedSequence
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.conftest import HOME
from tests.differential.kills import Killed
from tests.differential.programs import (
    All,
    Argument,
    Call,
    Kill,
    Map,
    Outcomes,
    Path,
    Produce,
    Product,
    Program,
    Statement,
    Table,
    act,
    act_producing,
    told,
    without_batches,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: The behaviour of the tasks when they run, so that a second run of the same Dag can behave differently.
_TABLE: dict[tuple[str, Path | None], Any] = {}

#: The keys whose process is killed: always if they must fail, else once.
_KILLS: set[Kill] = set()

#: Has a file for each flaky task instance that has failed, and each that was killed, also in another process.
_FLAKED = pathlib.Path(tempfile.mkdtemp(prefix="flaked-", dir=HOME))


def use_table(table: Table, kills: Collection[Kill] = ()) -> None:
    """Make the tasks of every Dag follow this table from now on, and kill the processes of some keys."""
    _TABLE.clear()
    _TABLE.update(table)
    _KILLS.clear()
    _KILLS.update(kills)
    for mark in _FLAKED.iterdir():
        mark.unlink()


def build(program: Program, retries: Mapping[str, int] | None = None) -> DAG:
    """Return the Dag that a program describes.

    Args:
        program: The program.
        retries: Task -> retries.
    """
    with DAG("differential", schedule=None) as dag:
        write(program, retries)
    # Completes the Dag, which may add tasks after its last ones.
    dag.validate()
    last = dag.leaves
    # With or without this package, Airflow ends a run too early if clones are created and end in one pass of
    # the scheduler and nothing else is unfinished.
    end = EmptyOperator(task_id="end", trigger_rule="all_done", dag=dag)
    # The last task decides the state of the run, as all the last tasks would without it.
    verdict = EmptyOperator(task_id="verdict", trigger_rule="none_failed", dag=dag)
    last >> end
    [*last, end] >> verdict
    return dag


def last_tasks(program: Program) -> set[str]:
    """Return the last tasks of the Dag that a program describes without batches."""
    with DAG("differential", schedule=None) as dag:
        write(without_batches(program))
    dag.validate()
    return {each.task_id for each in dag.leaves}


def write(program: Program, retries: Mapping[str, int] | None = None) -> None:
    """Add the statements of a program to the current Dag."""
    _Builder({}, {}, retries or {}).add_all(program)


class _Builder:
    """Writes the statements of one block.

    Args:
        handles: Name -> return value of its call.
        items: Name of a handle that is being mapped -> arguments of the mapped function.
        retries: Task -> retries.
    """

    def __init__(
        self, handles: dict[str, Any], items: dict[str, tuple[Any, ...]], retries: Mapping[str, int]
    ) -> None:
        self.handles = handles
        self.items = items
        self.retries = retries

    def add_all(self, statements: Program) -> None:
        for statement in statements:
            if isinstance(statement, Map):
                self._add_map(statement)
            else:
                self.handles[statement.name] = self._make(statement)

    def _make(self, statement: Statement) -> Any:
        if isinstance(statement, (Call, Produce)):
            given = [(value, arg) for arg in statement.args for value in self._values(arg)]
            lazy = [isinstance(arg, All) and arg.lazy for _, arg in given]
            decorated = _task if isinstance(statement, Call) else _producing_task
            retries = self.retries.get(statement.name, 0)
            made = decorated(statement.name, lazy).override(retries=retries, retry_delay=0)
            return made(*(value for value, _ in given))
        left, right = self.handles[statement.left], self.handles[statement.right]
        return left.product(right) if isinstance(statement, Product) else left.zip(right, how=statement.how)

    def _add_map(self, statement: Map) -> None:
        made: list[str] = []

        def body(*received: Any) -> Any:
            inner = _Builder(dict(self.handles), {**self.items, statement.over: received}, self.retries)
            inner.add_all(statement.body)
            made.extend(name for name in inner.handles if name not in self.handles)
            returned = tuple(inner.handles[name] for name in made)
            return returned if len(returned) > 1 else returned[0]

        batch = None if statement.batches is None else Batch(**vars(statement.batches))
        handles = self.handles[statement.over].map(body, batch=batch)
        self.handles.update(zip(made, handles if len(made) > 1 else [handles], strict=True))

    def _values(self, argument: Argument) -> tuple[Any, ...]:
        if isinstance(argument, str):
            return self.items.get(argument) or (self.handles[argument],)
        handle = self.handles[argument.of]
        if isinstance(argument, Outcomes):
            return (handle.outcomes(),)
        if not isinstance(argument, All):
            return (handle.states(),)
        ratio = {} if argument.ratio is None else {"min_success_ratio": float(argument.ratio)}
        lazy = {"lazy": True} if argument.lazy else {}
        return (handle.collect(keyed=argument.keyed, **ratio, **lazy),)


def _check_kinds(args: tuple[Any, ...], lazy: list[bool]) -> None:
    """Refuse a lazy collection that was not requested, and a list or dict instead of a lazy one."""
    json.dumps([value for value, is_lazy in zip(args, lazy, strict=True) if not is_lazy])
    for value in (value for value, is_lazy in zip(args, lazy, strict=True) if is_lazy):
        # For nested keys it is a dict of such mappings.
        leaves = value.values() if isinstance(value, dict) else [value]
        assert all(isinstance(leaf, (CollectedSequence, CollectedMapping, dict)) for leaf in leaves)


def _tell(value: Any) -> Any:
    """Return an argument with outcomes as the oracle expects them, and check their other fields."""
    if isinstance(value, dict):
        return {key: _tell(below) for key, below in value.items()}
    if not isinstance(value, Outcome):
        return value
    assert (value.value is None) or value.state == "success", value
    assert (value.error_message is None) or value.state in ("failed", "upstream_failed"), value
    # A process that was killed leaves no error. But what stopped a key can be named.
    assert value.error_message or value.state != "upstream_failed", value
    # What no task ran for, such as a pair, has no tries.
    least, most = {"upstream_failed": (0, 0), "skipped": (0, 9)}.get(value.state, (1, 9))
    assert value.tries is None or least <= value.tries <= most, value
    assert (value.duration is None) == (not value.tries), value
    return told(value.state, value.value)


def _task(name: str, lazy: list[bool]) -> Any:
    @task(task_id=name)
    def run(*args: Any) -> Any:
        args = tuple(map(_tell, args))
        _check_kinds(args, lazy)
        _kill(name, get_mapping_key_path())
        _flake(name, get_mapping_key_path())
        state, value = act(_TABLE, name, get_mapping_key_path(), args)
        _end(state)
        return value

    return run


def _producing_task(name: str, lazy: list[bool]) -> Any:
    @task.dynamic(task_id=name, out=DynamicOut())
    def run(*args: Any) -> Any:
        args = tuple(map(_tell, args))
        _check_kinds(args, lazy)
        _kill(name, get_mapping_key_path())
        state, produced = act_producing(_TABLE, name, get_mapping_key_path(), args)
        _end(state)
        for key, value in produced.items():
            yield DynamicOutput(value, mapping_key=key)

    return run


def _kill(name: str, path: Path) -> None:
    """Kill the process if a key is to be killed, for the first time or for good."""
    if (name, path) in _KILLS and (_is_first("killed", name, path) or _TABLE.get((name, path)) == "fail"):
        raise Killed


def _flake(name: str, path: Path) -> None:
    """Fail if a task is flaky and has not failed since its table is in use."""
    if _TABLE.get((name, path)) == "flaky" and _is_first("flaked", name, path):
        raise RuntimeError("only in the first try")


def _is_first(what: str, name: str, path: Path) -> bool:
    """Return whether something happens to a key for the first time, and remember it."""
    mark = _FLAKED / f"{what} {name} {quote('/'.join(path), safe='')}"
    is_first = not mark.exists()
    mark.touch()
    return is_first


def _end(state: str) -> None:
    if state == "failed":
        raise RuntimeError("as the table says")
    if state == "skipped":
        raise AirflowSkipException("as the table says")
