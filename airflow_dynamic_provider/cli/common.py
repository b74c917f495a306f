"""What the commands share: the run that they look at, and words beside their data."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.runs import OpenRun, open_run
from airflow_dynamic_provider.errors import DynamicOutputsError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator


@contextmanager
def opened_run(args: Namespace) -> Iterator[OpenRun]:
    """Open the run that the arguments name.

    Raises:
        SystemExit: There is none, or what is asked of it is not there. The text is that of the error.
    """
    from airflow_dynamic_provider.airflow_adapter.models import create_session

    with create_session() as session:
        try:
            yield open_run(session, args.dag_id, args.run_id)
        except DynamicOutputsError as error:
            raise SystemExit(str(error)) from error


def say(text: str) -> None:
    """Write words to standard error, for standard output is read by other programs."""
    sys.stderr.write(text + "\n")
