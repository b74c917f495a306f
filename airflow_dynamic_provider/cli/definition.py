"""Defines the commands for Airflow's command line. Every Airflow command loads this module."""

from __future__ import annotations

import sys
from typing import Any

from airflow_dynamic_provider.airflow_adapter.commands import (
    ARG_OUTPUT,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)

_MODULE = "airflow_dynamic_provider.cli"


def _argument(*flags: str, **options: Any) -> Arg:
    return Arg(flags, **options)  # type: ignore[no-untyped-call, unused-ignore]


DAG_ID = _argument("dag_id", help="The id of the Dag")
RUN_ID = _argument("run_id", help="The id of the Dag run; latest for the last run of the Dag")
KEY = _argument("key", help="The key: outer/inner or a JSON list for a path of keys")
OF = _argument(
    "--of",
    metavar="NAME",
    help="The dynamic output, as list names it (default: the one that has the key)",
)
KEYS = _argument(
    "--key",
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
    help="Only keys that match the pattern, as in a shell: *, ?, [a-z]. The pattern stands for the whole key",
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
KEY_TO_EXPLAIN = _argument("key", nargs="?", help="A key, to see its errors with their tracebacks")
YES = _argument("-y", "--yes", action="store_true", help="Clear the task instances (default: only show them)")
KEEP_CACHE = _argument(
    "--keep-cache",
    action="store_true",
    help="Let cached tasks use results that are kept (default: they compute and keep them again)",
)
EXPORTED_OF = _argument("--of", metavar="NAME", help="The dynamic output, as list names it (default: all)")
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

KEPT_DAG = _argument("--dag", metavar="DAG_ID", help="Only results of this Dag")
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

LIST = ActionCommand(
    name="list",
    help="List the dynamic outputs and workflows of a run",
    description="List the dynamic outputs of a Dag run with their keys by state, and its workflows with "
    "their nodes by state. A key shows the most important state among its task instances: failed before "
    "running before success.",
    func=lazy_load_command(f"{_MODULE}.list.list_outputs"),
    args=(DAG_ID, RUN_ID, ARG_OUTPUT, ARG_VERBOSE),
)

SHOW = ActionCommand(
    name="show",
    help="Show a key with its metadata and task instances",
    description="Show the origin of a key of a dynamic output, its metadata, and its task instances with "
    "their metadata.",
    func=lazy_load_command(f"{_MODULE}.show.show"),
    args=(DAG_ID, RUN_ID, KEY, OF, ARG_OUTPUT, ARG_VERBOSE),
)

KEYS_COMMAND = ActionCommand(
    name="keys",
    help="List the keys of a run with their states and durations",
    description="List the keys of the dynamic outputs of a Dag run in the order in which they were produced. "
    "A key shows the most important state among its task instances, and the sum of their durations. JSON "
    "and YAML also have the task instances, with their errors.",
    func=lazy_load_command(f"{_MODULE}.keys.keys"),
    args=(DAG_ID, RUN_ID, EXPORTED_OF, STATES, MATCH, LIMIT, ARG_OUTPUT, ARG_VERBOSE),
)

WHY = ActionCommand(
    name="why",
    help="Show why keys and tasks failed, grouped by their errors",
    description="Show the errors of the failed keys and tasks of a Dag run. Errors that differ only in "
    "numbers, paths, identifiers and the key are one group. With a key, show its errors with their "
    "tracebacks.",
    func=lazy_load_command(f"{_MODULE}.why.why"),
    args=(DAG_ID, RUN_ID, KEY_TO_EXPLAIN, OF, ARG_OUTPUT, ARG_VERBOSE),
)

CLEAR = ActionCommand(
    name="clear",
    help="Clear keys, or nodes of a workflow, with everything that depends on them and nothing else",
    description="Show which task instances would run again, and with --yes clear them. For keys of a dynamic "
    "output: those of the keys, and what depends on them key by key. For nodes of a @dynamic_workflow: the "
    "nodes, what depends on them in the plan, the workflow's result, and what is downstream of it in the "
    "Dag. Airflow's own clear does not know what depends on keys and nodes.",
    func=lazy_load_command(f"{_MODULE}.clear.clear"),
    args=(
        *(DAG_ID, RUN_ID, OF, KEYS, MATCH, STATE, STEP, WORKFLOW, NODE, KEEP_CACHE, YES),
        *(ARG_OUTPUT, ARG_VERBOSE),
    ),
)

EXPORT = ActionCommand(
    name="export",
    help="Write the states or the metadata of all keys as JSON or CSV",
    description="Write the state of each key in each task, or the metadata of keys and of their task "
    "instances. In CSV, a string that a spreadsheet would treat as a formula (it starts with =, +, -, @, a "
    "tab or a line ending) gets an apostrophe in front. JSON keeps the values unchanged.",
    func=lazy_load_command(f"{_MODULE}.export.export"),
    args=(DAG_ID, RUN_ID, EXPORTED_OF, WHAT, FORMAT, FILE, ARG_VERBOSE),
)

_KEPT = (KEPT_DAG, KEPT_TASK, KEPT_VERSION, KEPT_AGE)

CACHE = GroupCommand(
    name="cache",
    help="List, show and delete the results that cached tasks keep over runs",
    subcommands=(
        ActionCommand(
            name="list",
            help="List kept results",
            func=lazy_load_command(f"{_MODULE}.cache.list_results"),
            args=(*_KEPT, ARG_OUTPUT, ARG_VERBOSE),
        ),
        ActionCommand(
            name="show",
            help="Show a kept result with its value and its metadata",
            func=lazy_load_command(f"{_MODULE}.cache.show_result"),
            args=(KEPT_KEY, KEPT_DAG, KEPT_TASK, ARG_OUTPUT, ARG_VERBOSE),
        ),
        ActionCommand(
            name="clear",
            help="Delete kept results, so that they are computed again",
            description="Show which kept results would be deleted, and with --yes delete them.",
            func=lazy_load_command(f"{_MODULE}.cache.clear_results"),
            args=(*_KEPT, KEPT_ALL, DELETE, ARG_OUTPUT, ARG_VERBOSE),
        ),
    ),
)


def get_cli_commands() -> list[CLICommand]:
    """Return the commands of the package. Airflow calls this in each of its own commands."""
    if sys.argv[1:3] == ["celery", "worker"]:
        # A Celery worker calls no other function of the package before it forks.
        from airflow_dynamic_provider.airflow_adapter.parents import at_start_of_celery_worker
        from airflow_dynamic_provider.preloading import preload

        at_start_of_celery_worker(preload)
    return [
        GroupCommand(
            name="dynamic-outputs",
            help="Show, export and clear the keys of dynamic outputs and the nodes of workflows",
            subcommands=(LIST, KEYS_COMMAND, SHOW, WHY, CLEAR, EXPORT, CACHE),
        )
    ]
