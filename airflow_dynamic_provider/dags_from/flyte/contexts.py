"""``current_context()``: what a running task knows of its run."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.running import current_context as airflow_context
from airflow_dynamic_provider.dags_from.flyte.secrets import Secrets
from airflow_dynamic_provider.workflows.local_context import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Airflow shows its lines in the log of the task.
logger = logging.getLogger("airflow_dynamic_provider.dags_from.flyte")

_WORKING: ContextVar[list[str] | None] = ContextVar("flyte_working_directory", default=None)


class _Identifier:
    """A name with the project and domain that Flyte puts around it."""

    def __init__(self, name: str) -> None:
        self.project = "airflow"
        self.domain = "airflow"
        self.name = name
        self.version = ""

    def __str__(self) -> str:
        return f"{self.project}:{self.domain}:{self.name}"


class ExecutionParameters:
    """What a running task knows of its run. Returned by ``current_context()``."""

    @property
    def execution_id(self) -> _Identifier:
        """The run: its name is the run id of Airflow."""
        return _Identifier(str(_entry("run_id") or "local"))

    @property
    def task_id(self) -> _Identifier:
        """The task."""
        return _Identifier(str(getattr(_entry("ti"), "task_id", "local")))

    @property
    def execution_date(self) -> datetime:
        """When the run was made."""
        found = _entry("logical_date") or getattr(_entry("dag_run"), "run_after", None)
        return found or datetime.now(timezone.utc)

    @property
    def working_directory(self) -> str:
        """A directory that exists only while the function runs. Each try has another one."""
        held = _WORKING.get()
        if held is None:
            # The calling code is in no task.
            return tempfile.mkdtemp(prefix="flyte-")
        if not held:
            held.append(tempfile.mkdtemp(prefix="flyte-"))
        return held[0]

    @property
    def logging(self) -> logging.Logger:
        """A logger. Airflow shows its lines in the log of the task."""
        return logger

    @property
    def secrets(self) -> Secrets:
        """The secrets, from Airflow and the environment."""
        return Secrets()

    @property
    def decks(self) -> list[Any]:
        """The decks of the running task."""
        from airflow_dynamic_provider.dags_from.flyte.decks import current_decks

        return current_decks()

    @property
    def default_deck(self) -> Any:
        """The deck that a task has without making one."""
        from airflow_dynamic_provider.dags_from.flyte.decks import Deck

        return next((deck for deck in self.decks if deck.name == "default"), None) or Deck("default")


def is_local(context: Any) -> bool:
    """Whether code runs as plain Python, and not in a task of Airflow."""
    ti = (context or {}).get("ti")
    return ti is None or ti.dag_id == LOCAL


def _entry(name: str) -> Any:
    return (airflow_context() or {}).get(name)


def current_context() -> ExecutionParameters:
    """Return what a running task knows of its run."""
    return ExecutionParameters()


def working_directory() -> str:
    """Return a directory for files of the running task."""
    return ExecutionParameters().working_directory


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables inside the block, and remove the working directory at its end."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    held: list[str] = []
    token = _WORKING.set(held)
    try:
        yield
    finally:
        _WORKING.reset(token)
        for directory in held:
            shutil.rmtree(directory, ignore_errors=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def in_working_directory(name: str) -> Path:
    """Return a path in a fresh part of the working directory."""
    return Path(tempfile.mkdtemp(dir=working_directory())) / name
