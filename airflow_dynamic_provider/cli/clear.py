"""``airflow dynamic-outputs clear``: runs nodes of a workflow again, with what depends on them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.cli.simple_table import AirflowConsole
from airflow.utils.cli import action_cli, suppress_logs_and_warning
from airflow.utils.session import create_session

from airflow_dynamic_provider.database.clearing import Selection, ToClear, find
from airflow_dynamic_provider.database.clearing import clear as clear_in_database
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.errors import DynamicOutputsError

if TYPE_CHECKING:
    from argparse import Namespace


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def clear(args: Namespace) -> None:
    """Show what would run again, and with ``--yes`` clear it. Airflow's command line calls this.

    Raises:
        SystemExit: The arguments do not go together, or name what is not there.
    """
    if bool(args.node) == bool(args.state):
        raise SystemExit("Say which nodes: either --node NAME, as often as you like, or --state failed.")
    selection = Selection(args.workflow, args.node or (), args.key)
    with create_session() as session:
        try:
            run = open_run(session, args.dag_id, args.run_id)
            to_clear = find(run, selection)
        except DynamicOutputsError as error:
            raise SystemExit(str(error)) from error
        rows = [_row(ti, to_clear) for ti in to_clear.task_instances]
        if args.yes:
            clear_in_database(run, to_clear)
    # Standard output is for the list alone, so that it can be read by another program.
    if rows or args.output != "table":
        AirflowConsole().print_as(rows, args.output)
    _say(_summary(len(rows), args.yes))
    if to_clear.failed_besides:
        _say(_warning(to_clear))


def _row(ti: Any, to_clear: ToClear) -> dict[str, Any]:
    node = to_clear.labels.get((ti.task_id, ti.map_index)) or ti.rendered_map_index
    return {
        "task_id": ti.task_id,
        "map_index": ti.map_index,
        "name": "" if node is None or ti.map_index < 0 else node,
        "state": "" if ti.state is None else str(getattr(ti.state, "value", ti.state)),
    }


def _summary(count: int, is_cleared: bool) -> str:
    if not count:
        return "No node failed: there is nothing to run again."
    noun = "task instance" if count == 1 else "task instances"
    return f"Cleared {count} {noun}." if is_cleared else f"Would clear {count} {noun}. Add --yes to do it."


def _warning(to_clear: ToClear) -> str:
    names = ", ".join(map(repr, to_clear.failed_besides))
    consequence = (
        "the workflow fails fast, so nothing of it runs until they are cleared too"
        if to_clear.is_fail_fast
        else "the workflow fails until they are cleared too"
    )
    return f"These nodes failed besides: {names}; {consequence} (--state failed takes all)."


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
