"""``airflow dynamic-outputs keys``: lists the keys of a run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.commands import action_cli, suppress_logs_and_warning
from airflow_dynamic_provider.cli.common import opened_run, say
from airflow_dynamic_provider.cli.printing import print_rows
from airflow_dynamic_provider.database.export import describe_cell
from airflow_dynamic_provider.database.key_naming import chosen_spaces
from airflow_dynamic_provider.database.matrix import Matrix, Query, Row
from airflow_dynamic_provider.definitions.keys import render_key

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from airflow_dynamic_provider.database.structure import SpaceInfo

# The number of keys that are read at once.
_AT_ONCE = 400


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def keys(args: Namespace) -> None:
    """List keys in the order in which they were produced. Airflow's command line calls this.

    Raises:
        SystemExit: There is no such run or dynamic output.
    """
    as_document = args.output in ("json", "yaml")
    with opened_run(args) as run:
        matrices = [Matrix(run.source, info) for info in chosen_spaces(run, args.of)]
        found = (row for matrix in matrices for row in _rows(matrix, args, as_document=as_document))
        rows = list(islice(found, args.limit))
        is_more = next(found, None) is not None
        messages = [message for matrix in matrices if (message := matrix.keys.message)]
    print_rows(rows, args.output)
    if is_more:
        say(f"These are the first {args.limit} keys. There are more: --limit NUMBER shows them.")
    for message in messages:
        say(message)
    if not rows and not messages:
        say("No key is selected." if args.state or args.match else "There are no keys.")


def _rows(matrix: Matrix, args: Namespace, *, as_document: bool) -> Iterator[dict[str, Any]]:
    info = matrix.info
    positions = matrix.choose(Query(match=args.match or "", states=args.state or ()))
    for start in range(0, len(positions), _AT_ONCE):
        for row in matrix.rows(positions[start : start + _AT_ONCE]):
            yield _document(info, row) if as_document else _line(info, row)


def _line(info: SpaceInfo, row: Row) -> dict[str, Any]:
    return {
        "of": info.of,
        "key": render_key(row.key_path),
        "state": row.state or "none",
        "seconds": row.duration,
    }


def _document(info: SpaceInfo, row: Row) -> dict[str, Any]:
    tasks = [describe_cell(task_id, cell) for task_id, cell in row.cells.items()]
    return {**_line(info, row), "key_path": list(row.key_path), "task_instances": tasks}
