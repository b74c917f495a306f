"""The pages: one HTML document for all of them, which shows what its URL names."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from airflow_dynamic_provider.ui.access import READS_DAG
from airflow_dynamic_provider.ui.assets import STATIC, modules, versioned_path

router = APIRouter(dependencies=[READS_DAG], include_in_schema=False)

_PAGE = STATIC / "page.html"

#: The pages run only the package's own files, and load nothing from other hosts. Data that tasks have stored
#: is shown as text, as markup that the server made, or as an inline image.
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
    files = escape(request.scope.get("root_path", "") + versioned_path())
    page = (
        _PAGE.read_text(encoding="utf-8").replace("{{ preload }}", _preload()).replace("{{ static }}", files)
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _preload() -> str:
    return "\n    ".join(f'<link rel="modulepreload" href="{{{{ static }}}}/{name}">' for name in modules())
