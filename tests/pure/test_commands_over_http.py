"""Commands that ask an API server: how they find it, what they import, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys

import httpx
import pytest

import airflow_dynamic_provider
from airflow_dynamic_provider.cli import login, server_source
from airflow_dynamic_provider.cli.__main__ import get_parser, main
from tests.pure.processes import PACKAGE, run_python

pytestmark = pytest.mark.pure

VERSION = airflow_dynamic_provider.__version__
RELEASE = {"Dynamic-Outputs-Release": VERSION}
URL = "https://airflow.example.com/team"
COMMAND = ["list", "dag", "run", "--url", URL]


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    for name in ("AIRFLOW_CLI_TOKEN", "AIRFLOW_CLI_ENVIRONMENT", "AIRFLOW_CLI_DEBUG_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    return tmp_path


def keep_login(home, name, url, token):
    """Write what ``airflowctl auth login`` writes in its debug mode, without a keyring."""
    (home / f"{name}.json").write_text(json.dumps({"api_url": url}))
    (home / f"debug_creds_{name}.json").write_text(json.dumps({f"api_token_{name}": token}))


def found(*options):
    return login.find_login(get_parser().parse_args(["list", "dag", "run", *options]))


def refusal(arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return str(caught.value)


def test_without_a_server_the_database_is_read(monkeypatch):
    assert found() is None
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "a token alone names no server")
    assert found() is None


def test_url_and_token_come_from_where_airflows_own_client_keeps_them(home, monkeypatch):
    keep_login(home, "production", f"{URL}/", "kept")
    keep_login(home, "test", "http://test", "other")
    monkeypatch.setenv("AIRFLOW_CLI_DEBUG_MODE", "true")
    assert found("--env", "test")[:2] == ("http://test", "other")
    assert found("--url", URL)[:2] == (URL, "kept")
    monkeypatch.setenv("AIRFLOW_CLI_ENVIRONMENT", "production")
    assert found() == (URL, "kept", "the environment 'production' of airflowctl")
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "mine")
    assert found() == (URL, "mine", "the environment variable AIRFLOW_CLI_TOKEN")


def test_a_token_that_is_kept_for_one_server_is_sent_to_no_other(home, monkeypatch):
    keep_login(home, "production", URL, "kept")
    monkeypatch.setenv("AIRFLOW_CLI_DEBUG_MODE", "true")
    assert refusal(["list", "dag", "run", "--url", "https://elsewhere"]) == (
        "There is no token for https://elsewhere. Set the environment variable AIRFLOW_CLI_TOKEN, or log in "
        "with Airflow's own client: airflowctl auth login --api-url https://elsewhere --env production."
    )


def test_an_environment_that_is_not_there_or_cannot_be_read_is_named(home):
    message = refusal(["list", "dag", "run", "--env", "prod"])
    assert message.startswith(f"There is no environment 'prod': the file {home}/prod.json names no server.")
    assert message.endswith("or name the server with --url URL.")
    (home / "prod.json").write_text("{")
    message = refusal(["list", "dag", "run", "--env", "prod"])
    assert message.startswith(f"{home}/prod.json cannot be read: Expecting property name")


def answering(monkeypatch, answer):
    def respond(request):
        assert request.url.path.startswith("/team/") or request.url.host != "airflow.example.com"
        return answer(request)

    transport = httpx.MockTransport(respond)
    monkeypatch.setattr(server_source, "new_client", lambda: httpx.Client(transport=transport))
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "secret-token")


def airflow_without_the_package(request):
    if request.url.path.endswith("/api/v2/version"):
        return httpx.Response(200, json={"version": "3.2.0"})
    # What Airflow answers to an address that it does not know: its page.
    return httpx.Response(200, html="<html></html>")


def refuse_connection(request):
    raise httpx.ConnectError("Connection refused")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda _: httpx.Response(401, json={"detail": "Invalid JWT token"}, headers=RELEASE),
            f"{URL} does not accept the token from the environment variable AIRFLOW_CLI_TOKEN: it has "
            "expired, or is not for this server. Log in again, or set a new token. The server "
            "says: Invalid JWT token",
        ),
        (
            lambda _: httpx.Response(403, json={"detail": "Forbidden"}, headers=RELEASE),
            f"{URL} refuses this to the user of the token from the environment variable AIRFLOW_CLI_TOKEN: "
            "Forbidden Ask for the permission, or use the token of another user.",
        ),
        (
            lambda _: httpx.Response(
                404, json={"detail": "There is no Dag 'dag' in Airflow."}, headers=RELEASE
            ),
            "There is no Dag 'dag' in Airflow.",
        ),
        (
            airflow_without_the_package,
            f"{URL} is Airflow 3.2.0, but it has no airflow-dynamic-provider, or an older release of it. "
            f"Install release {VERSION} where the API server runs, and restart the server.",
        ),
        (
            lambda _: httpx.Response(404, text="Not here"),
            f"{URL} is not the address of an Airflow API server: {URL}/api/v2/version has no version of "
            "Airflow. Check --url. It ends where /api/v2 begins.",
        ),
        (
            lambda _: httpx.Response(200, json={}, headers={"Dynamic-Outputs-Release": "7.1.0"}),
            f"{URL} has release 7.1.0 of airflow-dynamic-provider, and this machine {VERSION}. "
            "Install release 7.1.0 here.",
        ),
        (
            lambda _: httpx.Response(307, headers={"location": "https://login.example.com/"}),
            f"{URL} redirects to https://login.example.com/. Name the API server by its own address.",
        ),
        (lambda _: httpx.Response(502), f"{URL} cannot answer now: 502 Bad Gateway. Try again later."),
        (
            refuse_connection,
            f"The API server {URL} does not answer: Connection refused. Check the URL, and that this machine "
            "reaches the server.",
        ),
    ],
)
def test_what_a_server_cannot_answer_is_said_with_its_remedy(monkeypatch, answer, message):
    answering(monkeypatch, answer)
    for arguments in (COMMAND, ["export", "dag", "run", "--url", URL]):
        told = refusal(arguments)
        assert told == message
        assert "secret-token" not in told


@pytest.mark.parametrize("url", ["airflow.example.com", "ftp://airflow", "http://a:b:c", "https://"])
def test_what_is_no_url_is_refused_before_anything_is_sent(monkeypatch, url):
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "secret-token")
    assert refusal(["list", "dag", "run", "--url", url]).startswith(f"{url.rstrip('/')} is no URL")


def test_the_module_completes_its_commands(monkeypatch, tmp_path):
    line = "python -m airflow_dynamic_provider.cli li"
    told = tmp_path / "told"
    for name, value in {
        "_ARGCOMPLETE": "3",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }.items():
        monkeypatch.setenv(name, value)
    subprocess.run([sys.executable, *line.split()[1:]], cwd=PACKAGE.parent, check=False, timeout=60)
    assert told.read_text().strip() == "list"
    source = (PACKAGE / "cli" / "__main__.py").read_text()
    assert "PYTHON_ARGCOMPLETE_OK" in source[:1024]


def test_over_http_a_command_imports_nothing_of_airflow_and_no_database(monkeypatch):
    code = """
import sys, json
before = set(sys.modules)
from airflow_dynamic_provider.cli.__main__ import main
try:
    main(["keys", "dag", "run", "--url", "http://127.0.0.1:9"])
except SystemExit as end:
    assert "does not answer" in str(end), end
print(json.dumps([sorted({name.split(".")[0] for name in sys.modules}), len(set(sys.modules) - before)]))
"""
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "token")
    roots, count = run_python(code)
    assert not {"airflow", "fastapi", "pydantic", "sqlalchemy", "structlog"} & set(roots)
    assert count < 330
