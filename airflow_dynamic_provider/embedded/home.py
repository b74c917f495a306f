"""The Airflow home of an embedded run, which holds its database and its options."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

# Tells the restarted interpreter which temporary home it has to remove.
_TEMPORARY_HOME = "AIRFLOW_DYNAMIC_PROVIDER_TEMPORARY_HOME"


@contextlib.contextmanager
def home(dag: DAG) -> Iterator[None]:
    """Provide an Airflow home while the Dag runs: ``AIRFLOW_HOME``, or a temporary one that is removed.

    Without ``AIRFLOW_HOME`` this does not return: it restarts the program with a temporary home.

    Raises:
        RuntimeError: ``AIRFLOW_HOME`` is not set, and the Dag's file is not the program that runs.
    """
    # Airflow reads AIRFLOW_HOME when it is imported, and the Dag's file has imported it already.
    if "AIRFLOW_HOME" not in os.environ:
        _start_again(dag)
    temporary = os.environ.pop(_TEMPORARY_HOME, None)
    try:
        yield
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def _start_again(dag: DAG) -> None:
    program = getattr(sys.modules["__main__"], "__file__", None)
    if program is None or not Path(program).samefile(dag.fileloc):
        raise RuntimeError(
            "AIRFLOW_HOME is not set. Set it before Airflow is imported, or run the Dag's file itself: "
            f"python {dag.fileloc}"
        )
    temporary = tempfile.mkdtemp(prefix="airflow-")
    sys.stdout.flush()
    os.execve(
        sys.executable,
        [sys.executable, *sys.orig_argv[1:]],
        {**os.environ, "AIRFLOW_HOME": temporary, _TEMPORARY_HOME: temporary},
    )
