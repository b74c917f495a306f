"""The secrets of a program: Airflow's connections and variables, and the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow_dynamic_provider.errors import SecretNotFoundError

#: The beginning of the environment variables in which flytekit looks for secrets.
_PREFIX = "_FSEC_"


class Secrets:
    """Looks up secrets by group and key."""

    def get(
        self, group: str | None = None, key: str | None = None, group_version: str | None = None, **_: Any
    ) -> str:
        """Return a secret.

        It is the password, or the part of the extra called ``key``, of the Airflow connection ``group``; or
        the Airflow variable ``group_key``; or the environment variable that flytekit reads,
        ``_FSEC_GROUP_KEY``; or the file that flytekit reads, ``/etc/secrets/group/key``.

        Raises:
            SecretNotFoundError: There is none of them.
        """
        parts = [part for part in (group, group_version, key) if part]
        name = "_".join(parts)
        found = _of_connection(group, key)
        found = _of_variable(name) if found is None else found
        found = os.environ.get(f"{_PREFIX}{name.upper()}") if found is None else found
        found = _of_file(parts) if found is None else found
        if found is None:
            raise SecretNotFoundError(
                f"there is no secret {name!r}",
                remedy=f"Make the Airflow variable {name!r}, the Airflow connection {group!r} with "
                f"{(key or 'password')!r} in its extra, or the environment variable {_PREFIX}{name.upper()}.",
            )
        return found

    def __getattr__(self, group: str) -> _Group:
        if group.startswith("__"):
            raise AttributeError(group)
        return _Group(self, group)


class _Group:
    def __init__(self, secrets: Secrets, group: str) -> None:
        self._secrets = secrets
        self._group = group

    def __getattr__(self, key: str) -> str:
        if key.startswith("__"):
            raise AttributeError(key)
        return self._secrets.get(self._group, key)


def _of_connection(group: str | None, key: str | None) -> str | None:
    from airflow.sdk import Connection

    if group is None:
        return None
    try:
        connection = Connection.get(group)
    except Exception:
        # There is no such connection, or no Airflow behind this process.
        return None
    extra = connection.extra_dejson
    if key is not None and key in extra:
        return str(extra[key])
    if key in (None, "password"):
        return None if connection.password is None else str(connection.password)
    return str(connection.login) if key == "login" and connection.login else None


def _of_variable(name: str) -> str | None:
    from airflow.sdk import Variable

    try:
        found = Variable.get(name, default=None)
    except Exception:
        # There is no Airflow behind this process.
        return None
    return None if found is None else str(found)


def _of_file(parts: list[str]) -> str | None:
    path = Path("/etc/secrets", *[part.lower() for part in parts])
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None
