"""Makes Airflow's in-process API answer faster, in the tests that run Dags in one process.

Airflow passes a request from the task's thread through WSGI into an event loop, and from there into a thread
pool for each dependency and each route. A request changes threads a dozen times, and each time waits for the
other threads of a busy machine. Here the event loop's thread does all of it. It is still a different thread
from the task's, so they do not share a database session.

FastAPI inspects the signature of every overridden dependency in each request, and Airflow overrides them
here. This module caches the results. Overrides still work, because FastAPI looks them up before it inspects.

A route may depend on the same value in many ways. FastAPI walks all of them in each request, although it has
the value after the first. Here it walks each way once.
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

#: Whether the running code is a request that the event loop's thread answers by itself.
_is_direct: contextvars.ContextVar[bool] = contextvars.ContextVar("is_direct", default=False)


def install() -> None:
    """Patch FastAPI and Airflow in this process."""
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
            # This is the route itself. From here on, one dictionary holds all its dependencies.
            return await solve(**{**asked, "dependency_cache": {}})
        # FastAPI's own keys are tuples, so this key does not collide with them.
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
            # Airflow ends the loop when nothing refers to its transport any longer.
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
