"""Runs one Dag in this process, without any service, and prints what each key produced.

For the ``__main__`` block of a Dag file, so that ``python my_dag.py`` runs it::

    if __name__ == "__main__":
        sys.exit(run(my_dag()).exit_status)

Airflow's ``dag.test()`` does the work. This module gives it a home and a database, shows how far it is, and
reads back from the database what the task instances left there. What knows the database is imported where it
is used, because the program may have to be started once more before it is needed.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO

from airflow.listeners import hookimpl
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.pretty import pretty_repr
from rich.table import Table
from rich.text import Text

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, load
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow.sdk import DAG

    from airflow_dynamic_provider.definitions.metadata import MetadataValue

# Names, to the interpreter that is started again, the temporary home it has to remove.
_TEMPORARY_HOME = "AIRFLOW_DYNAMIC_PROVIDER_TEMPORARY_HOME"

_LOGGING_LEVEL = "AIRFLOW__LOGGING__LOGGING_LEVEL"

_FINISHED = ("success", "failed", "skipped", "upstream_failed", "removed")

_STYLES = {
    "success": "green",
    "failed": "bold red",
    "upstream_failed": "dark_orange",
    "skipped": "magenta",
}

_SHOWN_ROWS = 12
_SHOWN_ERRORS = 10


@dataclass(frozen=True)
class EmbeddedTaskInstance:
    """What became of one task instance.

    Attributes:
        task_id: Its task.
        map_index: Its position among the clones, -1 when it is not mapped.
        label: What Airflow's UI calls it, the mapping key of a clone; ``None`` when it is not mapped.
        state: Its final state.
        results: XCom key -> value, for all that it returned or pushed.
        metadata: The metadata of its outputs.
        error: What it raised at last, if it failed.
    """

    task_id: str
    map_index: int
    label: str | None
    state: str | None
    results: Mapping[str, Any] = field(default_factory=dict)
    metadata: layout.StoredMetadata = field(default_factory=layout.StoredMetadata)
    error: BaseException | str | None = None

    @property
    def result(self) -> Any:
        """What its operator returned."""
        return self.results.get(layout.RETURN_VALUE)

    @property
    def name(self) -> str:
        """The task with the label."""
        return self.task_id if self.label is None else f"{self.task_id}[{self.label}]"


@dataclass(frozen=True)
class EmbeddedRun:
    """A Dag run that has ended.

    Attributes:
        dag_id: The Dag.
        run_id: The run.
        state: Its final state.
        seconds: How long it took.
        task_instances: Its task instances, in the order in which they started.
    """

    dag_id: str
    run_id: str
    state: str
    seconds: float
    task_instances: tuple[EmbeddedTaskInstance, ...]

    @property
    def exit_status(self) -> int:
        """0 when the run succeeded, 1 otherwise."""
        return 0 if self.state == "success" else 1

    def result(self, task_id: str) -> Any:
        """What a task that is not mapped returned.

        Raises:
            LookupError: The run has no such task instance.
        """
        for ti in self.task_instances:
            if ti.task_id == task_id and ti.map_index == UNMAPPED:
                return ti.result
        raise LookupError(f"the run has no task instance {task_id!r} that is not mapped")


def run(dag: DAG, *, conf: dict[str, Any] | None = None) -> EmbeddedRun:
    """Run a Dag to its end in this process, and print its results.

    The metadata database is the one of ``AIRFLOW_HOME``, and is created or migrated first. Without
    ``AIRFLOW_HOME`` the program is started once more, with a home that lasts as long as it runs. All Dag
    files beside the Dag's own are loaded, so that it can trigger their Dags.

    Airflow logs nothing meanwhile; set ``AIRFLOW__LOGGING__LOGGING_LEVEL`` to see its log.

    Args:
        dag: The Dag.
        conf: The run's configuration, which overrides the Dag's params.

    Raises:
        RuntimeError: ``AIRFLOW_HOME`` is not set, and the Dag's file is not the program that runs.
    """
    with _home(dag), _turned_down_logging(), _only_file(Path(dag.fileloc).resolve()):
        progress = _Progress(sys.stderr)
        progress.show("preparing the metadata database")
        _migrate_database()
        watcher = _Watcher(dag.dag_id, progress)
        started = time.monotonic()
        with watcher.registered(), one_execution_api():
            dag_run = dag.test(run_conf=conf)
        progress.clear()
        seconds = time.monotonic() - started
        task_instances = tuple(_read_task_instances(dag.dag_id, dag_run.run_id, watcher.errors))
    finished = EmbeddedRun(dag.dag_id, dag_run.run_id, str(dag_run.state), seconds, task_instances)
    _Printer(dag).print_run(finished)
    return finished


@contextlib.contextmanager
def _home(dag: DAG) -> Iterator[None]:
    # Airflow reads AIRFLOW_HOME when it is imported, and the Dag's file has imported it already.
    if "AIRFLOW_HOME" not in os.environ:
        _start_again(dag)
    temporary = os.environ.pop(_TEMPORARY_HOME, None)
    try:
        yield
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _start_again(dag: DAG) -> None:
    program = getattr(sys.modules["__main__"], "__file__", None)
    if program is None or not Path(program).samefile(dag.fileloc):
        raise RuntimeError(
            "AIRFLOW_HOME is not set. Set it before Airflow is imported, or run the Dag's file itself: "
            f"python {dag.fileloc}"
        )
    home = tempfile.mkdtemp(prefix="airflow-")
    sys.stdout.flush()
    os.execve(
        sys.executable,
        [sys.executable, *sys.orig_argv[1:]],
        {**os.environ, "AIRFLOW_HOME": home, _TEMPORARY_HOME: home},
    )


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _turned_down_logging() -> Iterator[None]:
    from airflow.logging_config import configure_logging

    configure: Callable[[], object] = configure_logging
    if _LOGGING_LEVEL in os.environ:
        yield
        return
    with contextlib.ExitStack() as stack:
        # Called after the environment is as it was.
        stack.callback(configure)
        stack.enter_context(_environment(**{_LOGGING_LEVEL: "CRITICAL"}))
        configure()
        yield


@contextlib.contextmanager
def _only_file(file: Path) -> Iterator[None]:
    # Airflow imports all Dag files of a bundle, and a script that stands beside this one would run. Not by
    # [core] dags_folder, which Airflow has read when it was imported. It is the same bundle.
    bundle = {
        "name": "dags-folder",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(file)},
    }
    with _environment(
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps([bundle]),
    ):
        yield


def _migrate_database() -> None:
    from airflow.utils.db import initdb

    initdb()


@contextlib.contextmanager
def one_execution_api() -> Iterator[None]:
    """Have ``dag.test()`` keep one web application for all task instances, as Airflow 3.3 does by itself.

    Up to Airflow 3.2 it builds one for each of them, which takes seconds and leaves a thread behind.
    """
    from airflow.sdk.execution_time import supervisor

    build = supervisor.in_process_api_server
    if hasattr(build, "cache_info"):
        yield
        return
    supervisor.in_process_api_server = functools.cache(build)
    try:
        yield
    finally:
        supervisor.in_process_api_server = build


class _Progress:
    """One line that is overwritten; on anything but a terminal, a line every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.is_terminal = stream.isatty()
        self.interval = 0.1 if self.is_terminal else 5.0
        self.shown_at = -self.interval

    def is_due(self) -> bool:
        return time.monotonic() - self.shown_at >= self.interval

    def show(self, text: str) -> None:
        self.shown_at = time.monotonic()
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(f"\r\x1b[2K{text[:width]}" if self.is_terminal else f"{text}\n")
        self.stream.flush()

    def clear(self) -> None:
        if self.is_terminal:
            self.stream.write("\r\x1b[2K")
            self.stream.flush()


class _Watcher:
    """Airflow calls it, as a listener, in this process."""

    def __init__(self, dag_id: str, progress: _Progress) -> None:
        self.dag_id = dag_id
        self.progress = progress
        self.errors: dict[tuple[str, int], BaseException | str | None] = {}

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        if task_instance.dag_id == self.dag_id and self.progress.is_due():
            done, total = _count_task_instances(self.dag_id, task_instance.run_id)
            name = f"{task_instance.task_id} {task_instance.rendered_map_index or ''}"
            self.progress.show(f"{done}/{total} task instances done, running {name}")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException | str | None) -> None:
        self.errors[task_instance.task_id, task_instance.map_index] = error

    @contextlib.contextmanager
    def registered(self) -> Iterator[None]:
        manager = _listener_manager()
        manager.add_listener(self)
        try:
            yield
        finally:
            manager.pm.unregister(self)


def _listener_manager() -> Any:
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:  # up to Airflow 3.2, tasks and scheduler have one in common
        from airflow.listeners.listener import get_listener_manager  # type: ignore[assignment]
    return get_listener_manager()


def _count_task_instances(dag_id: str, run_id: str) -> tuple[int, int]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    query = select(TaskInstance.state, func.count()).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id
    )
    with create_session() as session:
        counts = [(state, count) for state, count in session.execute(query.group_by(TaskInstance.state))]
    return sum(count for state, count in counts if state in _FINISHED), sum(count for _, count in counts)


def _read_task_instances(
    dag_id: str, run_id: str, errors: Mapping[tuple[str, int], BaseException | str | None]
) -> Iterator[EmbeddedTaskInstance]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    order = (TaskInstance.start_date.is_(None), TaskInstance.start_date, TaskInstance.map_index)
    xcoms = _read_xcoms(dag_id, run_id)
    with create_session() as session:
        for ti in session.scalars(query.order_by(*order)):
            own = (ti.task_id, ti.map_index)
            results = dict(xcoms.get(own, {}))
            stored = results.pop(layout.METADATA_XCOM, None)
            yield EmbeddedTaskInstance(
                task_id=ti.task_id,
                map_index=ti.map_index,
                label=ti.rendered_map_index,
                state=None if ti.state is None else str(ti.state),
                results=results,
                metadata=layout.StoredMetadata() if stored is None else layout.StoredMetadata.unpack(stored),
                error=errors.get(own) if ti.state == "failed" else None,
            )


def _read_xcoms(dag_id: str, run_id: str) -> dict[tuple[str, int], dict[str, Any]]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    columns = (XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value)
    query = select(*columns).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id)
    found: dict[tuple[str, int], dict[str, Any]] = {}
    with create_session() as session:
        for task_id, map_index, key, value in session.execute(query):
            if not _is_internal(key):
                found.setdefault((task_id, map_index), {})[key] = _deserialize(value)
    return {own: _without_repeats(results) for own, results in found.items()}


def _without_repeats(results: dict[str, Any]) -> dict[str, Any]:
    # Airflow pushes the items of a returned dict once more, one by one, when it is annotated as a dict.
    returned = results.get(layout.RETURN_VALUE)
    items = returned if isinstance(returned, dict) else {}
    return {key: value for key, value in results.items() if key not in items or items[key] != value}


def _is_internal(key: str) -> bool:
    # What is stored a second time, for the package's own use.
    return key.startswith(layout.INTERNAL_XCOMS)


def _deserialize(value: Any) -> Any:
    try:
        return load(SimpleNamespace(value=value))
    except ImportError:  # a class that Airflow is not configured to load: its stored form says enough
        return value


class _Printer:
    """Prints a run: a table for each set of keys, then the other tasks, then the errors."""

    def __init__(self, dag: DAG) -> None:
        self.dag = dag
        self.console: Console = Console()
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console.width = 140

    def print_run(self, finished: EmbeddedRun) -> None:
        """Print all of it."""
        shown = [ti for ti in finished.task_instances if ti.state != "removed"]
        for title, clones in self._fan_outs(shown).items():
            keys = len({ti.map_index for ti in clones})
            self.console.print(Text.assemble("\n", (title, "bold"), f", keys: {keys}"))
            self.console.print(_clones_table(clones))
        for ti in shown:
            if ti.map_index == UNMAPPED:
                self.console.print(*_describe_task(ti), sep="\n")
        self._print_errors([ti for ti in shown if ti.state == "failed"])
        count = f"{len(shown)} task instances in {finished.seconds:.1f} s"
        self.console.print(Text.assemble(f"\n{finished.dag_id}: ", _colored(finished.state), f", {count}"))

    def _fan_outs(
        self, task_instances: Iterable[EmbeddedTaskInstance]
    ) -> dict[str, list[EmbeddedTaskInstance]]:
        """Mapped group, or mapped task outside of one -> its clones, those of a key in a row."""
        found: dict[str, list[EmbeddedTaskInstance]] = {}
        for ti in task_instances:
            if ti.map_index != UNMAPPED:
                group = self.dag.get_task(ti.task_id).get_closest_mapped_task_group()
                found.setdefault(ti.task_id if group is None else str(group.group_id), []).append(ti)
        return {title: sorted(clones, key=lambda ti: ti.map_index) for title, clones in found.items()}

    def _print_errors(self, failed: list[EmbeddedTaskInstance]) -> None:
        for ti in failed[:_SHOWN_ERRORS]:
            self.console.print(Text(f"\n{ti.name} failed: {self._describe_error(ti.error)}", style="red"))
        if len(failed) > _SHOWN_ERRORS:
            self.console.print(f"and {len(failed) - _SHOWN_ERRORS} more failed")
        if failed:
            self.console.print(f"\nSet {_LOGGING_LEVEL}=INFO to see Airflow's whole log.")

    def _describe_error(self, error: BaseException | str | None) -> str:
        if not isinstance(error, BaseException):
            return error or "Airflow could not run it"
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == self.dag.fileloc] or frames
        place = "".join(f" ({frame.filename}, line {frame.lineno})" for frame in own[-1:])
        return f"{type(error).__name__}: {error}{place}"


def _clones_table(clones: list[EmbeddedTaskInstance]) -> RenderableType:
    table = Table(box=SIMPLE_HEAD)
    for column in ("key", "task", "state", "result", "metadata"):
        table.add_column(column, overflow="fold")
    previous = UNMAPPED
    for ti in clones:
        is_new = ti.map_index != previous
        previous = ti.map_index
        metadata = {**(ti.metadata.inherited if is_new else {}), **_merged(ti.metadata)}
        table.add_row(
            Text(ti.label or "" if is_new else ""),
            Text(ti.task_id.rpartition(".")[2]),
            _colored(ti.state),
            Text(_one_line(ti.results)),
            Text(", ".join(f"{label}={_plain(value)}" for label, value in metadata.items())),
        )
    return table


def _describe_task(ti: EmbeddedTaskInstance) -> Iterator[RenderableType]:
    yield Text.assemble("\n", (ti.task_id, "bold"), " ", _colored(ti.state))
    for key, value in ti.results.items():
        yield Text(f"  {'result' if key == layout.RETURN_VALUE else key}: {_shortened(value, 10)}")
    for label, found in _merged(ti.metadata).items():
        if found.kind == "table":
            yield Text(f"  {label}:")
            yield from _describe_table(found.value["columns"], found.value["rows"])
        else:
            yield Text(f"  {label}: {_plain(found)}")


def _describe_table(columns: list[str], rows: list[dict[str, Any]]) -> Iterator[RenderableType]:
    table = Table(*columns, box=SIMPLE_HEAD)
    for row in rows[:_SHOWN_ROWS]:
        table.add_row(*(Text(str(row.get(column, ""))) for column in columns))
    yield table
    if len(rows) > _SHOWN_ROWS:
        yield Text(f"  and {len(rows) - _SHOWN_ROWS} more rows")


def _colored(state: str | None) -> Text:
    return Text(state or "none", style=_STYLES.get(state or "", ""))


def _merged(metadata: layout.StoredMetadata) -> dict[str, MetadataValue]:
    return {label: value for labelled in metadata.outputs.values() for label, value in labelled.items()}


def _one_line(results: Mapping[str, Any]) -> str:
    if set(results) <= {layout.RETURN_VALUE}:
        return "".join(_shortened(value, 6) for value in results.values())
    return ", ".join(f"{key}={_shortened(value, 6)}" for key, value in results.items())


def _shortened(value: Any, max_length: int) -> str:
    return pretty_repr(value, max_width=10_000, max_length=max_length, max_string=200)


def _plain(found: MetadataValue) -> str:
    value = found.value
    if found.kind == "table":
        return f"table of {len(value['rows'])} rows"
    if found.kind == "timestamp":
        return f"{value[:19]}Z"  # always in UTC
    if found.kind == "image":
        return value["alt"] or "image"
    return value if isinstance(value, str) else _shortened(value, 6)
