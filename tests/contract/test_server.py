"""The assumptions of pages and commands: about Airflow's server, its UI and its command line."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from pathlib import Path
from types import SimpleNamespace

import airflow

from airflow_dynamic_provider.ui import plugin
from tests.contract.assumptions import assumes
from tests.pure.processes import PACKAGE

#: The folder with the built files of Airflow's own pages.
BUILT = Path(airflow.__file__).parent / "ui" / "dist" / "assets"


def built_scripts() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(BUILT.glob("*.js")))


@assumes(
    "requires_access_dag() returns a dependency that checks the rights on the Dag in the URL, and SessionDep "
    "provides a route with a session of the metadata database.",
    rests="access control on the pages, and the data that they read",
    where="airflow_adapter/server.py ui/access.py",
    names="requires_access_dag DagAccessEntity SessionDep",
)
def test_rights_are_checked_by_airflow(database):
    from fastapi import Depends
    from fastapi.testclient import TestClient
    from sqlalchemy import text

    from airflow_dynamic_provider.airflow_adapter.server import (
        DagAccessEntity,
        SessionDep,
        requires_access_dag,
    )
    from tests.api_server import ApiServer

    server = ApiServer()
    app = server.app
    asked = (None, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM)

    def route(dag_id: str, session: SessionDep) -> int:
        return session.scalar(text("SELECT 1"))

    # The annotations would be strings otherwise, which FastAPI cannot resolve inside a function.
    route.__annotations__ = {"dag_id": str, "session": SessionDep}
    rights = [Depends(requires_access_dag("GET", entity)) for entity in asked]
    app.get("/contract/{dag_id}", dependencies=rights)(route)
    app.router.routes.insert(0, app.router.routes.pop())
    client = TestClient(app)
    answers = {
        user: client.get("/contract/any", headers=server.headers(user)) for user in (None, "nobody", "viewer")
    }
    assert {user: answer.status_code for user, answer in answers.items()} == {
        None: 401,
        "nobody": 403,
        "viewer": 200,
    }
    assert answers["viewer"].json() == 1


@assumes(
    "GetUserDep provides a route with the user, the second argument of what requires_access_dag() returns. "
    "action_logging(event) returns a dependency that adds a line of Airflow's audit log to "
    "its session, and commits.",
    rests="clearing from the pages: who may do it, and the trace of it",
    where="airflow_adapter/server.py airflow_adapter/audit_log.py ui/access.py",
    names="GetUserDep action_logging",
)
def test_who_clears_is_known_and_noted(database):
    from fastapi import Depends, Request
    from fastapi.testclient import TestClient
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.audit_log import audit_log
    from airflow_dynamic_provider.airflow_adapter.models import create_session
    from airflow_dynamic_provider.airflow_adapter.server import (
        DagAccessEntity,
        GetUserDep,
        requires_access_dag,
    )
    from tests.api_server import ApiServer

    server = ApiServer()
    check = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)

    def route(dag_id: str, request: Request, user: GetUserDep) -> str:
        check(request, user)
        return str(user.get_name())

    route.__annotations__ = {"dag_id": str, "request": Request, "user": GetUserDep}
    server.app.post("/contract/{dag_id}/clear", dependencies=[Depends(audit_log("contract"))])(route)
    server.app.router.routes.insert(0, server.app.router.routes.pop())
    client = TestClient(server.app)
    path = "/contract/any/clear"
    assert client.post(path, headers=server.headers("viewer")).status_code == 403
    assert client.post(path, headers=server.headers("admin")).json() == "admin"
    with create_session() as session:
        from airflow.models import Log

        assert "admin" in session.scalars(select(Log.owner).where(Log.event == "contract")).all()


def test_other_requests_go_on_while_a_line_of_the_audit_log_is_committed():
    from airflow_dynamic_provider.airflow_adapter.audit_log import commits_in_thread

    lock_is_free = threading.Event()
    waited_for_lock = []
    session = SimpleNamespace(
        add=lambda line: None, commit=lambda: waited_for_lock.append(lock_is_free.wait(timeout=10))
    )

    async def log_action(session):
        session.add("line")
        session.commit()

    async def other_request():
        # It needs the event loop to release the lock of SQLite.
        lock_is_free.set()

    async def both():
        await asyncio.gather(commits_in_thread(log_action)(session=session), other_request())

    asyncio.run(both())
    assert waited_for_lock == [True]


@assumes(
    "A plugin can add an app, and tabs on the pages of Dags, runs, tasks and task instances.",
    rests="the tabs of the pages",
    where="airflow_adapter/plugins.py ui/plugin.py",
    names="AirflowPlugin",
)
def test_the_tabs_are_taken():
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse, FastAPIAppResponse

    from airflow_dynamic_provider.airflow_adapter.plugins import AirflowPlugin

    shown = [ExternalViewResponse.model_validate(view) for view in plugin.external_views()]
    assert [view.destination for view in shown] == ["dag", "dag_run", "task", "task_instance"]
    # Airflow reads only the attributes of its own class of plugins.
    assert (AirflowPlugin.external_views, AirflowPlugin.fastapi_apps) == ([], [])
    (served,) = plugin.DynamicOutputsPlugin.fastapi_apps
    assert FastAPIAppResponse.model_validate({**served, "app": "app"}).url_prefix == plugin.PREFIX


@assumes(
    "conf of airflow.configuration reads Airflow's options.",
    rests="pages below a base path, the maximum number of clones, and where results and files are kept",
    where="airflow_adapter/configuration.py ui/plugin.py execution/storing.py",
    names="AIRFLOW_HOME conf",
)
def test_options_are_read(monkeypatch):
    from airflow.configuration import AIRFLOW_HOME, conf

    from airflow_dynamic_provider.airflow_adapter.configuration import own_option

    assert own_option("cache_path") == f"{AIRFLOW_HOME}/dynamic_outputs_cache"
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__CACHE_PATH", "s3://kept")
    assert own_option("cache_path") == "s3://kept"
    assert conf.getint("core", "max_map_length") > 0
    assert conf.get("api", "no_such_option", fallback="none") == "none"


@assumes(
    "The names of colours and fonts in Airflow's UI begin with --chakra-.",
    rests="pages in the colours of Airflow's theme; without it, they keep their own",
    where="ui/static/host.js",
)
def test_the_names_of_the_colours_are_known():
    assert re.search(r"cssVarsPrefix:\w*=?[\"'`]chakra[\"'`]", built_scripts())


@assumes(
    "Airflow's UI keeps the viewer's time zone in the browser's storage as 'timezone'.",
    rests="times in the zone that was chosen in Airflow; without it, they are in the browser's zone",
    where="ui/static/host.js",
)
def test_the_name_of_the_time_zone_is_known():
    assert re.search(r"[\"'`]timezone[\"'`]", built_scripts())


@assumes(
    "Airflow's UI shows a plugin's page in an iframe that may run scripts of the same origin.",
    rests="all pages",
    where="ui/static/host.js",
)
def test_the_pages_may_run_scripts():
    assert "allow-scripts allow-same-origin" in built_scripts()


@assumes(
    "Airflow's command line consists of groups of commands, and each argument adds itself to a parser.",
    rests="the commands",
    where="airflow_adapter/commands.py cli/definition.py",
    names="ActionCommand Arg CLICommand GroupCommand",
)
def test_commands_are_made_of_airflows_classes(monkeypatch):
    from argparse import ArgumentParser

    from airflow.cli.cli_config import ActionCommand, GroupCommand
    from airflow.cli.cli_parser import _add_command

    from airflow_dynamic_provider.cli import show
    from airflow_dynamic_provider.cli.definition import get_cli_commands

    (group,) = get_cli_commands()
    assert isinstance(group, GroupCommand)
    inner = [each for each in group.subcommands if isinstance(each, GroupCommand)]
    actions = [each for each in group.subcommands if each not in inner]
    actions += [each for nested in inner for each in nested.subcommands]
    assert all(isinstance(each, ActionCommand) for each in actions)
    called = []
    monkeypatch.setattr(show, "show", called.append)
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "token")
    parser = ArgumentParser()
    _add_command(parser.add_subparsers(), group)
    args = parser.parse_args(
        ["dynamic-outputs", "show", "dag", "run", "key", "-o", "yaml", "-v", "--url", "http://server"]
    )
    args.func(args)
    assert called == [args]
    assert (args.dag_id, args.run_id, args.output, args.verbose) == ("dag", "run", "yaml", True)


@assumes(
    "Airflow adds the commands that providers name to its own.",
    rests="airflow dynamic-outputs; older versions need python -m airflow_dynamic_provider.cli",
    where="airflow_adapter/commands.py cli/definition.py version_compat.py",
    since=(3, 2),
)
def test_airflow_adds_the_commands():
    from airflow.cli import cli_parser

    assert "dynamic-outputs" in cli_parser.ALL_COMMANDS_DICT


@assumes(
    "action_cli() logs who calls a command with which arguments, and suppress_logs_and_warning() keeps logs "
    "out of its output unless args.verbose is true.",
    rests="the output of the commands, and the audit log of their calls",
    where="airflow_adapter/commands.py cli/definition.py",
    names="action_cli suppress_logs_and_warning",
)
def test_functions_become_commands(database, caplog):
    from argparse import Namespace

    from airflow.utils import cli_action_loggers

    from airflow_dynamic_provider.airflow_adapter.commands import as_airflow_command

    noted = []

    @as_airflow_command
    def command(args):
        logging.getLogger("contract").critical("of %s", args.dag_id)

    def note(sub_command, dag_id, **_):
        noted.append((sub_command, dag_id))

    cli_action_loggers.register_pre_exec_callback(note)
    try:
        command(Namespace(dag_id="quiet", verbose=False))
        command(Namespace(dag_id="loud", verbose=True))
    finally:
        cli_action_loggers.__pre_exec_callbacks.remove(note)
    assert noted == [("command", "quiet"), ("command", "loud")]
    assert [each.getMessage() for each in caplog.records if each.name == "contract"] == ["of loud"]


@assumes(
    "create_session() returns a session of the metadata database outside the server.",
    rests="commands, stored Dags and embedded runs",
    where="airflow_adapter/models.py cli/database_source.py database/structure.py embedded/reading.py",
    names="create_session",
)
def test_a_session_is_made_outside_the_server(database):
    from sqlalchemy import text

    from airflow_dynamic_provider.airflow_adapter.models import create_session

    with create_session() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_the_pages_use_the_names_that_are_looked_for():
    host = (PACKAGE / "ui" / "static" / "host.js").read_text(encoding="utf-8")
    assert "--chakra-" in host
    assert 'getItem("timezone")' in host


@assumes(
    "A scheduler and a Dag processor call on_starting() of listeners before they fork.",
    rests="task processes that begin with the package loaded",
    where="airflow_adapter/parents.py preloading/plugin.py",
    names="hookimpl",
)
def test_a_component_calls_listeners_when_it_starts(database):
    from airflow.jobs.job import Job
    from airflow.listeners.listener import get_listener_manager

    from airflow_dynamic_provider.airflow_adapter.parents import AtStart

    started: list[bool] = []
    listener = AtStart(lambda: started.append(True))
    manager = get_listener_manager()
    manager.add_listener(listener)
    try:
        # The commands make this first, and hand it to what then starts the executor or the processors.
        Job()
    finally:
        manager.pm.unregister(listener)
    assert started == [True]


@assumes(
    "A Celery worker sends the signal import_modules before it forks.",
    rests="task processes of Celery workers that begin with the package loaded",
    where="airflow_adapter/parents.py",
)
def test_a_celery_worker_says_when_it_imports_modules():
    from celery import Celery
    from celery.apps.worker import Worker

    from airflow_dynamic_provider.airflow_adapter.parents import at_start_of_celery_worker

    imported: list[bool] = []
    at_start_of_celery_worker(lambda: imported.append(True))
    app = Celery(broker="memory://", set_as_current=False)
    worker = Worker(app=app, pool="prefork", concurrency=1, loglevel="CRITICAL")
    assert imported
    assert getattr(worker.pool, "_pool", None) is None, "a process was forked before"


@assumes(
    "The process of a task loads plugins with its listener manager, which is made once in a process.",
    rests="task processes that begin with the plugins loaded",
    where="preloading/rehearsal.py version_compat.py",
)
def test_plugins_for_tasks_are_loaded_once():
    from airflow.sdk.execution_time import task_runner

    from airflow_dynamic_provider.version_compat import listener_manager

    assert task_runner.get_listener_manager() is listener_manager()
    assert listener_manager() is listener_manager()
