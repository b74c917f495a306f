"""Airflow's API server in this process, with users of all roles."""

from __future__ import annotations

from functools import cached_property

#: Roles of Airflow's simple auth manager. A user with the role ``None`` may log in, but sees nothing.
ROLES = {"admin": "ADMIN", "viewer": "VIEWER", "nobody": None}

PREFIX = "/dynamic-outputs"


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

    @cached_property
    def app(self):
        from airflow.api_fastapi.app import create_app

        return create_app()

    def headers(self, user):
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        if user is None:
            return {}
        assert self.app is not None
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=ROLES[user]))
        return {"Authorization": f"Bearer {token}"}
