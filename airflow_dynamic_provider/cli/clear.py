"""``airflow dynamic-outputs clear``: clears keys, or nodes of a workflow, with what depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.commands import action_cli, suppress_logs_and_warning
from airflow_dynamic_provider.cli.common import opened_run, say
from airflow_dynamic_provider.cli.printing import print_rows
from airflow_dynamic_provider.database.clearing import ToClear
from airflow_dynamic_provider.database.clearing import clear as clear_in_database
from airflow_dynamic_provider.database.key_clearing import find_keys
from airflow_dynamic_provider.database.key_naming import find_keys_to_clear, find_matching
from airflow_dynamic_provider.database.node_clearing import NodeSelection, find_nodes

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.database.instances import Instance
    from airflow_dynamic_provider.database.runs import OpenRun


@action_cli  # type: ignore[untyped-decorator, unused-ignore]
@suppress_logs_and_warning
def clear(args: Namespace) -> None:
    """Show which task instances would run again, and with ``--yes`` clear them.

    Airflow's command line calls this.

    Raises:
        SystemExit: The arguments cannot be combined, or name something that does not exist.
    """
    _check_arguments(args)
    with opened_run(args) as run:
        to_clear = _find(run, args)
        rows = [_row(instance, to_clear) for instance in to_clear.first()]
        if args.yes:
            clear_in_database(run, to_clear, keep_results=args.keep_cache)
    print_rows(rows, args.output)
    say(_summary(len(rows), args))
    if to_clear.warning:
        say(f"{to_clear.warning}{' (--state failed clears all)' if args.workflow else ''}.")


def _check_arguments(args: Namespace) -> None:
    """Refuse arguments that cannot be combined.

    Raises:
        SystemExit: The arguments cannot be combined.
    """
    if args.step:
        if args.key or args.match or args.state or args.of or args.workflow or args.node:
            raise SystemExit("--step says all that is cleared: leave the other selections out.")
        return
    if not args.workflow:
        if args.node:
            raise SystemExit("--node names a node of a workflow. Name the workflow with --workflow GROUP.")
        if args.key and args.match:
            raise SystemExit("Use either --key or --match: a pattern selects keys by itself.")
        if not (args.key or args.match or args.state):
            raise SystemExit(
                "Say what to clear: --key KEY, as often as you like, --match PATTERN, or --state failed. "
                "For a workflow: --workflow GROUP with --node NAME or --state failed."
            )
        return
    if args.of:
        raise SystemExit("Use either --of, for keys of a dynamic output, or --workflow, for nodes.")
    if args.match:
        raise SystemExit("--match selects keys of dynamic outputs. With --workflow, name nodes with --node.")
    if bool(args.node) == bool(args.state):
        raise SystemExit("Say which nodes: either --node NAME, as often as you like, or --state failed.")
    if len(args.key or ()) > 1:
        raise SystemExit("With --workflow, use --key once at most: it names the key of one graph.")


def _find(run: OpenRun, args: Namespace) -> ToClear:
    if args.step:
        # Imported here, because few clears name steps.
        from airflow_dynamic_provider.database.step_naming import find_steps

        return find_steps(run, args.step)
    return _find_nodes(run, args) if args.workflow else _find_keys(run, args)


def _find_nodes(run: OpenRun, args: Namespace) -> ToClear:
    key = args.key[0] if args.key else None
    return find_nodes(run, NodeSelection(args.workflow, args.node or (), key))


def _find_keys(run: OpenRun, args: Namespace) -> ToClear:
    is_failed = args.state == "failed"
    if args.match:
        return find_keys(run, *find_matching(run, args.match, args.of, only_failed=is_failed))
    return find_keys(run, *find_keys_to_clear(run, args.key or (), args.of, only_failed=is_failed))


def _row(instance: Instance, to_clear: ToClear) -> dict[str, Any]:
    return {
        "task_id": instance.task_id,
        "map_index": instance.map_index,
        "name": to_clear.label(instance),
        "state": instance.state or "",
    }


def _summary(count: int, args: Namespace) -> str:
    if not count:
        return f"{_nothing(args)}: there is nothing to run again."
    noun = "task instance" if count == 1 else "task instances"
    return f"Cleared {count} {noun}." if args.yes else f"Would clear {count} {noun}. Add --yes to do it."


def _nothing(args: Namespace) -> str:
    if args.workflow:
        return "No node failed"
    if args.match:
        return "None of the keys that match failed"
    if not args.key:
        return "No key failed"
    return "This key did not fail" if len(args.key) == 1 else "None of these keys failed"
