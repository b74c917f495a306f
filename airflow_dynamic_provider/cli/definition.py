"""What Airflow's command line reads: names, arguments and texts. Light: every command of Airflow loads it."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand, lazy_load_command

_MODULE = "airflow_dynamic_provider.cli"


def _argument(*flags: str, **options: Any) -> Arg:
    return Arg(flags, **options)  # type: ignore[no-untyped-call, unused-ignore]


DAG_ID = _argument("dag_id", help="The id of the Dag")
RUN_ID = _argument("run_id", help="The id of the Dag run")
WORKFLOW = _argument(
    "--workflow",
    metavar="GROUP",
    required=True,
    help="The workflow: the id of its task group in the Dag",
)
NODE = _argument(
    "--node",
    metavar="NAME",
    action="append",
    help="A node, by its label without the key, or a call with all its nodes; may be given more than once",
)
STATE = _argument("--state", choices=("failed",), help="All nodes that failed")
KEY = _argument(
    "--key",
    metavar="KEY_PATH",
    help="In a workflow inside a map: only of this key, outer/inner or a JSON list for a path of keys "
    "(default: of all keys)",
)
YES = _argument("-y", "--yes", action="store_true", help="Clear it; without this it is only shown")
OUTPUT = _argument(
    "-o",
    "--output",
    choices=("table", "json", "yaml"),
    default="table",
    help="How the task instances are listed (default: table)",
)

CLEAR = ActionCommand(
    name="clear",
    help="Run nodes of a workflow again, with all that depends on them and nothing else",
    description="Show which task instances run again when nodes of a @dynamic_workflow are cleared: the "
    "nodes, what depends on them in the plan, the workflow's result and what is downstream of it in the "
    "Dag. Airflow's own clear does not know what nodes depend on. Nothing is changed without --yes.",
    func=lazy_load_command(f"{_MODULE}.clear.clear"),
    args=(DAG_ID, RUN_ID, WORKFLOW, NODE, STATE, KEY, YES, OUTPUT),
)


def get_cli_commands() -> list[CLICommand]:
    """Return the commands of the package. Airflow calls this for each of its own commands."""
    return [
        GroupCommand(
            name="dynamic-outputs",
            help="Look at and run again what dynamic outputs and workflows have made",
            subcommands=(CLEAR,),
        )
    ]
