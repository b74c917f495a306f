"""Answers commands over HTTP, from the routes of the package on Airflow's API server."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from airflow_dynamic_provider import __version__
from airflow_dynamic_provider.definitions.releases import RELEASE_HEADER, is_same_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_dynamic_provider.cli.login import Login
    from airflow_dynamic_provider.cli.source import Document

# Where Airflow mounts the routes of the package, and its own public ones.
_ROUTES, _PUBLIC = "/dynamic-outputs", "/api/v2"

# What Airflow says with the status 403, if it does not know who has made the token.
_UNKNOWN_TOKEN = "Invalid JWT token"

# Seconds. Clearing and exporting many keys takes minutes.
_TIMEOUT = httpx.Timeout(30, read=600)


@contextmanager
def opened_server(login: Login) -> Iterator[ServerSource]:
    """Open a connection to the API server.

    Raises:
        SystemExit: The server cannot be asked, or refuses. The error says why and what to do.
    """
    try:
        url = httpx.URL(login.url)
    except httpx.InvalidURL as error:
        raise SystemExit(f"{login.url} is no URL: {error}.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise SystemExit(f"{login.url} is no URL of a server. Write it as https://airflow.example.com.")
    # Every request would be a line among the data.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with new_client() as client:
        try:
            yield ServerSource(client, login)
        except httpx.HTTPError as error:
            raise SystemExit(
                f"The API server {login.url} does not answer: {error or type(error).__name__}. "
                "Check the URL, and that this machine reaches the server."
            ) from error


def new_client() -> httpx.Client:
    """Return what sends the requests."""
    return httpx.Client(timeout=_TIMEOUT)


class ServerSource:
    """Airflow's API server, as a `Source` and as `KeptResults`.

    Args:
        client: Sends the requests.
        login: The server and the token.
    """

    def __init__(self, client: httpx.Client, login: Login) -> None:
        self._client = client
        self._login = login

    def ask(self, question: str, dag_id: str, run_id: str, **arguments: Any) -> Document:
        """Return an answer."""
        return self._read("GET", f"{_run(dag_id, run_id)}/answers/{question}", params=_given(arguments))

    def find_to_clear(self, dag_id: str, run_id: str, selection: Mapping[str, Any]) -> Document:
        """Return the task instances that would run again."""
        return self._read("POST", f"{_run(dag_id, run_id)}/answers/find-to-clear", json=dict(selection))

    def clear(
        self, dag_id: str, run_id: str, selection: Mapping[str, Any], *, keep_results: bool
    ) -> Document:
        """Clear them, and return them as they were before."""
        document = {**selection, "keep_results": keep_results}
        return self._read("POST", f"{_run(dag_id, run_id)}/answers/clear", json=document)

    def export(self, dag_id: str, run_id: str, of: str | None, what: str, form: str) -> Iterable[str]:
        """Return the content of a file, in chunks."""
        path = f"{_ROUTES}{_run(dag_id, run_id)}/export"
        params = _given({"of": of, "what": what, "format": form})
        url = self._login.url + path
        with self._client.stream("GET", url, params=params, headers=self._headers) as answer:
            if answer.status_code != httpx.codes.OK:
                answer.read()
            self._check(answer)
            yield from answer.iter_text()

    def dag_ids(self, prefix: str) -> list[str]:
        """Return the ids of Dags with a prefix."""
        found = self._public("/dags", dag_id_pattern=f"{prefix}%")
        return [each["dag_id"] for each in found["dags"] if each["dag_id"].startswith(prefix)]

    def run_ids(self, dag_id: str, prefix: str) -> list[str]:
        """Return the ids of runs of a Dag with a prefix."""
        found = self._public(f"/dags/{quote(dag_id, safe='')}/dagRuns", order_by="-run_after")
        runs = (each["dag_run_id"] for each in found["dag_runs"])
        return [run_id for run_id in runs if run_id.startswith(prefix)]

    def list_results(self, selection: Mapping[str, Any], *, with_content: bool = False) -> list[Document]:
        """Return the kept results of a Dag that are meant."""
        path, others = _kept(selection)
        params = _given({**others, "with_content": with_content})
        found: list[Document] = self._read("GET", path, params=params)["results"]
        return found

    def delete_results(self, selection: Mapping[str, Any]) -> list[Document]:
        """Delete the kept results of a Dag that are meant, and return them."""
        path, others = _kept(selection)
        found: list[Document] = self._read("POST", f"{path}/clear", json=_given(others))["results"]
        return found

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._login.token}"}

    def _read(self, method: str, path: str, **request: Any) -> Document:
        answer = self._client.request(
            method, self._login.url + _ROUTES + path, headers=self._headers, **request
        )
        self._check(answer)
        document: Document = answer.json()
        return document

    def _public(self, path: str, **params: Any) -> Document:
        url = self._login.url + _PUBLIC + path
        answer = self._client.get(url, params={"limit": 100, **params}, headers=self._headers)
        document: Document = answer.raise_for_status().json()
        return document

    def _check(self, answer: httpx.Response) -> None:
        """Raise what went wrong, with the remedy.

        Raises:
            SystemExit: The answer is none of the package's routes, of another release, or a refusal.
        """
        url = self._login.url
        if answer.status_code == httpx.codes.UNAUTHORIZED or _detail(answer) == _UNKNOWN_TOKEN:
            raise SystemExit(
                f"{url} does not accept the token from {self._login.origin}: it has expired, or is not for "
                f"this server. Log in again, or set a new token. The server says: {_detail(answer)}"
            )
        if answer.is_redirect:
            target = answer.headers.get("location")
            raise SystemExit(f"{url} redirects to {target}. Name the API server by its own address.")
        release = answer.headers.get(RELEASE_HEADER)
        if release is None:
            raise SystemExit(self._explain_stranger(answer))
        if not is_same_line(release, __version__):
            raise SystemExit(
                f"{url} has release {release} of airflow-dynamic-provider, and this machine {__version__}. "
                f"Install release {release} here."
            )
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise SystemExit(
                f"{url} refuses this to the user of the token from {self._login.origin}: {_detail(answer)} "
                "Ask for the permission, or use the token of another user."
            )
        if answer.is_error:
            raise SystemExit(_detail(answer))

    def _explain_stranger(self, answer: httpx.Response) -> str:
        """Return why an answer is not one of the package."""
        url = self._login.url
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            return f"{url} cannot answer now: {answer.status_code} {answer.reason_phrase}. Try again later."
        found = self._client.get(f"{url}{_PUBLIC}/version")
        try:
            airflow = found.json()["version"]
        except (ValueError, KeyError, TypeError):
            return (
                f"{url} is not the address of an Airflow API server: {found.url} has no version of Airflow. "
                "Check --url. It ends where /api/v2 begins."
            )
        return (
            f"{url} is Airflow {airflow}, but it has no airflow-dynamic-provider, or an older release of it. "
            f"Install release {__version__} where the API server runs, and restart the server."
        )


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def _kept(selection: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the path of the kept results of a Dag, and what else is selected.

    Raises:
        SystemExit: No Dag is named.
    """
    others = dict(selection)
    dag_id = others.pop("dag_id")
    if dag_id is None:
        raise SystemExit("With an API server, name the Dag, whose permissions decide: --dag DAG_ID.")
    return f"/dags/{quote(dag_id, safe='')}/answers/kept-results", others


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _detail(answer: httpx.Response) -> str:
    """Return what the server says about a refusal."""
    if not answer.is_error:
        return ""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.reason_phrase}"
    return detail if isinstance(detail, str) else str(detail)
