"""The runs whose results cached task instances use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredMetadata

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.execution.layout import MadeBy


def read_origins(
    source: RunSource, task_ids: Collection[str], map_indexes: Collection[int] | None = None
) -> dict[tuple[str, int], MadeBy]:
    """Return (task, map index) -> what made its result, for task instances that use one of an earlier run.

    This takes one query if there are cached tasks, and none otherwise.

    Args:
        source: The run.
        task_ids: The cached tasks.
        map_indexes: The map indexes; ``None`` for all.
    """
    if not task_ids:
        return {}
    stored = source.pull_some(task_ids, METADATA_XCOM, map_indexes, keep_errors=True)
    found = {at: origin_in(metadata) for at, metadata in stored.items()}
    return {at: made_by for at, made_by in found.items() if made_by is not None}


def origin_in(metadata: Any) -> MadeBy | None:
    """Return what made a result, from the stored metadata of its task instance or key."""
    try:
        return StoredMetadata.unpack(metadata).made_by
    except LayoutError:
        # The metadata itself is shown as unreadable.
        return None
