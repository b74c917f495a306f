"""Finds the API server and the token, from the options and from where Airflow's own client keeps them.

``airflowctl auth login --env NAME`` keeps the URL in ``$AIRFLOW_HOME/NAME.json`` and the token in the keyring
of the operating system.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace

TOKEN = "AIRFLOW_CLI_TOKEN"
ENVIRONMENT = "AIRFLOW_CLI_ENVIRONMENT"

# The environment that Airflow's client uses if none is named.
_DEFAULT = "production"

# If this variable is ``true``, Airflow's client keeps tokens in files.
_DEBUG = "AIRFLOW_CLI_DEBUG_MODE"


class Login(NamedTuple):
    """An API server, and who asks it.

    Attributes:
        url: The address of the server.
        token: The token.
        origin: Where the token is from, for messages.
    """

    url: str
    token: str
    origin: str


def find_login(args: Namespace) -> Login | None:
    """Return the server that the options or the environment name; ``None`` to read the database.

    Raises:
        SystemExit: The environment does not exist, or there is no token.
    """
    named = args.env or os.environ.get(ENVIRONMENT)
    if not (args.url or named):
        return None
    name: str = named or _DEFAULT
    kept = _kept_url(name)
    url = args.url or kept
    if url is None:
        raise SystemExit(
            f"There is no environment {name!r}: the file {_file(name)} names no server. Create it with "
            f"`airflowctl auth login --api-url URL --env {name}`, or name the server with --url URL."
        )
    url = url.rstrip("/")
    if token := os.environ.get(TOKEN):
        return Login(url, token, f"the environment variable {TOKEN}")
    # A token is sent to no server but the one that it was kept for.
    token = _kept_token(name) if kept is not None and kept.rstrip("/") == url else None
    if token is None:
        raise SystemExit(
            f"There is no token for {url}. Set the environment variable {TOKEN}, or log in with Airflow's "
            f"own client: airflowctl auth login --api-url {url} --env {name}."
        )
    return Login(url, token, f"the environment {name!r} of airflowctl")


def _file(name: str) -> Path:
    return _home() / f"{name}.json"


def _home() -> Path:
    return Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()


def _kept_url(name: str) -> str | None:
    found = _read(_file(name)).get("api_url")
    return found if isinstance(found, str) else None


def _kept_token(name: str) -> str | None:
    if os.environ.get(_DEBUG) == "true":
        found = _read(_home() / f"debug_creds_{name}.json").get(f"api_token_{name}")
        return found if isinstance(found, str) else None
    try:
        # It comes with Airflow's client.
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        token: str | None = keyring.get_password("airflowctl", f"api_token_{name}")
    except KeyringError:
        return None
    return token


def _read(file: Path) -> dict[str, object]:
    """Return a JSON document; empty if there is no such file."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SystemExit(f"{file} cannot be read: {error}.") from error
    return document if isinstance(document, dict) else {}
