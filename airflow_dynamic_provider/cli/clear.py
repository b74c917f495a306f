"""``airflow dynamic-outputs clear``: runs nodes of a workflow again, with what depends on them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.cli.simple_table import AirflowConsole
from airflow.utils.cli import action_cli, suppress_logs_and_warning
from airflow.utils.session import create_session

from airflow_dynamic_provider.database.clearing import ToClear
from airflow_dynamic_provider.database.clearing import clear as clear_in_database
from airflow_dynamic_provider.database.node_clearing import NodeSelection, find_nodes
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.errors import DynamicOutputsError

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.database.instances import Instance


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def clear(args: Namespace) -> None:
    """Show what would run again, and with ``--yes`` clear it. Airflow's command line calls this.

    Raises:
        SystemExit: The arguments do not go together, or name what is not there.
    """
    if bool(args.node) == bool(args.state):
        raise SystemExit("Say which nodes: either --node NAME, as often as you like, or --state failed.")
    selection = NodeSelection(args.workflow, args.node or (), args.key)
    with create_session() as session:
        try:
            run = open_run(session, args.dag_id, args.run_id)
            to_clear = find_nodes(run, selection)
        except DynamicOutputsError as error:
            raise SystemExit(str(error)) from error
        rows = [_row(instance, to_clear) for instance in to_clear.instances]
        if args.yes:
            clear_in_database(run, to_clear)
    # Standard output is for the list alone, so that it can be read by another program.
    if rows or args.output != "table":
        AirflowConsole().print_as(rows, args.output)
    _say(_summary(len(rows), args.yes))
    if to_clear.warning:
        _say(f"{to_clear.warning} (--state failed takes all).")


def _row(instance: Instance, to_clear: ToClear) -> dict[str, Any]:
    return {
        "task_id": instance.task_id,
        "map_index": instance.map_index,
        "name": to_clear.label(instance),
        "state": instance.state or "",
    }


def _summary(count: int, is_cleared: bool) -> str:
    if not count:
        return "No node failed: there is nothing to run again."
    noun = "task instance" if count == 1 else "task instances"
    return f"Cleared {count} {noun}." if is_cleared else f"Would clear {count} {noun}. Add --yes to do it."


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
