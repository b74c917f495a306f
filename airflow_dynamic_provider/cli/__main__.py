"""``python -m airflow_dynamic_provider.cli``: the commands, for an Airflow that does not load them.

Airflow loads commands from providers since 3.2.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cli.definition import get_cli_commands

if TYPE_CHECKING:
    from collections.abc import Sequence


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m airflow_dynamic_provider.cli")
    for group in get_cli_commands():
        _add_commands(parser, group)
    return parser


def _add_commands(parser: argparse.ArgumentParser, group: Any) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for command in group.subcommands:
        one = commands.add_parser(command.name, help=command.help, description=command.description)
        if hasattr(command, "subcommands"):
            _add_commands(one, command)
            continue
        for argument in command.args:
            argument.add_to_parser(one)
        one.set_defaults(func=command.func)


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute a command."""
    args = get_parser().parse_args(arguments)
    args.func(args)


if __name__ == "__main__":
    main(sys.argv[1:])
