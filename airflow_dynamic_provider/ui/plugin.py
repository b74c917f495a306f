"""The Airflow plugin: the tabs in Airflow's UI, and the application that serves them.

Airflow imports plugins in every process, including task processes, so this module imports only what they
need. The first request creates the application.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_dynamic_provider.airflow_adapter.configuration import conf
from airflow_dynamic_provider.airflow_adapter.plugins import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from fastapi import FastAPI

#: Where Airflow's API server mounts the application.
PREFIX = "/dynamic-outputs"

#: The title of the tab, and its part of the URL.
_TITLE, _ROUTE = "Dynamic outputs", "dynamic-outputs"

#: Kind of page in Airflow's UI -> the page shown in its tab. Airflow fills in the names in braces.
_PAGES = {
    "dag": "dags/{DAG_ID}/page",
    "dag_run": "dags/{DAG_ID}/runs/{RUN_ID}/page",
    "task": "dags/{DAG_ID}/tasks/{TASK_ID}/page",
    "task_instance": "dags/{DAG_ID}/runs/{RUN_ID}/task-instances/{TASK_ID}/{MAP_INDEX}/page",
}


class LazyApp:
    """The application, created by the first request."""

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer a request. Airflow's API server calls this."""
        await self._app(scope, receive, send)

    @cached_property
    def _app(self) -> FastAPI:
        from airflow_dynamic_provider.ui.app import create_app

        return create_app()


def base_path() -> str:
    """Return the path of ``[api] base_url``, below which Airflow serves its pages; empty for the root."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/")


def external_views() -> list[dict[str, str]]:
    """Return the tabs. Each shows a page of the package in a frame."""
    root = f"{base_path()}{PREFIX}"
    return [
        {
            "name": _TITLE,
            "destination": destination,
            "href": f"{root}/{page}",
            # Airflow requires unique routes.
            "url_route": f"{_ROUTE}-{destination.replace('_', '-')}",
            "icon": f"{root}/static/icon.svg",
            "icon_dark_mode": f"{root}/static/icon-dark.svg",
        }
        for destination, page in _PAGES.items()
    ]


class DynamicOutputsPlugin(AirflowPlugin):  # type: ignore[misc, unused-ignore]
    """The tabs "Dynamic outputs" of Airflow's UI."""

    name = "dynamic_outputs"
    fastapi_apps = [{"app": LazyApp(), "url_prefix": PREFIX, "name": _TITLE}]  # noqa: RUF012 (Airflow's form)
    external_views = external_views()
