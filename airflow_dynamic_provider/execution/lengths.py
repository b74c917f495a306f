"""Refuses lists that are longer than Airflow maps, before anything is stored."""

from __future__ import annotations

from airflow_dynamic_provider.airflow_adapter.configuration import conf
from airflow_dynamic_provider.errors import TooManyOutputsError


def check_length(count: int, task_id: str, output: str) -> None:
    """Refuse more keys than Airflow maps.

    Airflow refuses the list only after everything else is stored, and does not name the option.

    Raises:
        TooManyOutputsError: There are more keys than ``[core] max_map_length``.
    """
    limit = conf.getint("core", "max_map_length", fallback=1024)
    if count > limit:
        raise TooManyOutputsError(
            f"produced {count} keys, but Airflow maps at most {limit}: [core] max_map_length = {limit}",
            task_id=task_id,
            output_name=output,
            remedy=f"Raise [core] max_map_length (AIRFLOW__CORE__MAX_MAP_LENGTH) to {count} or more for "
            "the API server and the workers, or put several items under one key.",
        )
