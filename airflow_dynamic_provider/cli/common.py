"""Shared by the commands: where they read and act, and messages beside the data."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.cli.login import Login
    from airflow_dynamic_provider.cli.source import KeptResults, Source


@contextmanager
def opened_source(login: Login | None) -> Iterator[Source]:
    """Open the API server of a login, or Airflow's database if there is none.

    Raises:
        SystemExit: Something does not exist, or the server cannot be asked. The error says why.
    """
    if login is None:
        # Imported here, because only reading the database needs Airflow.
        from airflow_dynamic_provider.cli.database_source import opened_database

        with opened_database() as database:
            yield database
        return
    from airflow_dynamic_provider.cli.server_source import opened_server

    with opened_server(login) as server:
        yield server


@contextmanager
def opened_kept_results(login: Login | None) -> Iterator[KeptResults]:
    """Open the API server of a login, or the place of kept results if there is none.

    Raises:
        SystemExit: The server cannot be asked. The error says why.
    """
    if login is None:
        # Imported here, because only this needs Airflow.
        from airflow_dynamic_provider.cli.kept_results import StoredResults

        yield StoredResults()
        return
    from airflow_dynamic_provider.cli.server_source import opened_server

    with opened_server(login) as server:
        yield server


def say(text: str) -> None:
    """Write a message to standard error, because other programs read standard output."""
    sys.stderr.write(text + "\n")
