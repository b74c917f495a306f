"""The application that serves the pages: routes, static files, and responses to errors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from airflow_dynamic_provider import __version__
from airflow_dynamic_provider.database.conditions import FilterError
from airflow_dynamic_provider.definitions.releases import RELEASE_HEADER
from airflow_dynamic_provider.errors import (
    AmbiguousNameError,
    DynamicOutputsError,
    LayoutError,
    ReadError,
    UnknownNameError,
)
from airflow_dynamic_provider.ui.assets import PATH, Assets
from airflow_dynamic_provider.ui.routes import (
    answers,
    charts,
    clearing,
    comparing,
    errors,
    exports,
    history,
    instances,
    kept,
    pages,
    runs,
    selecting,
    workflows,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

_DESCRIPTION = (
    "The data of Airflow's tabs *Dynamic outputs*: the keys of dynamic outputs, their states in each task, "
    "their metadata, and the graphs of workflows. One route clears task instances, all others only read. "
    "Every route asks Airflow whether the user may do it."
)

# The errors' own messages are not shown, because they may contain stored values and paths of the server.
_UNREADABLE = (
    "The installed release of airflow-dynamic-provider cannot read the data of this run. Clear the task that "
    "produces the keys, with its downstream tasks. The server's log says more."
)
_BROKEN = "The server could not answer this request. Its log says why."

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Return the application. Airflow's API server mounts it."""
    # Without FastAPI's documentation pages, which load scripts from another host.
    app = FastAPI(
        title="Dynamic outputs", description=_DESCRIPTION, version=__version__, docs_url=None, redoc_url=None
    )
    for module in (
        runs,
        errors,
        selecting,
        comparing,
        instances,
        workflows,
        history,
        charts,
        clearing,
        exports,
        answers,
        kept,
        pages,
    ):
        app.include_router(module.router)
    app.mount(PATH, Assets(), name="static")
    app.middleware("http")(_refuse_nul)
    app.middleware("http")(_add_headers)
    app.add_exception_handler(UnknownNameError, _answer_unknown)
    app.add_exception_handler(AmbiguousNameError, _answer_ambiguous)
    app.add_exception_handler(LayoutError, _answer_unreadable)
    app.add_exception_handler(ReadError, _answer_unreadable)
    app.add_exception_handler(FilterError, _answer_filter)
    app.add_exception_handler(Exception, _answer_broken)
    return app


async def _refuse_nul(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    # No name contains this character, and PostgreSQL fails on a query with it.
    if "\0" in request.scope["path"] or "\0" in unquote(request.url.query):
        return JSONResponse({"detail": "A URL cannot contain the character NUL."}, status_code=422)
    return await call_next(request)


async def _add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    # Commands of another release cannot use the answers. One that finds no such header is at another server.
    response.headers.setdefault(RELEASE_HEADER, __version__)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    # Data changes. A file whose address has no digest may be of another release tomorrow.
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _answer_unknown(request: Request, error: Exception) -> Response:
    # Without the remedy, which may name Dags that the user may not see.
    assert isinstance(error, DynamicOutputsError)
    return JSONResponse({"detail": f"{error.message[:1].upper()}{error.message[1:]}."}, status_code=404)


def _answer_filter(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, status_code=422)


def _answer_ambiguous(request: Request, error: Exception) -> Response:
    # Its message has names of the run only, which the user may see.
    return JSONResponse({"detail": str(error)}, status_code=422)


def _answer_unreadable(request: Request, error: Exception) -> Response:
    log.warning("Cannot read the stored data: %s", error)
    return JSONResponse({"detail": _UNREADABLE}, status_code=409)


def _answer_broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": _BROKEN}, status_code=500)
