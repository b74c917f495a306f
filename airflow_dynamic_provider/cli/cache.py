"""``airflow dynamic-outputs cache``: lists, shows and deletes the results that cached tasks keep."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.catalogue import KeptResult, Selection, delete_results, find_results
from airflow_dynamic_provider.cli.common import say
from airflow_dynamic_provider.cli.printing import print_document, print_rows, print_tables

if TYPE_CHECKING:
    from argparse import Namespace

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

# The number of characters of a key that a table shows. `show` accepts the beginning of a key.
_SHOWN = 12


def list_results(args: Namespace) -> None:
    """List kept results. The command line calls this.

    Raises:
        SystemExit: The age is no age.
    """
    rows = [_row(kept, is_short=args.output in ("table", "plain")) for kept in find_results(_selection(args))]
    print_rows(rows, args.output)
    say(f"{_count(len(rows))}.")


def show_result(args: Namespace) -> None:
    """Show a kept result. The command line calls this.

    Raises:
        SystemExit: There is no such result, or there are several.
    """
    found = list(find_results(Selection(args.dag, args.task, key=args.key)))
    if len(found) != 1:
        raise SystemExit(
            f"{_count(len(found))} with a key that begins with {args.key!r}. "
            f"{'List them with: cache list' if not found else 'Give more of the key'}."
        )
    kept = found[0]
    row = _row(kept, is_short=False)
    content = None if kept.entry is None else kept.entry.content
    metadata = {} if kept.entry is None else kept.entry.metadata.pack()
    if args.output in ("json", "yaml"):
        print_document({**row, "content": content, "metadata": metadata}, args.output)
        return
    shown = {**row, "content": content}
    print_tables([[{"property": name, "value": value} for name, value in shown.items()]], args.output)


def clear_results(args: Namespace) -> None:
    """Show which kept results would be deleted, and with ``--yes`` delete them.

    The command line calls this.

    Raises:
        SystemExit: Nothing says which results, or the age is no age.
    """
    selection = _selection(args)
    if selection == Selection() and not args.all:
        raise SystemExit("Say what to delete: --dag, --task, --version or --older-than, or --all.")
    found = list(find_results(selection))
    if args.yes:
        delete_results(found)
    print_rows([_row(kept, is_short=args.output in ("table", "plain")) for kept in found], args.output)
    say(f"Deleted {_count(len(found))}." if args.yes else f"{_count(len(found))}. Add --yes to delete them.")


def _selection(args: Namespace) -> Selection:
    return Selection(args.dag, args.task, args.version, _age(args.older_than))


def _age(text: str | None) -> timedelta | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if match is None:
        raise SystemExit(f"--older-than {text} is no age. Write 30m, 12h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _row(kept: KeptResult, *, is_short: bool) -> dict[str, Any]:
    entry = kept.entry
    made_by = None if entry is None else entry.made_by
    return {
        "dag_id": kept.dag_id,
        "task_id": kept.task_id,
        "version": "(damaged)" if entry is None else entry.cache_version,
        "key": kept.key[:_SHOWN] if is_short else kept.key,
        "run_id": "" if made_by is None else made_by.run_id,
        "mapping_key": "" if made_by is None else made_by.mapping_key or "",
        "stored_at": "" if entry is None else entry.stored_at.isoformat(timespec="seconds"),
    }


def _count(count: int) -> str:
    return f"{count} kept {'result' if count == 1 else 'results'}"
