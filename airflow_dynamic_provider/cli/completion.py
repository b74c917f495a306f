"""Completes Dags, runs, dynamic outputs and keys in a shell. `argcomplete` calls these functions.

The names come from where the command itself would read. After an error there are none, because a shell has no
place for a message.
"""

from __future__ import annotations

from glob import escape
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cli.common import opened_source
from airflow_dynamic_provider.cli.login import find_login

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable

    from airflow_dynamic_provider.cli.source import Source

# The number of keys that are offered.
_MOST_KEYS = 100


def dag_ids(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Return the ids of Dags with a prefix."""
    return _ask(parsed_args, lambda source: source.dag_ids(prefix))


def run_ids(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Return the ids of runs of the Dag with a prefix, and ``latest``."""
    dag_id = parsed_args.dag_id
    found = _ask(parsed_args, lambda source: source.run_ids(dag_id, prefix))
    return [*(["latest"] if "latest".startswith(prefix) else []), *found]


def outputs(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Return the names of the run's dynamic outputs with a prefix."""

    def read(source: Source) -> Iterable[str]:
        found = source.ask("outputs", parsed_args.dag_id, parsed_args.run_id)
        return (each["of"] for each in found["outputs"] if each["of"].startswith(prefix))

    return _ask(parsed_args, read)


def keys(prefix: str, parsed_args: Namespace, **_: Any) -> list[str]:
    """Return the keys of the run with a prefix."""

    def read(source: Source) -> Iterable[str]:
        asked = {"of": parsed_args.of, "match": f"{escape(prefix)}*", "limit": _MOST_KEYS}
        found = source.ask("keys", parsed_args.dag_id, parsed_args.run_id, **asked)
        return dict.fromkeys(each["key"] for each in found["keys"])

    return _ask(parsed_args, read)


def _ask(args: Namespace, read: Callable[[Source], Iterable[str]]) -> list[str]:
    try:
        with opened_source(find_login(args)) as source:
            return list(read(source))
    except (Exception, SystemExit):
        return []
