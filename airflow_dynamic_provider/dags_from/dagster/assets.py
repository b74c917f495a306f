"""Graph assets: graphs whose output is an asset. Each becomes a Dag whose last task writes the asset."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    UnsupportedError,
)
from airflow_dynamic_provider.dags_from.dagster.handles import DynamicHandle, OutputHandle
from airflow_dynamic_provider.dags_from.dagster.jobs import JobDefinition
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing

if TYPE_CHECKING:
    from collections.abc import Callable


class GraphAsset(JobDefinition, frozen=False, eq=False):
    """A graph whose output is an asset."""

    def _find_outlets(self) -> dict[str, list[Any]]:
        from airflow.sdk import Asset

        handle = self.composition.graphs[""].get("result")
        if isinstance(handle, DynamicHandle) or not isinstance(handle, OutputHandle):
            raise DagsterInvalidDefinitionError(
                f"the graph asset {self.name!r} returns {handle}, which is not one value",
                remedy="Collect it into an op, and return the output of that op.",
            )
        return {handle.node.path: [Asset(self.name)]}


@refusing(
    "graph_asset",
    readers=("group_name", "kinds", "owners", "code_version"),
    ins="the Dag's schedule, which may be assets",
    key_prefix="name=, which may be the whole name",
    key="name=, which may be the whole name",
    check_specs="a task that checks the data and fails",
    automation_condition="the Dag's schedule, which may be assets",
    backfill_policy="airflow backfill create",
)
def graph_asset(compose_fn: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Turn a function that calls ops into an asset, as Dagster's ``@graph_asset`` does.

    It becomes a Dag with the name of the asset. The task whose output it returns has the Airflow asset as its
    outlet, so that Dags can be scheduled after it.

    Args:
        compose_fn: The function, when the decorator is used without parentheses.
        settings: ``name``, ``description``, ``config``, ``partitions_def``, ``resource_defs``, ``metadata``,
            ``tags``. ``group_name``, ``kinds``, ``owners`` and ``code_version`` are for readers.

    Raises:
        UnsupportedError: The function takes other assets.
    """

    def decorate(function: Callable[..., Any]) -> GraphAsset:
        if inspect.signature(function).parameters:
            raise UnsupportedError(
                f"the graph asset {function.__name__!r} takes other assets as inputs",
                remedy="Read their data in an op, and give the Dag their Airflow assets as its schedule.",
            )
        return GraphAsset(function, **settings)

    return decorate if compose_fn is None else decorate(compose_fn)
