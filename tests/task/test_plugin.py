"""The tabs that the plugin adds to Airflow's UI."""

from __future__ import annotations

import pytest

from airflow_dynamic_provider.ui.plugin import DynamicOutputsPlugin, base_path, external_views


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        (None, ""),
        ("/", ""),
        ("http://localhost:8080", ""),
        ("https://example.org/team-a", "/team-a"),
        ("https://example.org/team-a/b/", "/team-a/b"),
    ],
)
def test_pages_are_below_the_path_of_airflows_address(base_url, path, mocker):
    mocker.patch("airflow_dynamic_provider.ui.plugin.conf.get", return_value=base_url)
    assert base_path() == path
    for view in external_views():
        assert view["href"].startswith(f"{path}/dynamic-outputs/dags/{{DAG_ID}}/")
        assert view["icon"] == f"{path}/dynamic-outputs/static/icon.svg"


def test_there_is_a_tab_on_dags_runs_tasks_and_task_instances():
    views = DynamicOutputsPlugin.external_views
    assert {view["destination"] for view in views} == {"dag", "dag_run", "task", "task_instance"}
    assert {view["name"] for view in views} == {"Dynamic outputs"}
    # Airflow leaves out tabs whose route is taken.
    assert len({view["url_route"] for view in views}) == len(views)
