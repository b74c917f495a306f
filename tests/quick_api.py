"""Makes Airflow's in-process API answer faster, in the tests that run Dags in one process.

Airflow passes a request from the task's thread through WSGI into an event loop, and from there into a thread
pool for each dependency and each route. A request changes threads a dozen times, and each time waits for the
other threads of a busy machine. Here the task's own thread does all of it, in an event loop of its own. The
request and the task still do not share a database session or context variables.

Each middleware of Starlette answers in a separate asyncio task, and passes the answer on through a stream.
That is for long answers and for callers that hang up. Here a middleware awaits the whole answer.

Airflow derives the routes of all versions of the API from those of the newest one. It reads each request
twice: as one of its own version, and as one of the newest. The tasks of the tests ask for the newest version,
for which nothing has to be converted. Here such a request goes straight to the route of the newest version.
Other requests go through the whole application: those of other versions, and those that no route answers.
``dag/test_quick_api.py`` compares the two ways.

A route names the same dependency up to ten times. FastAPI walks all of them in each request, although it has
the value after the first. It also inspects the signature of every overridden dependency in each request, and
Airflow overrides them here. Here each route has the overrides in place, and each dependency once.

A task's client keeps cookies, follows redirects and measures times, none of which this API needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import dataclasses
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

#: The address of the API in this process, as Airflow writes it.
IN_PROCESS = "http://in-process.invalid."

#: Whether the running code is a request that is answered in the thread of its caller.
_is_direct: contextvars.ContextVar[bool] = contextvars.ContextVar("is_direct", default=False)


def install() -> None:
    """Patch FastAPI and Airflow in this process."""
    when_imported("fastapi.dependencies.utils")(_stay_in_the_thread)
    when_imported("fastapi.routing")(_stay_in_the_thread)
    when_imported("cadwyn.structure.versions")(_stay_in_the_thread)
    when_imported("starlette.middleware.base")(_await_whole_answers)
    when_imported("airflow.api_fastapi.execution_api.app")(_leave_out_wsgi)
    when_imported("airflow.sdk.execution_time.supervisor")(_send_directly)


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
                if (found := self._newest.answer(request)) is not None:
                    return httpx.Response(found.status_code, headers=found.raw_headers, content=found.body)
                return _run(self._ask_whole(request))

        async def _ask_whole(self, request: httpx.Request) -> httpx.Response:
            _is_direct.set(True)
            answer = await self.to_whole.handle_async_request(request)
            body = b"".join([chunk async for chunk in answer.stream])  # type: ignore[union-attr]
            return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(body))

    build = module.InProcessExecutionAPI

    def build_direct() -> Any:
        made = build()
        made.transport = Direct(made.transport, made.app)
        return made

    module.InProcessExecutionAPI = build_direct  # type: ignore[attr-defined]


def _send_directly(supervisor: ModuleType) -> None:
    import httpx

    def request(
        client: httpx.Client, method: str, url: str, *, content: Any = None, headers: Any = None, **more: Any
    ) -> httpx.Response:
        """Do what Airflow's client does with a request. The API in this process asks for no token."""
        headers = headers or ({} if content is None else {"content-type": "application/json"})
        body = {name: more[name] for name in ("params", "json") if more.get(name) is not None}
        sent = httpx.Request(
            method,
            f"{IN_PROCESS}/{url.lstrip('/')}",
            content=content,
            headers={**client.headers, **headers},
            **body,
        )
        for hook in client.event_hooks["request"]:
            hook(sent)
        answer = client._transport.handle_request(sent)
        answer.request = sent
        for hook in client.event_hooks["response"]:
            hook(answer)
        return answer

    supervisor.InProcessTestSupervisor._Client.request = request  # type: ignore[attr-defined]


class _NewestVersion:
    """The routes of the newest version of an API, which need no conversion."""

    def __init__(self, app: Any) -> None:
        from cadwyn.route_generation import _DELETED_ROUTE_TAG
        from fastapi.routing import APIRoute, APIRouter

        self._app = app
        self._header = app.api_version_parameter_name
        self._version = app.versions.version_values[0]
        # With the first request, cadwyn wraps the endpoints of its own routes. Overrides go into the copies.
        copies = APIRouter(dependency_overrides_provider=None)
        copies.include_router(app._latest_version_router)
        #: Method -> routes, each with what answers its requests.
        self._routes: dict[str, list[tuple[Any, Any]]] = {}
        for route in copies.routes:
            # The tag marks routes that only older versions have. Coroutines may wait, and need an event loop.
            is_newest = isinstance(route, APIRoute) and _DELETED_ROUTE_TAG not in route.tags
            if is_newest and not inspect.iscoroutinefunction(route.endpoint):
                route.dependant = _each_once(route.dependant, app.dependency_overrides, {})
                for method in route.methods:
                    self._routes.setdefault(method, []).append((route, route.get_route_handler()))

    def answer(self, sent: httpx.Request) -> Response | None:
        """Return the answer to a request that has been read; ``None`` if the whole application has to."""
        if sent.headers.get(self._header) != self._version:
            return None
        path = sent.url.path
        for route, handle in self._routes.get(sent.method, ()):
            if route.path_regex.match(path):
                return contextvars.copy_context().run(self._answer, sent, route, handle)
        return None

    def _answer(self, sent: httpx.Request, route: Any, handle: Any) -> Response:
        from starlette.requests import Request

        _is_direct.set(True)
        scope = self._scope(sent)
        scope.update(route.matches(scope)[1])
        found = _without_waiting(self._handle(Request(scope, _received(sent.content)), handle))
        found.headers[self._header] = self._version
        return found

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


def _each_once(dependant: Any, overrides: dict[Any, Any], known: dict[Any, Any]) -> Any:
    """Copy a tree of dependencies, with overrides, and with each dependency once.

    Args:
        dependant: The root, a route or a dependency.
        overrides: The overrides of the application.
        known: What comes before it, by the keys of FastAPI's cache. It grows.
    """
    from fastapi.dependencies.models import Dependant

    copy = dataclasses.replace(dependant, dependencies=[])
    for each in dependant.dependencies:
        if _is_for_traces(each):
            continue
        used = _overridden(each, overrides)
        if used.use_cache and used.cache_key in known:
            if each.name is None:
                continue
            repeated = Dependant(name=each.name, call=used.call)
            repeated.cache_key = used.cache_key
            copy.dependencies.append(repeated)
        else:
            whole = _each_once(used, overrides, known)
            whole.cache_key = used.cache_key
            known[used.cache_key] = whole
            copy.dependencies.append(whole)
    return copy


def _overridden(dependant: Any, overrides: dict[Any, Any]) -> Any:
    from airflow.api_fastapi.common.dagbag import dag_bag_from_app
    from fastapi.dependencies.utils import get_dependant

    call = overrides.get(dependant.call, dependant.call)
    if call is dag_bag_from_app:
        # Airflow overrides it for each task instance.
        call = _of_task(dag_bag_from_app, overrides)
    if call is dependant.call:
        return dependant
    return get_dependant(path=dependant.path, call=call, name=dependant.name)


def _of_task(dag_bag_from_app: Callable[[Request], Any], overrides: dict[Any, Any]) -> Callable[[Any], Any]:
    from fastapi import Request as Asked

    def dag_bag(request):  # type: ignore[no-untyped-def]
        of_task = overrides.get(dag_bag_from_app)
        return dag_bag_from_app(request) if of_task is None else of_task()

    # FastAPI would resolve annotations in this module, which imports nothing of FastAPI.
    dag_bag.__annotations__ = {"request": Asked}
    return dag_bag


def _is_for_traces(dependant: Any) -> bool:
    """Whether a dependency only passes on the context of traces, of which the tests have none."""
    return getattr(dependant.call, "__name__", None) == "_extract_w3c_trace_context"


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


def _without_waiting(answer: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing, without an event loop."""
    try:
        answer.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a route of the API waits")


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
