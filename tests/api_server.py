"""Airflow's API server in this process, with users of all roles."""

from __future__ import annotations

import contextlib
from functools import cache, cached_property

from airflow_dynamic_provider.cli import server_source

#: Roles of Airflow's simple auth manager. A user with the role ``None`` may log in, but sees nothing.
ROLES = {"admin": "ADMIN", "viewer": "VIEWER", "nobody": None}

PREFIX = "/dynamic-outputs"


@cache
def one_app():
    """Airflow's application without the API of tasks. Making one for each file takes seconds in all."""
    from airflow.api_fastapi.app import create_app

    return create_app("core")


class ApiServer:
    """Answers requests as Airflow's API server does, with the package's plugin."""

    def get(self, path, user="admin", **parameters):
        return self.client.get(f"{PREFIX}{path}", params=parameters, headers=self.headers(user))

    def post(self, path, document, user="admin"):
        return self.client.post(f"{PREFIX}{path}", json=document, headers=self.headers(user))

    @cached_property
    def client(self):
        from fastapi.testclient import TestClient

        return TestClient(self.app, raise_server_exceptions=False)

    @property
    def app(self):
        return one_app()

    def headers(self, user):
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        if user is None:
            return {}
        assert self.app is not None
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=ROLES[user]))
        return {"Authorization": f"Bearer {token}"}


class OverHttp(list):
    """The options with which a command asks the API server in this process, and what it asked."""

    def __init__(self, server, monkeypatch):
        super().__init__(["--url", "http://testserver"])
        self._server, self._monkeypatch = server, monkeypatch
        self.requests = []
        self.log_in("admin")
        monkeypatch.setattr(server_source, "new_client", lambda: contextlib.nullcontext(self))

    def log_in(self, user):
        token = self._server.headers(user)["Authorization"].removeprefix("Bearer ")
        self._monkeypatch.setenv("AIRFLOW_CLI_TOKEN", token)

    def expired_token(self):
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        user = SimpleAuthManagerUser(username="admin", role="ADMIN")
        return get_auth_manager().generate_jwt(user, expiration_time_in_seconds=-3600)

    def __getattr__(self, name):
        return getattr(self._server.client, name)

    def request(self, method, url, **more):
        self.requests.append(f"{method} {url.removeprefix('http://testserver')}")
        return self._server.client.request(method, url, **more)

    def stream(self, method, url, **more):
        self.requests.append(f"{method} {url.removeprefix('http://testserver')}")
        return self._server.client.stream(method, url, **more)
