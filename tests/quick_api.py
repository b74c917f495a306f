"""Has Airflow's in-process API answer tasks without detours, in the tests that run Dags in one process.

Airflow's own way to it leads from the task's thread through WSGI into an event loop, and from there into a
pool of threads for each dependency and each route: a dozen changes of threads for a request, each of which
waits for the other threads of a busy machine. Here the event loop's thread does all of it. It is still
another thread than the task's, so neither shares a database session with the other.

FastAPI inspects the signature of every overridden dependency again whenever a request comes, and Airflow
overrides them here. What it found is remembered. An override stays one: FastAPI looks it up before it asks.

A route depends on one thing in many ways, and FastAPI walks all of them for each request, to find in the end
that it has the value already. Here it walks each way once.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

#: Whether what runs is a request that the event loop's thread answers by itself.
_is_direct: contextvars.ContextVar[bool] = contextvars.ContextVar("is_direct", default=False)


def install() -> None:
    """Do so in this process."""
    when_imported("fastapi.dependencies.utils")(_remember)
    when_imported("fastapi.dependencies.utils")(_walk_once)
    when_imported("fastapi.dependencies.utils")(_stay_in_the_thread)
    when_imported("fastapi.routing")(_stay_in_the_thread)
    when_imported("airflow.api_fastapi.execution_api.app")(_leave_out_wsgi)


def _remember(utils: ModuleType) -> None:
    take_apart = utils.get_dependant
    known: dict[Any, Any] = {}

    @functools.wraps(take_apart)
    def remember(**asked: Any) -> Any:
        scopes = {name: tuple(value) for name, value in asked.items() if isinstance(value, list)}
        question = frozenset({**asked, **scopes}.items())
        if question not in known:
            known[question] = take_apart(**asked)
        return known[question]

    utils.get_dependant = remember  # type: ignore[attr-defined]


def _walk_once(utils: ModuleType) -> None:
    solve = utils.solve_dependencies

    @functools.wraps(solve)
    async def solve_once(**asked: Any) -> Any:
        known, dependant = asked.get("dependency_cache"), asked["dependant"]
        if known is None:
            # The route itself; from here on, all that it depends on is kept in one dictionary.
            return await solve(**{**asked, "dependency_cache": {}})
        # FastAPI keeps values by tuples, so this is no value's key.
        walked = known.setdefault("walked", {})
        if dependant.use_cache and id(dependant) in walked:
            return dataclasses.replace(walked[id(dependant)], background_tasks=asked.get("background_tasks"))
        solved = await solve(**asked)
        if not solved.errors:
            walked[id(dependant)] = solved
        return solved

    utils.solve_dependencies = solve_once  # type: ignore[attr-defined]


def _stay_in_the_thread(module: ModuleType) -> None:
    run_elsewhere = module.run_in_threadpool

    async def run_here(function: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_direct.get():
            return function(*args, **kwargs)
        return await run_elsewhere(function, *args, **kwargs)

    module.run_in_threadpool = run_here  # type: ignore[attr-defined]
    if (enter_elsewhere := getattr(module, "contextmanager_in_threadpool", None)) is None:
        return

    @contextlib.asynccontextmanager
    async def enter_here(manager: Any) -> AsyncIterator[Any]:
        if _is_direct.get():
            with manager as entered:
                yield entered
        else:
            async with enter_elsewhere(manager) as entered:
                yield entered

    module.contextmanager_in_threadpool = enter_here  # type: ignore[attr-defined]


def _leave_out_wsgi(module: ModuleType) -> None:
    import httpx

    class Direct(httpx.BaseTransport):
        """Sends requests to an application in an event loop that runs in another thread."""

        def __init__(self, by_wsgi: httpx.WSGITransport, app: Any) -> None:
            # Airflow ends the loop when nobody has its transport any longer.
            self._by_wsgi = by_wsgi
            self._loop: asyncio.AbstractEventLoop = by_wsgi.app.loop  # type: ignore[attr-defined]
            self._to_app = httpx.ASGITransport(app, raise_app_exceptions=False)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.read()
            return asyncio.run_coroutine_threadsafe(self._answer(request), self._loop).result()

        async def _answer(self, request: httpx.Request) -> httpx.Response:
            _is_direct.set(True)
            answer = await self._to_app.handle_async_request(request)
            body = b"".join([chunk async for chunk in answer.stream])  # type: ignore[union-attr]
            return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))

    build = module.InProcessExecutionAPI

    def build_direct() -> Any:
        made = build()
        made.transport = Direct(made.transport, made.app)
        return made

    module.InProcessExecutionAPI = build_direct  # type: ignore[attr-defined]
