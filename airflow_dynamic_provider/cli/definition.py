"""Defines the commands. Every Airflow command loads this module, so it imports nothing of Airflow."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_dynamic_provider.cli.login import ENVIRONMENT, TOKEN, find_login

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Sequence

    from airflow_dynamic_provider.airflow_adapter.commands import CLICommand

_COMPLETION = "airflow_dynamic_provider.cli.completion"


class Argument(NamedTuple):
    """An argument of a command.

    Attributes:
        flags: Its name or its flags.
        options: What `argparse` takes.
        completer: The function of `cli.completion` that completes it; empty for none.
    """

    flags: tuple[str, ...]
    options: dict[str, Any]
    completer: str = ""

    def add_to_parser(self, parser: ArgumentParser) -> None:
        """Add it to a parser."""
        action = parser.add_argument(*self.flags, **self.options)
        if self.completer:
            # What argcomplete reads. It calls this only if the shell asks for completions.
            action.completer = _loaded(f"{_COMPLETION}.{self.completer}")  # type: ignore[attr-defined]


class Command(NamedTuple):
    """A command.

    Attributes:
        name: Its name.
        help: One line about it.
        function: The function that executes it: its module below `cli`, and its name.
        arguments: Its arguments.
        description: More about it; ``None`` for no more than the line.
    """

    name: str
    help: str
    function: str
    arguments: Sequence[Argument]
    description: str | None = None

    def execute(self, args: Namespace) -> None:
        """Execute it. The command line calls this."""
        function = _load(f"airflow_dynamic_provider.cli.{self.function}")
        args.login = find_login(args)
        if args.login is None:
            # Airflow notes in its audit log who reads its database.
            from airflow_dynamic_provider.airflow_adapter.commands import as_airflow_command

            function = as_airflow_command(function)
        function(args)


class Group(NamedTuple):
    """A group of commands.

    Attributes:
        name: Its name.
        help: One line about it.
        commands: The commands.
    """

    name: str
    help: str
    commands: Sequence[Command | Group]


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


def _loaded(path: str) -> Callable[..., Any]:
    """Return a function that loads another one when it is called."""
    return lambda *arguments, **named: _load(path)(*arguments, **named)


def _argument(*flags: str, completer: str = "", **options: Any) -> Argument:
    return Argument(flags, options, completer)


DAG_ID = _argument("dag_id", completer="dag_ids", help="The id of the Dag")
RUN_ID = _argument(
    "run_id", completer="run_ids", help="The id of the Dag run; latest for the last run of the Dag"
)
KEY = _argument("key", completer="keys", help="The key: outer/inner or a JSON list for a path of keys")
OF = _argument(
    "--of",
    completer="outputs",
    metavar="NAME",
    help="The dynamic output, as list names it (default: the one that has the key)",
)
KEYS = _argument(
    "--key",
    completer="keys",
    metavar="KEY",
    action="append",
    help="A key: outer/inner or a JSON list for a path of keys. It may be given more than once. An outer key "
    "stands for all keys below it. With --workflow, for a workflow inside a map: only the graph of this key",
)
WORKFLOW = _argument(
    "--workflow",
    metavar="GROUP",
    help="A workflow instead of a dynamic output: the id of its task group in the Dag",
)
NODE = _argument(
    "--node",
    metavar="NAME",
    action="append",
    help="A node of the workflow, by its label without the key, or a call with all its nodes. It may be "
    "given more than once",
)
STATE = _argument(
    "--state",
    choices=("failed",),
    help="All failed keys, of all dynamic outputs or of the one of --of. With --key or --match, only the "
    "failed task instances of these keys. With --workflow, all failed nodes",
)
STATES = _argument(
    "--state",
    metavar="STATE",
    action="append",
    help="Only keys in this state, such as failed, running or success; none for keys without a state. It may "
    "be given more than once",
)
MATCH = _argument(
    "--match",
    metavar="PATTERN",
    # Airflow's help takes square brackets for markup.
    help="Only keys that match the pattern, as in a shell: *, ? and ranges in square brackets. The pattern "
    "stands for the whole key",
)
STEP = _argument(
    "--step",
    metavar="STEP",
    action="append",
    help="One task of a key, as Dagster names steps: 'task[key]', 'task[?]' for all keys, or 'task' if it is "
    "not mapped. It may be given more than once",
)
LIMIT = _argument(
    "--limit", type=int, default=1000, metavar="NUMBER", help="The maximum number of keys (default: 1000)"
)
WATCH = _argument(
    "-w",
    "--watch",
    action="store_true",
    help="Show how far the keys of each task are, how fast they end and the time left, until the run ends",
)
OTHER_RUN_ID = _argument(
    "other_run_id", completer="run_ids", help="The id of the later run; latest for the last run of the Dag"
)
KEY_TO_EXPLAIN = _argument(
    "key", nargs="?", completer="keys", help="A key, to see its errors with their tracebacks"
)
YES = _argument("-y", "--yes", action="store_true", help="Clear the task instances (default: only show them)")
KEEP_CACHE = _argument(
    "--keep-cache",
    action="store_true",
    help="Let cached tasks use results that are kept (default: they compute and keep them again)",
)
EXPORTED_OF = _argument(
    "--of", metavar="NAME", completer="outputs", help="The dynamic output, as list names it (default: all)"
)
WHAT = _argument(
    "--what",
    choices=("states", "metadata"),
    default="states",
    help="The state of each key in each task, or the metadata of keys and of their tasks (default: states)",
)
FORMAT = _argument(
    *("-o", "--output", "--format"),
    dest="format",
    choices=("json", "csv"),
    default="json",
    help="The format of the output (default: json)",
)
FILE = _argument("--file", metavar="PATH", help="The file to write (default: standard output)")

KEPT_DAG = _argument(
    "--dag",
    metavar="DAG_ID",
    completer="dag_ids",
    help="Only results of this Dag; needed with an API server",
)
KEPT_TASK = _argument(
    "--task",
    metavar="TASK_ID",
    help="Only results of this task; for nodes of a workflow, GROUP.KIND, and for a whole workflow, GROUP",
)
KEPT_VERSION = _argument("--version", metavar="VERSION", help="Only results of this version")
KEPT_AGE = _argument("--older-than", metavar="AGE", help="Only older results: 30m, 12h or 7d")
KEPT_KEY = _argument("key", help="The key of the result, or the beginning of it")
KEPT_ALL = _argument("--all", action="store_true", help="All results")
DELETE = _argument("-y", "--yes", action="store_true", help="Delete the results (default: only show them)")

OUTPUT = _argument(
    *("-o", "--output"),
    metavar="(table, json, yaml, plain)",
    choices=("table", "json", "yaml", "plain"),
    default="table",
    help="Output format. Allowed values: json, yaml, plain, table (default: table)",
)
VERBOSE = _argument("-v", "--verbose", action="store_true", help="Make logging output more verbose")
SERVER_URL = _argument(
    "--url",
    metavar="URL",
    help="Ask this API server instead of the database, such as https://airflow.example.com. The token is "
    f"that of the environment variable {TOKEN}, or what airflowctl keeps for this URL",
)
SERVER_ENVIRONMENT = _argument(
    "--env",
    metavar="NAME",
    help="Ask the API server of this environment of airflowctl instead of the database (default: the "
    f"environment variable {ENVIRONMENT})",
)

_REMOTE = (SERVER_URL, SERVER_ENVIRONMENT, VERBOSE)
_COMMON = (OUTPUT, *_REMOTE)

LIST = Command(
    name="list",
    help="List the dynamic outputs and workflows of a run",
    description="List the dynamic outputs of a Dag run with their keys by state, and its workflows with "
    "their nodes by state. A key shows the most important state among its task instances: failed before "
    "running before success.",
    function="list.list_outputs",
    arguments=(DAG_ID, RUN_ID, WATCH, *_COMMON),
)

DIFF = Command(
    name="diff",
    help="Show which keys differ between two runs",
    description="Show the keys that are new, gone, newly failed, repaired or slower in the second run. A key "
    "is slower if it took at least half as long again, and a second longer.",
    function="diff.diff",
    arguments=(DAG_ID, RUN_ID, OTHER_RUN_ID, EXPORTED_OF, *_COMMON),
)

SHOW = Command(
    name="show",
    help="Show a key with its metadata and task instances",
    description="Show the origin of a key of a dynamic output, its metadata, and its task instances with "
    "their metadata.",
    function="show.show",
    arguments=(DAG_ID, RUN_ID, KEY, OF, *_COMMON),
)

KEYS_COMMAND = Command(
    name="keys",
    help="List the keys of a run with their states and durations",
    description="List the keys of the dynamic outputs of a Dag run in the order in which they were produced. "
    "A key shows the most important state among its task instances, and the sum of their durations. JSON "
    "and YAML also have the task instances, with their errors.",
    function="keys.keys",
    arguments=(DAG_ID, RUN_ID, EXPORTED_OF, STATES, MATCH, LIMIT, *_COMMON),
)

WHY = Command(
    name="why",
    help="Show why keys and tasks failed, grouped by their errors",
    description="Show the errors of the failed keys and tasks of a Dag run. Errors that differ only in "
    "numbers, paths, identifiers and the key are one group. With a key, show its errors with their "
    "tracebacks.",
    function="why.why",
    arguments=(DAG_ID, RUN_ID, KEY_TO_EXPLAIN, OF, *_COMMON),
)

CLEAR = Command(
    name="clear",
    help="Clear keys, or nodes of a workflow, with everything that depends on them and nothing else",
    description="Show which task instances would run again, and with --yes clear them. For keys of a dynamic "
    "output: those of the keys, and what depends on them key by key. For nodes of a @dynamic_workflow: the "
    "nodes, what depends on them in the plan, the workflow's result, and what is downstream of it in the "
    "Dag. Airflow's own clear does not know what depends on keys and nodes.",
    function="clear.clear",
    arguments=(
        *(DAG_ID, RUN_ID, OF, KEYS, MATCH, STATE, STEP, WORKFLOW, NODE, KEEP_CACHE, YES),
        *_COMMON,
    ),
)

EXPORT = Command(
    name="export",
    help="Write the states or the metadata of all keys as JSON or CSV",
    description="Write the state of each key in each task, or the metadata of keys and of their task "
    "instances. In CSV, a string that a spreadsheet would treat as a formula (it starts with =, +, -, @, a "
    "tab or a line ending) gets an apostrophe in front. JSON keeps the values unchanged.",
    function="export.export",
    arguments=(DAG_ID, RUN_ID, EXPORTED_OF, WHAT, FORMAT, FILE, *_REMOTE),
)

_KEPT = (KEPT_DAG, KEPT_TASK, KEPT_VERSION, KEPT_AGE)

CACHE = Group(
    name="cache",
    help="List, show and delete the results that cached tasks keep over runs",
    commands=(
        Command(
            name="list",
            help="List kept results",
            function="cache.list_results",
            arguments=(*_KEPT, *_COMMON),
        ),
        Command(
            name="show",
            help="Show a kept result with its value and its metadata",
            function="cache.show_result",
            arguments=(KEPT_KEY, KEPT_DAG, KEPT_TASK, *_COMMON),
        ),
        Command(
            name="clear",
            help="Delete kept results, so that they are computed again",
            description="Show which kept results would be deleted, and with --yes delete them.",
            function="cache.clear_results",
            arguments=(*_KEPT, KEPT_ALL, DELETE, *_COMMON),
        ),
    ),
)


COMMANDS = Group(
    name="dynamic-outputs",
    help="Show, export and clear the keys of dynamic outputs and the nodes of workflows",
    commands=(LIST, KEYS_COMMAND, SHOW, WHY, DIFF, CLEAR, EXPORT, CACHE),
)


def get_cli_commands() -> list[CLICommand]:
    """Return the commands of the package. Airflow calls this in each of its own commands."""
    from airflow_dynamic_provider.airflow_adapter.commands import airflow_group

    if sys.argv[1:3] == ["celery", "worker"]:
        # A Celery worker calls no other function of the package before it forks.
        from airflow_dynamic_provider.airflow_adapter.parents import at_start_of_celery_worker
        from airflow_dynamic_provider.preloading import preload

        at_start_of_celery_worker(preload)
    return [airflow_group(COMMANDS)]
