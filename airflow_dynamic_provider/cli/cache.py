"""``airflow dynamic-outputs cache``: lists, shows and deletes the results that cached tasks keep."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_kept_results, say
from airflow_dynamic_provider.cli.printing import print_document, print_rows, print_tables

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dynamic_provider.cli.source import Document

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

# The number of characters of a key that a table shows. `show` accepts the beginning of a key.
_SHOWN = 12


def list_results(args: Namespace) -> None:
    """List kept results. The command line calls this.

    Raises:
        SystemExit: The age is no age.
    """
    with opened_kept_results(args.login) as kept:
        found = kept.list_results(_selection(args))
    _print(found, args.output)
    say(f"{_count(len(found))}.")


def show_result(args: Namespace) -> None:
    """Show a kept result. The command line calls this.

    Raises:
        SystemExit: There is no such result, or there are several.
    """
    selection = {"dag_id": args.dag, "task_id": args.task, "key": args.key}
    with opened_kept_results(args.login) as kept:
        found = kept.list_results(selection, with_content=True)
    if len(found) != 1:
        raise SystemExit(
            f"{_count(len(found))} with a key that begins with {args.key!r}. "
            f"{'List them with: cache list' if not found else 'Give more of the key'}."
        )
    (described,) = found
    if args.output in ("json", "yaml"):
        print_document(described, args.output)
        return
    rows = [{"property": name, "value": value} for name, value in described.items() if name != "metadata"]
    print_tables([rows], args.output)


def clear_results(args: Namespace) -> None:
    """Show which kept results would be deleted, and with ``--yes`` delete them.

    The command line calls this.

    Raises:
        SystemExit: Nothing says which results, or the age is no age.
    """
    selection = _selection(args)
    if not any(selection.values()) and not args.all:
        raise SystemExit("Say what to delete: --dag, --task, --version or --older-than, or --all.")
    with opened_kept_results(args.login) as kept:
        found = kept.delete_results(selection) if args.yes else kept.list_results(selection)
    _print(found, args.output)
    say(f"Deleted {_count(len(found))}." if args.yes else f"{_count(len(found))}. Add --yes to delete them.")


def _selection(args: Namespace) -> Document:
    """Return the fields of `cache.catalogue.Selection`, with the age in seconds."""
    age = _age(args.older_than)
    return {
        "dag_id": args.dag,
        "task_id": args.task,
        "version": args.version,
        "older_than": None if age is None else age.total_seconds(),
    }


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if match is None:
        raise SystemExit(f"--older-than {text} is no age. Write 30m, 12h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _print(found: list[Document], output: str) -> None:
    shown = _SHOWN if output in ("table", "plain") else None
    print_rows([{**described, "key": described["key"][:shown]} for described in found], output)


def _count(count: int) -> str:
    return f"{count} kept {'result' if count == 1 else 'results'}"
