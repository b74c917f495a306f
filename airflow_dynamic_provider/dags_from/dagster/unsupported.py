"""The names of Dagster that have no counterpart here, with what Airflow has instead."""

from __future__ import annotations

from typing import NoReturn

from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError

_INSTEAD = {
    "AssetCheckResult": "a task that checks the data and fails",
    "AssetSelection": "Airflow's assets: a Dag's schedule may be a list of them",
    "DagsterInstance": "Airflow's REST API",
    "MaterializeResult": "AssetMaterialization",
    "SensorDefinition": "a sensor task, or a Dag with an asset as its schedule",
    "asset": "Airflow's @asset, or @graph_asset",
    "asset_check": "a task that checks the data and fails",
    "repository": "the Dag file: each job in it is a Dag",
    "solid": "@op, from this module",
    "pipeline": "@job, from this module",
    "asset_sensor": "a Dag with the asset as its schedule",
    "build_schedule_from_partitioned_job": "the schedule of the Dag",
    "define_asset_job": "a Dag with the assets as outlets",
    "execute_job": "job.execute_in_process()",
    "materialize": "job.execute_in_process()",
    "multi_asset": "a task with several outlets",
    "observable_source_asset": "an AssetWatcher",
    "run_failure_sensor": "on_failure_callback of the Dag",
    "run_status_sensor": "on_success_callback or on_failure_callback of the Dag",
    "sensor": "a sensor task, or a Dag with an asset as its schedule",
}


def refuse(name: str) -> NoReturn:
    """Refuse the import of a name.

    Raises:
        UnsupportedError: Always; an ``ImportError``.
    """
    instead = _INSTEAD.get(name)
    raise UnsupportedError(
        f"Dagster's {name} has no counterpart in airflow_dynamic_provider.dags_from.dagster",
        remedy=f"Airflow has {instead}."
        if instead
        else "Write this part for Airflow: see the page about Dagster.",
    )
