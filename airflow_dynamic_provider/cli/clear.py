"""``airflow dynamic-outputs clear``: clears keys, or nodes of a workflow, with what depends on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source, say
from airflow_dynamic_provider.cli.printing import print_rows

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.cli.source import Document


def clear(args: Namespace) -> None:
    """Show which task instances would run again, and with ``--yes`` clear them.

    The command line calls this.

    Raises:
        SystemExit: The arguments cannot be combined, or name something that does not exist.
    """
    _check_arguments(args)
    selection = _selection(args)
    with opened_source(args.login) as source:
        if args.yes:
            found = source.clear(args.dag_id, args.run_id, selection, keep_results=args.keep_cache)
        else:
            found = source.find_to_clear(args.dag_id, args.run_id, selection)
    rows, warning = found["task_instances"], found["warning"]
    print_rows(rows, args.output)
    say(_summary(len(rows), args))
    if warning:
        say(f"{warning}{' (--state failed clears all)' if args.workflow else ''}.")


def _selection(args: Namespace) -> Document:
    """Return the fields of `database.selection.Selection`."""
    return {
        "of": args.of,
        "keys": args.key or [],
        "match": args.match,
        "only_failed": args.state == "failed",
        "steps": args.step or [],
        "workflow": args.workflow,
        "nodes": args.node or [],
    }


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
