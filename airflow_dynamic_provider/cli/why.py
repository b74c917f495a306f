"""``airflow dynamic-outputs why``: shows why keys and tasks failed, grouped by their errors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.commands import action_cli, suppress_logs_and_warning
from airflow_dynamic_provider.cli.common import opened_run, say
from airflow_dynamic_provider.cli.printing import print_document, print_tables
from airflow_dynamic_provider.database.cells import Cells
from airflow_dynamic_provider.database.failure_groups import group_failures
from airflow_dynamic_provider.database.key_naming import chosen_spaces, find_key

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.database.failure_groups import FailureGroup
    from airflow_dynamic_provider.database.runs import OpenRun

# The number of keys of a group that a table names.
_NAMED = 3


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def why(args: Namespace) -> None:
    """Show the errors of a run, or those of one key. Airflow's command line calls this.

    Raises:
        SystemExit: There is no such run, key or dynamic output.
    """
    with opened_run(args) as run:
        if args.key is None:
            _show_groups(run, args)
        else:
            _show_key(run, args)


def _show_groups(run: OpenRun, args: Namespace) -> None:
    found = group_failures(run, chosen_spaces(run, args.of) if run.structure.spaces or args.of else ())
    if args.output in ("json", "yaml"):
        print_document([_document(group) for group in found.groups], args.output)
    else:
        print_tables([[_line(group) for group in found.groups]], args.output)
    if found.left_out:
        say(f"{found.left_out} more failed keys were not read.")
    say(_summary(found.groups))


def _document(group: FailureGroup) -> dict[str, Any]:
    return {
        "count": len(group.names),
        "task_id": group.task_id,
        "of": group.of,
        "error": group.error,
        "keys": group.names,
    }


def _line(group: FailureGroup) -> dict[str, Any]:
    named = group.names if group.of is not None else []
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return {
        "count": len(group.names),
        "task_id": group.task_id,
        "error": group.error,
        "keys": ", ".join(named[:_NAMED]) + more,
    }


def _summary(groups: Any) -> str:
    if not groups:
        return "Nothing failed."
    count = sum(len(group.names) for group in groups)
    failures = "1 failure" if count == 1 else f"{count} failures"
    return f"{failures} with {'1 error' if len(groups) == 1 else f'{len(groups)} different errors'}."


def _show_key(run: OpenRun, args: Namespace) -> None:
    named = find_key(run, args.key, args.of)
    position = named.keys.positions[named.paths[0]]
    cells = Cells(run.source, named.info, named.keys).at([position])[position]
    found = [
        {
            "task_id": task_id,
            "state": cell.state,
            "error": cell.error,
            "reason": cell.reason,
            "traceback": None if cell.failure is None else cell.failure.traceback,
        }
        for task_id, cell in cells.items()
        if cell is not None and (cell.error or cell.reason)
    ]
    if args.output in ("json", "yaml"):
        print_document(found, args.output)
        return
    print_tables(
        [[{"task_id": each["task_id"], "why": each["error"] or each["reason"]} for each in found]],
        args.output,
    )
    for each in found:
        if each["traceback"]:
            sys.stdout.write(f"\n{each['traceback'].rstrip()}\n")
    if not found:
        say("No error and no reason is stored for this key.")
