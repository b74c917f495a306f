"""What pages and commands take for granted: of Airflow's server, its UI and its command line."""

from __future__ import annotations

import re
from pathlib import Path

import airflow
from airflow.utils.session import create_session

from airflow_dynamic_provider.ui import plugin
from tests.contract.assumptions import assumes
from tests.pure.processes import PACKAGE

#: What Airflow's own pages are built into.
BUILT = Path(airflow.__file__).parent / "ui" / "dist" / "assets"


def built_scripts() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted(BUILT.glob("*.js")))


@assumes(
    "requires_access_dag() makes a dependency that checks the rights on the Dag in the address.",
    rests="who may see what on the pages",
    where="ui/access.py",
)
def test_rights_are_checked_by_airflow():
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import requires_access_dag

    for entity in (None, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM):
        assert callable(requires_access_dag("GET", entity))
    assert SessionDep.__metadata__[0].dependency is not None


@assumes(
    "Airflow takes tabs for the pages of Dags, runs, tasks and task instances from a plugin, and an app.",
    rests="the tabs of the pages",
    where="ui/plugin.py",
)
def test_the_tabs_are_taken():
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse, FastAPIAppResponse

    shown = [ExternalViewResponse.model_validate(view) for view in plugin.external_views()]
    assert [view.destination for view in shown] == ["dag", "dag_run", "task", "task_instance"]
    (served,) = plugin.DynamicOutputsPlugin.fastapi_apps
    assert FastAPIAppResponse.model_validate({**served, "app": "app"}).url_prefix == plugin.PREFIX


@assumes(
    "conf of airflow.configuration reads Airflow's options.",
    rests="pages below a path, and the greatest number of clones",
    where="airflow_adapter/configuration.py execution/storing.py",
    names="conf",
)
def test_options_are_read():
    from airflow.configuration import conf

    assert conf.getint("core", "max_map_length") > 0
    assert conf.get("api", "no_such_option", fallback="none") == "none"


@assumes(
    "Airflow's UI names its colours and fonts --chakra-….",
    rests="pages in the colours of Airflow's theme; without it they keep their own",
    where="ui/static/host.js",
)
def test_the_names_of_the_colours_are_known():
    assert re.search(r"cssVarsPrefix:\w*=?[\"'`]chakra[\"'`]", built_scripts())


@assumes(
    "Airflow's UI keeps the viewer's time zone in the browser's storage as 'timezone'.",
    rests="times in the zone that was chosen in Airflow; without it they are in the browser's",
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
    "Airflow's command line is made of the classes of airflow.cli.cli_config.",
    rests="the commands",
    where="cli/definition.py",
)
def test_commands_are_made_of_airflows_classes():
    from airflow.cli.cli_config import ActionCommand, GroupCommand

    from airflow_dynamic_provider.cli.definition import get_cli_commands

    (group,) = get_cli_commands()
    assert isinstance(group, GroupCommand)
    assert all(isinstance(each, ActionCommand) for each in group.subcommands)


@assumes(
    "Airflow adds the commands that providers name to its own.",
    rests="airflow dynamic-outputs; older ones have python -m airflow_dynamic_provider.cli",
    where="cli/definition.py version_compat.py",
    since=(3, 2),
)
def test_airflow_adds_the_commands():
    from airflow.cli import cli_parser

    assert "dynamic-outputs" in cli_parser.ALL_COMMANDS_DICT


@assumes(
    "action_cli() and suppress_logs_and_warning() make a function a command.",
    rests="what the commands log, and who is noted to have called them",
    where="cli/clear.py cli/export.py cli/list.py cli/show.py",
)
def test_functions_become_commands():
    from airflow.utils.cli import action_cli, suppress_logs_and_warning

    assert callable(suppress_logs_and_warning(action_cli(lambda args: None)))


@assumes(
    "AirflowConsole and SimpleTable print tables as Airflow's own commands do.",
    rests="what the commands print",
    where="cli/printing.py",
)
def test_tables_are_printed_by_airflow(capsys):
    from airflow_dynamic_provider.cli.printing import print_rows

    print_rows([{"key": "[bold]a"}], "table")
    print_rows([{"key": "b"}], "yaml")
    printed = capsys.readouterr().out
    assert "[bold]a" in printed
    assert "key: b" in printed


@assumes(
    "create_session() gives a session of the metadata database outside the server.",
    rests="commands and exports",
    where="cli/common.py database/structure.py ui/routes/exports.py",
)
def test_a_session_is_made_outside_the_server(database):
    from sqlalchemy import text

    with create_session() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_the_pages_use_the_names_that_are_looked_for():
    host = (PACKAGE / "ui" / "static" / "host.js").read_text(encoding="utf-8")
    assert "--chakra-" in host
    assert 'getItem("timezone")' in host
