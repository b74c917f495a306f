"""What a run gives its ops: its config, its partition and its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.run_config import plain_config
from airflow_dynamic_provider.definitions.records import Record, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.dags_from.dagster.plans import NodePlan


class Given(Record):
    """What a run gives its ops.

    Attributes:
        config: Its config, as `section` reads it.
        partition_key: Its partition.
        tags: Its tags, beside those of the job.
    """

    config: Mapping[str, Any]
    partition_key: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)


def given_by_run(plan: NodePlan, context: Mapping[str, Any]) -> Given:
    """Return what the run gives. A run that the schedule started takes what the schedule's function asks for.

    Args:
        plan: The node.
        context: Airflow's task context.

    Raises:
        AirflowSkipException: The schedule's function asks for no run.
    """
    params = dict(context["params"])
    run = context.get("dag_run")
    tags: Mapping[str, Any] = {}
    if plan.requests is not None and is_scheduled(run):
        # Imported here, because few schedules have a function.
        from airflow_dynamic_provider.dags_from.dagster.run_requests import SkipReason
        from airflow_dynamic_provider.version_compat import AirflowSkipException

        asked = plan.requests.at(context["logical_date"])
        if isinstance(asked, SkipReason):
            raise AirflowSkipException(f"Not run: {asked.skip_message}.")
        params.update(plain_config(asked.run_config))
        tags = asked.tags
        if asked.partition_key is not None:
            params["partition_key"] = asked.partition_key
    if plan.config_mapping is not None:
        params = plan.config_mapping.inner(params)
    return Given(params, params.get("partition_key") or getattr(run, "partition_key", None), tags)


def is_scheduled(run: Any) -> bool:
    """Return whether the schedule of the Dag started a run."""
    kind = getattr(run, "run_type", None)
    return getattr(kind, "value", kind) == "scheduled"
