"""Airflow's options in an embedded run: it logs nothing, and imports a single Dag file."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.embedded_run import (
    LOGGING_LEVEL,
    configure_logging,
    options_for_only,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextlib.contextmanager
def turned_down_logging() -> Iterator[None]:
    """Have Airflow log nothing, unless the environment sets a log level."""
    if LOGGING_LEVEL in os.environ:
        yield
        return
    with contextlib.ExitStack() as stack:
        # The stack calls this after it has restored the environment.
        stack.callback(configure_logging)
        stack.enter_context(_environment({LOGGING_LEVEL: "CRITICAL"}))
        configure_logging()
        yield


@contextlib.contextmanager
def only_file(file: Path) -> Iterator[None]:
    """Have Airflow import this Dag file, and no other file of its folder."""
    with _environment(options_for_only(file)):
        yield


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
