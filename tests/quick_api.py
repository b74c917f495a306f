"""Makes Airflow's in-process API answer faster, in the tests that run Dags in one process.

Airflow passes a request from the task's thread through WSGI into an event loop, and from there into a thread
pool for each dependency and each route. A request changes threads a dozen times, and each time waits for the
other threads of a busy machine. Here the task's own thread does all of it, in an event loop of its own. The
request and the task still do not share a database session or context variables.

Each middleware of Starlette answers in a separate asyncio task, and passes the answer on through a stream.
That is for long answers and for callers that hang up. Here a middleware awaits the whole answer.

FastAPI inspects the signature of every overridden dependency in each request, and Airflow overrides them
here. This module caches the results. Overrides still work, because FastAPI looks them up before it inspects.

A route of Airflow names the same dependency up to ten times, once for each version of the API. FastAPI walks
all of them in each request, although it has the value after the first. Here it walks one of them.

Airflow derives the routes of all versions of the API from those of the newest one. It reads each request
twice: as one of its own version, and as one of the newest. The tasks of the tests ask for the newest version,
for which nothing has to be converted. Here such a request goes straight to the route of the newest version.
Other requests go through the whole application: those of other versions, and those that no route answers.
``dag/test_quick_api.py`` compares the two ways.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
    from types import ModuleType

    import httpx
    from starlette.requests import Request
    from starlette.responses import Response

#: Whether the running code is a request that is answered in the thread of its caller.
_is_direct: contextvars.ContextVar[bool] = contextvars.ContextVar("is_direct", default=False)


def install() -> None:
    """Patch FastAPI and Airflow in this process."""
    when_imported("fastapi.dependencies.utils")(_remember)
    when_imported("fastapi.dependencies.utils")(_solve_once)
    when_imported("fastapi.dependencies.utils")(_stay_in_the_thread)
    when_imported("fastapi.routing")(_forget)
    when_imported("fastapi.routing")(_stay_in_the_thread)
    when_imported("cadwyn.structure.versions")(_stay_in_the_thread)
    when_imported("starlette.middleware.base")(_await_whole_answers)
    when_imported("airflow.api_fastapi.execution_api.app")(_leave_out_wsgi)


def _remember(utils: ModuleType) -> None:
    take_apart = utils.get_dependant
    known: dict[Any, Any] = {}

    @functools.wraps(take_apart)
    def remember(**asked: Any) -> Any:
        question = (*asked, *(tuple(each) if isinstance(each, list) else each for each in asked.values()))
        if question not in known:
            known[question] = take_apart(**asked)
        return known[question]

    utils.get_dependant = remember  # type: ignore[attr-defined]


def _forget(routing: ModuleType) -> None:
    """Inspect an endpoint for each of its routes, because cadwyn changes what a route has found out."""
    routing.get_dependant = routing.get_dependant.__wrapped__  # type: ignore[attr-defined]


def _solve_once(utils: ModuleType) -> None:
    solve = utils.solve_dependencies
    #: By identity, because dependants have no hash.
    seen: dict[int, Any] = {}

    @functools.wraps(solve)
    async def solve_distinct(**asked: Any) -> Any:
        dependant = asked["dependant"]
        if id(dependant) not in seen:
            seen[id(dependant)] = dependant
            dependant.dependencies[:] = _distinct(dependant.dependencies)
        return await solve(**asked)

    utils.solve_dependencies = solve_distinct  # type: ignore[attr-defined]


def _distinct(dependants: list[Any]) -> list[Any]:
    """Leave out those whose values FastAPI already has when it comes to them."""
    kept = {
        (each.cache_key, each.name) if each.use_cache else id(each): each for each in reversed(dependants)
    }
    return list(reversed(kept.values()))


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


def _await_whole_answers(module: ModuleType) -> None:
    from starlette.responses import Response

    middleware: Any = module.BaseHTTPMiddleware  # type: ignore[attr-defined]
    call_in_tasks = middleware.__call__

    @functools.wraps(call_in_tasks)
    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        if not _is_direct.get():
            await call_in_tasks(self, scope, receive, send)
            return

        async def call_next(request: Any) -> Response:
            messages: list[Any] = []

            async def keep(message: Any) -> None:
                messages.append(message)

            await self.app(scope, receive, keep)
            begin, *parts = messages
            answer = Response(b"".join(part.get("body", b"") for part in parts), begin["status"])
            answer.raw_headers = list(begin["headers"])
            return answer

        answer = await self.dispatch_func(module.Request(scope, receive, send), call_next)
        await answer(scope, receive, send)

    middleware.__call__ = call


def _leave_out_wsgi(module: ModuleType) -> None:
    import httpx

    class Direct(httpx.BaseTransport):
        """Sends requests to an application in the thread of the caller."""

        def __init__(self, by_wsgi: httpx.WSGITransport, app: Any) -> None:
            # Airflow ends the application when nothing refers to its transport any longer.
            self._by_wsgi = by_wsgi
            self.to_whole = httpx.ASGITransport(app, raise_app_exceptions=False)
            self._newest = _NewestVersion(app)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.read()
            with _separate_session():
                return _run(self._answer(request))

        async def _answer(self, request: httpx.Request) -> httpx.Response:
            _is_direct.set(True)
            if (found := await self._newest.answer(request)) is not None:
                return httpx.Response(found.status_code, headers=found.raw_headers, content=found.body)
            answer = await self.to_whole.handle_async_request(request)
            body = b"".join([chunk async for chunk in answer.stream])  # type: ignore[union-attr]
            return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))

    build = module.InProcessExecutionAPI

    def build_direct() -> Any:
        made = build()
        made.transport = Direct(made.transport, made.app)
        return made

    module.InProcessExecutionAPI = build_direct  # type: ignore[attr-defined]


class _NewestVersion:
    """The routes of the newest version of an API, which need no conversion."""

    def __init__(self, app: Any) -> None:
        from cadwyn.route_generation import _DELETED_ROUTE_TAG
        from fastapi.routing import APIRoute, APIRouter

        self._app = app
        self._header = app.api_version_parameter_name
        self._version = app.versions.version_values[0]
        # With the first request, cadwyn wraps the endpoints of its own routes.
        copies = APIRouter(dependency_overrides_provider=app._dependency_overrides_provider)
        copies.include_router(app._latest_version_router)
        # The tag marks routes that only older versions have.
        newest = [
            route
            for route in copies.routes
            if isinstance(route, APIRoute) and _DELETED_ROUTE_TAG not in route.tags
        ]
        self._routes = [(route, route.get_route_handler()) for route in newest]

    async def answer(self, sent: httpx.Request) -> Response | None:
        """Return the answer to a request that has been read; ``None`` if the whole application has to."""
        from starlette.requests import Request
        from starlette.routing import Match

        if sent.headers.get(self._header) != self._version:
            return None
        scope = self._scope(sent)
        for route, handle in self._routes:
            match, of_route = route.matches(scope)
            if match is Match.FULL:
                scope.update(of_route)
                found = await self._handle(Request(scope, _received(sent.content)), handle)
                found.headers[self._header] = self._version
                return found
        return None

    def _scope(self, sent: httpx.Request) -> dict[str, Any]:
        return {
            "type": "http",
            "http_version": "1.1",
            "method": sent.method,
            "headers": [(name.lower(), value) for name, value in sent.headers.raw],
            "scheme": sent.url.scheme,
            "path": sent.url.path,
            "raw_path": sent.url.raw_path.partition(b"?")[0],
            "query_string": sent.url.query,
            "server": (sent.url.host, sent.url.port),
            "client": ("127.0.0.1", 123),
            "root_path": "",
            "app": self._app,
        }

    async def _handle(self, request: Request, handle: Callable[[Request], Awaitable[Response]]) -> Response:
        """Do what FastAPI does around a route: close what its dependencies opened, and answer exceptions."""
        try:
            async with contextlib.AsyncExitStack() as of_request, contextlib.AsyncExitStack() as of_function:
                request.scope["fastapi_middleware_astack"] = of_request
                request.scope["fastapi_inner_astack"] = of_request
                request.scope["fastapi_function_astack"] = of_function
                return await handle(request)
        except Exception as error:
            handlers = self._app.exception_handlers
            answer = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)(request, error)
            return await answer if inspect.isawaitable(answer) else answer


def _received(content: bytes) -> Callable[[], Awaitable[dict[str, Any]]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive


@contextlib.contextmanager
def _separate_session() -> Iterator[None]:
    """Hide the session that Airflow keeps for this thread, as a different thread would not see it."""
    from airflow import settings

    registry = settings.Session.registry  # type: ignore[union-attr]
    of_caller = registry() if registry.has() else None
    registry.clear()
    try:
        yield
    finally:
        settings.Session.remove()  # type: ignore[union-attr]
        if of_caller is not None:
            registry.set(of_caller)


class _Loops(threading.local):
    """An event loop for the requests of each thread."""

    def __init__(self) -> None:
        self.own = asyncio.new_event_loop()


_loops = _Loops()


def _run(answer: Coroutine[Any, Any, Any]) -> Any:
    """Run a request to its end, also inside a task that is itself a coroutine."""
    of_caller = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        return _loops.own.run_until_complete(answer)
    finally:
        asyncio._set_running_loop(of_caller)
