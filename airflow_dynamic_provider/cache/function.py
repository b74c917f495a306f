"""A function under ``@task`` whose result is kept over runs."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.entries import read_value, value_to_json
from airflow_dynamic_provider.cache.identity import Computation
from airflow_dynamic_provider.cache.running import Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.definitions.cache import Cache


class CachedFunction:
    """Returns the result of an earlier run, or calls the function and keeps its result.

    Airflow calls it in the task's process, in place of the author's function.

    Args:
        cache: The author's settings.
        function: The author's function.
        name: The name of the task in the keys of its results, by default its task id.
    """

    def __init__(self, cache: Cache, function: Callable[..., Any], name: str | None = None) -> None:
        self.cache = cache
        self.name = name
        self.function = function
        # Airflow finds the parameters, and shows the name. It would await this object if it knew that the
        # function is asynchronous.
        self.__signature__ = inspect.signature(function)
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result.

        Raises:
            UncacheableInputError: An argument cannot be hashed.
            AirflowRescheduleException: Another task instance makes the same computation.
        """
        from airflow.sdk import get_current_context

        context: Any = get_current_context()
        ti = context["ti"]
        computation = Computation(self.cache, self.function, ti.dag_id, self.name or ti.task_id)
        running = Running.of_call(context, computation, args, kwargs)
        if (hit := running.find(lambda stored: read_value(self.function, stored))) is not None:
            running.use(hit)
            return hit.content
        with running.computing():
            value = self.function(*args, **kwargs)
            if inspect.isawaitable(value):
                value = asyncio.run(_result_of(value))
            running.keep(lambda: value_to_json(value))
        return value


async def _result_of(awaitable: Any) -> Any:
    return await awaitable
