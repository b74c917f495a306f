"""``airflow dynamic-outputs keys``: lists the keys of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source, say
from airflow_dynamic_provider.cli.printing import print_rows

if TYPE_CHECKING:
    from argparse import Namespace

# The columns of a table. JSON and YAML have more.
_COLUMNS = ("of", "key", "state", "seconds")


def keys(args: Namespace) -> None:
    """List keys in the order in which they were produced. The command line calls this.

    Raises:
        SystemExit: There is no such run or dynamic output.
    """
    with opened_source(args.login) as source:
        asked = {"of": args.of, "state": args.state, "match": args.match, "limit": args.limit}
        found = source.ask("keys", args.dag_id, args.run_id, **asked)
    rows, messages = found["keys"], found["messages"]
    if args.output in ("table", "plain"):
        print_rows([{name: row[name] for name in _COLUMNS} for row in rows], args.output)
    else:
        print_rows(rows, args.output)
    if found["is_more"]:
        say(f"These are the first {args.limit} keys. There are more: --limit NUMBER shows them.")
    for message in messages:
        say(message)
    if not rows and not messages:
        say("No key is selected." if args.state or args.match else "There are no keys.")
