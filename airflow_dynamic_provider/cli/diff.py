"""``airflow dynamic-outputs diff``: shows the keys that differ between two runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.common import opened_source, say
from airflow_dynamic_provider.cli.printing import print_rows

if TYPE_CHECKING:
    from argparse import Namespace

# The columns of a table. JSON and YAML have more.
_COLUMNS = ("change", "of", "key", "seconds_before", "seconds")


def diff(args: Namespace) -> None:
    """Show which keys differ between two runs of a Dag. The command line calls this.

    Raises:
        SystemExit: There is no such run or dynamic output.
    """
    with opened_source(args.login) as source:
        asked = {"other": args.other_run_id, "of": args.of}
        found = source.ask("differences", args.dag_id, args.run_id, **asked)
    differences = found["differences"]
    if args.output in ("table", "plain"):
        differences = [{name: each[name] for name in _COLUMNS} for each in differences]
    print_rows(differences, args.output)
    for message in found["messages"]:
        say(message)
    counts = Counter(each["change"] for each in differences)
    told = ", ".join(f"{count} {change}" for change, count in counts.items())
    say(f"From {found['run_id']} to {found['other']}: {told or 'no key differs'}.")
