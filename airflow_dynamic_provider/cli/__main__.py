# PYTHON_ARGCOMPLETE_OK: what argcomplete looks for before it runs a module for its completions.
"""``python -m airflow_dynamic_provider.cli``: the commands without Airflow's command line.

With an API server, this imports nothing of Airflow. Airflow loads commands from providers since 3.2, so this
is the only way before.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from airflow_dynamic_provider.cli.definition import COMMANDS, Group

if TYPE_CHECKING:
    from collections.abc import Sequence

# The variable that argcomplete sets when a shell asks for completions.
_COMPLETES = "_ARGCOMPLETE"


def get_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m airflow_dynamic_provider.cli")
    _add_commands(parser, COMMANDS)
    return parser


def _add_commands(parser: argparse.ArgumentParser, group: Group) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for command in group.commands:
        if isinstance(command, Group):
            _add_commands(commands.add_parser(command.name, help=command.help), command)
            continue
        one = commands.add_parser(command.name, help=command.help, description=command.description)
        for argument in command.arguments:
            argument.add_to_parser(one)
        one.set_defaults(func=command.execute)


def main(arguments: Sequence[str] | None = None) -> None:
    """Execute a command."""
    parser = get_parser()
    if _COMPLETES in os.environ:
        # The shell asks what may follow. It is imported here, because other calls do not need it.
        import argcomplete

        argcomplete.autocomplete(parser)
    args = parser.parse_args(arguments)
    args.func(args)


if __name__ == "__main__":
    main(sys.argv[1:])
