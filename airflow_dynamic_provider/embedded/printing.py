"""Prints the results of an embedded run."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from airflow_dynamic_provider.airflow_adapter.embedded_run import LOGGING_LEVEL
from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow.sdk import DAG

    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.embedded.results import EmbeddedRun, EmbeddedTaskInstance

_STYLES = {
    "success": "green",
    "failed": "bold red",
    "upstream_failed": "dark_orange",
    "skipped": "magenta",
}

# An environment variable that is not empty prints all keys.
ALL_KEYS = "DYNAMIC_OUTPUTS_ALL_KEYS"

_NOT_RUN = "Airflow could not run it"
# The most columns of a terminal that a key takes, the least that a result takes, and what stands between.
_MOST_ROOM = 40
_LEAST_ROOM = 20
_BORDERS = 16
_SHOWN_KEYS = 20
_SHOWN_ROWS = 12
_SHOWN_ERRORS = 10
_NOT_SUCCEEDED = ("failed", "upstream_failed")


class Printer:
    """Prints a run: a table for each set of keys, then the other tasks, then the errors.

    A key in a batch is shown like any other. A table shows at most 20 keys, the failed ones first, and says
    how many more there are. It shows all keys
    if the environment variable ``DYNAMIC_OUTPUTS_ALL_KEYS`` is not empty.

    Args:
        dag: The Dag.
    """

    def __init__(self, dag: DAG) -> None:
        self._dag = dag
        self._all_keys = bool(os.environ.get(ALL_KEYS))
        self._console: Console = Console()
        if not self._console.is_terminal and "COLUMNS" not in os.environ:
            self._console.width = 140

    def print_run(self, finished: EmbeddedRun) -> None:
        """Print the whole run."""
        ran = [ti for ti in finished.task_instances if ti.state != "removed"]
        shown = list(_with_keys_of_batches(ran, finished.keys_in_batches))
        for title, clones in self._fan_outs(shown).items():
            self._print_keys(title, clones)
        for ti in shown:
            if ti.map_index == UNMAPPED:
                self._console.print(*_describe_task(ti), sep="\n")
        self._print_errors([ti for ti in shown if ti.state == "failed"])
        count = f"{len(ran)} task instances in {finished.seconds:.1f} s"
        self._console.print(Text.assemble(f"\n{finished.dag_id}: ", _colored(finished.state), f", {count}"))

    def _print_keys(self, title: str, clones: list[EmbeddedTaskInstance]) -> None:
        keys = _by_key(clones)
        shown = keys if self._all_keys else keys[:_SHOWN_KEYS]
        self._console.print(Text.assemble("\n", (title, "bold"), f", keys: {len(keys)}"))
        self._console.print(_clones_table(shown, self._console.width))
        if len(shown) < len(keys):
            more = f"and {len(keys) - len(shown)} more keys. Failed keys come first. {ALL_KEYS}=1 prints all."
            self._console.print(Text(f"  {more}"))

    def _fan_outs(
        self, task_instances: Iterable[EmbeddedTaskInstance]
    ) -> dict[str, list[EmbeddedTaskInstance]]:
        """Return mapped group, or mapped task outside of one -> its clones, sorted by key."""
        found: dict[str, list[EmbeddedTaskInstance]] = {}
        for ti in task_instances:
            if ti.map_index != UNMAPPED:
                group = self._dag.get_task(ti.task_id).get_closest_mapped_task_group()
                found.setdefault(ti.task_id if group is None else str(group.group_id), []).append(ti)
        return {title: sorted(clones, key=lambda ti: ti.map_index) for title, clones in found.items()}

    def _print_errors(self, failed: list[EmbeddedTaskInstance]) -> None:
        for ti in failed[:_SHOWN_ERRORS]:
            self._console.print(Text(f"\n{ti.name} failed: {self._describe_error(ti.error)}", style="red"))
        if len(failed) > _SHOWN_ERRORS:
            self._console.print(f"and {len(failed) - _SHOWN_ERRORS} more failed")
        if failed:
            self._console.print(f"\nSet {LOGGING_LEVEL}=INFO to see Airflow's whole log.")

    def _describe_error(self, error: BaseException | str | None) -> str:
        if not isinstance(error, BaseException):
            return error or _NOT_RUN
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == self._dag.fileloc] or frames
        place = "".join(f" ({frame.filename}, line {frame.lineno})" for frame in own[-1:])
        return f"{type(error).__name__}: {error}{place}"


def _with_keys_of_batches(
    ran: Iterable[EmbeddedTaskInstance], in_batches: Mapping[str, tuple[EmbeddedTaskInstance, ...]]
) -> Iterator[EmbeddedTaskInstance]:
    """Yield the task instances with the keys of a task's batches in place of its first batch."""
    todo = dict(in_batches)
    for ti in ran:
        if ti.task_id not in in_batches:
            yield ti
        yield from todo.pop(ti.task_id, ())


def _by_key(clones: list[EmbeddedTaskInstance]) -> list[list[EmbeddedTaskInstance]]:
    """Return the clones of each key in the order of the keys, but with failed keys first."""
    keys: dict[int, list[EmbeddedTaskInstance]] = {}
    for ti in clones:
        keys.setdefault(ti.map_index, []).append(ti)
    return sorted(keys.values(), key=lambda of_key: not _is_failed(of_key))


def _is_failed(of_key: list[EmbeddedTaskInstance]) -> bool:
    return any(ti.state in _NOT_SUCCEEDED for ti in of_key)


def _clones_table(keys: list[list[EmbeddedTaskInstance]], width: int) -> RenderableType:
    """Return a table with one line for each clone. A result that is too long ends with an ellipsis."""
    lines = [line for of_key in keys for line in _lines(of_key)]
    names = [max(cell_len(line[column].plain) for line in lines) for column in range(3)]
    room = max(_LEAST_ROOM, (width - sum(min(each, _MOST_ROOM) for each in names) - _BORDERS) // 2)
    table = Table(box=SIMPLE_HEAD)
    for column in ("key", "task", "state", "result", "metadata"):
        table.add_column(column, overflow="fold")
    for line in lines:
        for cell in line[3:]:
            cell.truncate(room, overflow="ellipsis")
        table.add_row(*line)
    return table


def _lines(of_key: list[EmbeddedTaskInstance]) -> Iterator[list[Text]]:
    for number, ti in enumerate(of_key):
        metadata = {**({} if number else ti.metadata.inherited), **_merged(ti.metadata)}
        yield [
            Text("" if number else ti.label or ""),
            Text(ti.task_id.rpartition(".")[2]),
            _colored(ti.state),
            Text(_one_line(ti.results)) if ti.error is None else Text(_one_line_error(ti.error), "red"),
            Text(", ".join(f"{label}={_plain(value)}" for label, value in metadata.items())),
        ]


def _describe_task(ti: EmbeddedTaskInstance) -> Iterator[RenderableType]:
    yield Text.assemble("\n", (ti.task_id, "bold"), " ", _colored(ti.state))
    for key, value in ti.results.items():
        yield Text(f"  {'result' if key == layout.RETURN_VALUE else key}: {excerpt(value)}")
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
        return "".join(excerpt(value) for value in results.values())
    return ", ".join(f"{key}={excerpt(value)}" for key, value in results.items())


def _one_line_error(error: BaseException | str) -> str:
    text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
    return " ".join(text.split())


def _plain(found: MetadataValue) -> str:
    value = found.value
    if found.kind == "table":
        return f"table of {len(value['rows'])} rows"
    if found.kind == "timestamp":
        return f"{value[:19]}Z"  # always in UTC
    if found.kind == "image":
        return value["alt"] or "image"
    return value if isinstance(value, str) else excerpt(value)
