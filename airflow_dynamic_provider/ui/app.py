"""The application behind the pages: routes, files, and what it answers to errors."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from airflow_dynamic_provider import __version__
from airflow_dynamic_provider.errors import DynamicOutputsError, LayoutError, ReadError, UnknownNameError
from airflow_dynamic_provider.ui.routes import clearing, exports, history, instances, pages, runs, workflows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"

_DESCRIPTION = (
    "What Airflow's tabs *Dynamic outputs* show: the keys of dynamic outputs, what became of them in each "
    "task, their metadata, and the graphs of workflows. It changes nothing; the pages clear task instances "
    "by Airflow's own API. Every route asks Airflow whether the user may see the Dag."
)

# Their texts are not shown: they may hold stored values, and paths of the server.
_UNREADABLE = (
    "What this run has stored cannot be read by the installed release of airflow-dynamic-provider. Clear the "
    "task that produces the keys, with its downstream tasks; the server's log says more."
)
_BROKEN = "The server could not answer this. Its log says why."

log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """Return the application. Airflow's API server mounts it."""
    # Without FastAPI's own pages of documentation, which load their programs from another host.
    app = FastAPI(
        title="Dynamic outputs", description=_DESCRIPTION, version=__version__, docs_url=None, redoc_url=None
    )
    for module in (runs, instances, workflows, history, clearing, exports, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.middleware("http")(_refuse_nul)
    app.middleware("http")(_add_headers)
    app.add_exception_handler(UnknownNameError, _answer_unknown)
    app.add_exception_handler(LayoutError, _answer_unreadable)
    app.add_exception_handler(ReadError, _answer_unreadable)
    app.add_exception_handler(Exception, _answer_broken)
    return app


async def _refuse_nul(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    # No name has this character, and PostgreSQL fails where it is asked for one.
    if "\0" in request.scope["path"] or "\0" in unquote(request.url.query):
        return JSONResponse({"detail": "An address cannot hold the character NUL."}, status_code=422)
    return await call_next(request)


async def _add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    # A browser asks whether a file has changed, so that no old module meets a new one after an upgrade.
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _answer_unknown(request: Request, error: Exception) -> Response:
    # Without the remedy, which names others: some the user may not see.
    assert isinstance(error, DynamicOutputsError)
    return JSONResponse({"detail": f"{error.message[:1].upper()}{error.message[1:]}."}, status_code=404)


def _answer_unreadable(request: Request, error: Exception) -> Response:
    log.warning("Cannot read what is stored: %s", error)
    return JSONResponse({"detail": _UNREADABLE}, status_code=409)


def _answer_broken(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": _BROKEN}, status_code=500)
