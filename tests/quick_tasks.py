"""Saves what Airflow computes again for each task instance, in the tests that run Dags in one process."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType


def install() -> None:
    """Let this process keep what depends on nothing but its arguments."""
    when_imported("airflow.sdk.execution_time.task_runner")(_keep_adapters)
    when_imported("jinja2.environment")(_keep_code)


def _keep_adapters(task_runner: ModuleType) -> None:
    """Build pydantic's validator of a type once, and not for each rendered field."""
    task_runner.TypeAdapter = functools.cache(task_runner.TypeAdapter)  # type: ignore[attr-defined]


def _keep_code(environment: ModuleType) -> None:
    """Compile the code of a template once. Each task instance has an environment of its own."""

    @functools.cache
    def compiled(source: str, filename: str) -> object:
        return compile(source, filename, "exec")

    environment.Environment._compile = staticmethod(compiled)  # type: ignore[attr-defined]
