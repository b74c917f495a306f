"""Dagster's metadata values, as the package's own."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidMetadata
from airflow_dynamic_provider.dags_from.dagster.unsupported import refused
from airflow_dynamic_provider.definitions import events
from airflow_dynamic_provider.definitions.metadata import MetadataValue as CoreMetadataValue
from airflow_dynamic_provider.errors import InvalidMetadataError


class MetadataValue(CoreMetadataValue):
    """One metadata value and its kind. Create it with the constructor of its kind."""

    column_lineage = refused("MetadataValue.column_lineage()", "MetadataValue.json()")
    dagster_run = refused("MetadataValue.dagster_run()", "MetadataValue.dag_run(dag_id, run_id)")
    job = refused("MetadataValue.job()", "MetadataValue.url()")
    pool = refused("MetadataValue.pool()", "MetadataValue.text()")
    table_schema = refused("MetadataValue.table_schema()", "MetadataValue.json()")


def metadata_of(given: Any) -> dict[str, CoreMetadataValue]:
    """Return the metadata that an author gave, as label -> value.

    Raises:
        DagsterInvalidMetadata: It cannot be stored.
    """
    try:
        return events.metadata_of(given)
    except InvalidMetadataError as error:
        raise DagsterInvalidMetadata(error.message, remedy=error.remedy) from None
