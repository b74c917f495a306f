"""Runs the function of a task as flytekit does: with its environment, working directory, decks and tries."""

from __future__ import annotations

import contextlib
import functools
import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.running import current_context, time_limit
from airflow_dynamic_provider.dags_from.flyte import contexts, decks
from airflow_dynamic_provider.dags_from.flyte.exceptions import FlyteRecoverableException

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.dags_from.flyte.settings import Settings

log = logging.getLogger(__name__)


def in_task(function: Callable[..., Any], settings: Settings) -> Callable[..., Any]:
    """Return the function as a task runs it.

    In Airflow, an error that is not a `FlyteRecoverableException` is not retried. As plain Python, the tries
    and the time limit hold here; in Airflow, they are Airflow's.
    """
    retries = settings.airflow["retries"]

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        is_local = contexts.is_local(current_context())
        for left in reversed(range(retries + 1 if is_local else 1)):
            try:
                return _once(function, settings, args, kwargs, is_local=is_local)
            except FlyteRecoverableException as error:
                if is_local and left:
                    log.warning("%r is tried again: %s", function.__name__, error)
                    continue
                raise
            except Exception as error:
                if is_local or not retries:
                    raise
                _fail_for_good(error)
        raise AssertionError("a try either returns or raises")

    return run


def _once(
    function: Callable[..., Any], settings: Settings, args: Any, kwargs: dict[str, Any], *, is_local: bool
) -> Any:
    limit = contextlib.nullcontext() if settings.timeout is None or not is_local else _limit(settings.timeout)
    try:
        with contexts.running(settings.environment), limit:
            return function(*args, **kwargs)
    finally:
        decks.store()


def _limit(timeout: Any) -> contextlib.AbstractContextManager[None]:
    return time_limit(timeout.total_seconds())


def _fail_for_good(error: Exception) -> None:
    from airflow_dynamic_provider.version_compat import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
    )

    if isinstance(error, AirflowFailException | AirflowSkipException | AirflowRescheduleException):
        raise error
    raise AirflowFailException(f"{type(error).__name__}: {error}") from error
