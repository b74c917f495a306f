"""The pages: one HTML document for all, which finds out by its address what to show."""

from __future__ import annotations

from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from airflow_dynamic_provider.ui.access import READS_DAG

router = APIRouter(dependencies=[READS_DAG], include_in_schema=False)

_PAGE = Path(__file__).parent.parent / "static" / "page.html"

#: Nothing but the package's own files runs in the pages, and nothing is loaded from elsewhere: what tasks
#: have stored is only ever text, markup made by the server, or a picture that it carries itself.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)


@router.get("/dags/{dag_id}/page", response_class=HTMLResponse)
@router.get("/dags/{dag_id}/tasks/{task_id}/page", response_class=HTMLResponse)
@router.get("/dags/{dag_id}/runs/{run_id}/page", response_class=HTMLResponse)
@router.get(
    "/dags/{dag_id}/runs/{run_id}/task-instances/{task_id}/{map_index}/page", response_class=HTMLResponse
)
def show_page(request: Request) -> HTMLResponse:
    """Return the page."""
    root = escape(request.scope.get("root_path", ""))
    page = _PAGE.read_text(encoding="utf-8").replace("{{ root }}", root)
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})
