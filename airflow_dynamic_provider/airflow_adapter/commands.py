"""The parts of Airflow's command line: commands, their arguments, and decorators for their functions.

Every process of Airflow's command line imports it, even for commands of others. So it imports only modules
that the command line has already loaded. Airflow documents that providers may add commands, but does not
promise the classes for them. Its own providers import these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.cli.cli_config import ActionCommand, Arg, CLICommand, GroupCommand
from airflow.utils.cli import action_cli, suppress_logs_and_warning

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

__all__ = ["CLICommand", "airflow_group", "as_airflow_command"]


class _Argument(Arg):  # type: ignore[misc, unused-ignore]
    """An argument that adds itself to a parser, with its completion."""

    def __init__(self, argument: Any) -> None:
        super().__init__(argument.flags, **argument.options)  # type: ignore[no-untyped-call, unused-ignore]
        self._argument = argument

    def add_to_parser(self, parser: ArgumentParser) -> None:
        self._argument.add_to_parser(parser)


def airflow_group(group: Any) -> GroupCommand:
    """Return a group of commands as Airflow's command line takes it.

    Args:
        group: Has a name, a help and commands, as `cli.definition.Group` does.
    """
    return GroupCommand(group.name, group.help, tuple(map(_airflow_command, group.commands)))


def _airflow_command(command: Any) -> CLICommand:
    if hasattr(command, "commands"):
        return airflow_group(command)
    arguments = tuple(map(_Argument, command.arguments))
    return ActionCommand(command.name, command.help, command.execute, arguments, command.description)


def as_airflow_command(function: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a command that Airflow notes in its audit log, and that writes no logs between its data."""
    as_command: Any = action_cli
    noted: Callable[[Any], None] = as_command(suppress_logs_and_warning(function))
    return noted
