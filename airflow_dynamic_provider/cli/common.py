"""Shared by the commands: where they read and act, and messages beside the data."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.cli.login import Login
    from airflow_dynamic_provider.cli.source import Source


@contextmanager
def opened_source(login: Login | None) -> Iterator[Source]:
    """Open the API server of a login, or Airflow's database if there is none.

    Raises:
        SystemExit: Something does not exist, or the server cannot be asked. The error says why.
    """
    if login is None:
        # Imported here, because only reading the database needs Airflow.
        from airflow_dynamic_provider.cli.database_source import opened_database

        opened = opened_database()
    else:
        from airflow_dynamic_provider.cli.server_source import opened_server

        opened = opened_server(login)
    with opened as source:
        yield source


def say(text: str) -> None:
    """Write a message to standard error, because other programs read standard output."""
    sys.stderr.write(text + "\n")
