"""Shared by the commands: opening the run, and printing messages beside the data."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.runs import OpenRun, latest_run_id, open_run
from airflow_dynamic_provider.errors import DynamicOutputsError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

#: The name that stands for the last run of a Dag.
LATEST = "latest"


@contextmanager
def opened_run(args: Namespace) -> Iterator[OpenRun]:
    """Open the run that the arguments name.

    Raises:
        SystemExit: There is no such run, or it does not have what was asked for. The error says why.
    """
    from airflow_dynamic_provider.airflow_adapter.models import create_session

    with create_session() as session:
        try:
            yield open_run(session, args.dag_id, _run_id(session, args.dag_id, args.run_id))
        except DynamicOutputsError as error:
            raise SystemExit(str(error)) from error


def _run_id(session: Session, dag_id: str, named: str) -> str:
    return latest_run_id(session, dag_id) if named == LATEST else named


def say(text: str) -> None:
    """Write a message to standard error, because other programs read standard output."""
    sys.stderr.write(text + "\n")
