"""What Airflow's command line is made of: commands with their arguments, and what makes a function a command.

Each process of Airflow's command line uses it, also that of another command than ours, so it imports nothing
that the command line has not loaded already. Airflow documents that providers may have commands, but promises
none of the classes that commands are made of. Its own providers import these.
"""

from __future__ import annotations

from airflow.cli.cli_config import (
    ARG_OUTPUT,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)
from airflow.utils.cli import action_cli, suppress_logs_and_warning

__all__ = [
    "ARG_OUTPUT",
    "ARG_VERBOSE",
    "ActionCommand",
    "Arg",
    "CLICommand",
    "GroupCommand",
    "action_cli",
    "lazy_load_command",
    "suppress_logs_and_warning",
]
