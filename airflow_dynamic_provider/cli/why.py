"""``airflow dynamic-outputs why``: shows why keys and tasks failed, grouped by their errors."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source, say
from airflow_dynamic_provider.cli.printing import print_document, print_tables

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from airflow_dynamic_provider.cli.source import Document, Source

# The number of keys of a group that a table names.
_NAMED = 3


def why(args: Namespace) -> None:
    """Show the errors of a run, or those of one key. The command line calls this.

    Raises:
        SystemExit: There is no such run, key or dynamic output.
    """
    with opened_source(args.login) as source:
        if args.key is None:
            _show_groups(source, args)
        else:
            _show_key(source, args)


def _show_groups(source: Source, args: Namespace) -> None:
    found = source.ask("failures", args.dag_id, args.run_id, of=args.of)
    groups = found["groups"]
    if args.output in ("json", "yaml"):
        print_document(groups, args.output)
    else:
        print_tables([list(map(_line, groups))], args.output)
    if found["left_out"]:
        say(f"{found['left_out']} more failed keys were not read.")
    say(_summary(groups))


def _line(group: Document) -> Document:
    named = group["keys"] if group["of"] is not None else []
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return {
        "count": group["count"],
        "task_id": group["task_id"],
        "error": group["error"],
        "keys": ", ".join(named[:_NAMED]) + more,
    }


def _summary(groups: Sequence[Document]) -> str:
    if not groups:
        return "Nothing failed."
    count = sum(group["count"] for group in groups)
    failures = "1 failure" if count == 1 else f"{count} failures"
    return f"{failures} with {'1 error' if len(groups) == 1 else f'{len(groups)} different errors'}."


def _show_key(source: Source, args: Namespace) -> None:
    asked = {"key": args.key, "of": args.of}
    found = source.ask("failures-of-key", args.dag_id, args.run_id, **asked)["failures"]
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
