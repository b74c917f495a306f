"""The parts of Airflow's command line: commands, their arguments, and decorators for their functions.

Every process of Airflow's command line imports it, even for commands of others. So it imports only modules
that the command line has already loaded. Airflow documents that providers may add commands, but does not
promise the classes for them. Its own providers import these.
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
