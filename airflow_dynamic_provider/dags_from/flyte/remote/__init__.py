"""The names of ``flytekit.remote``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

FlyteRemote = Unsupported("FlyteRemote")

__all__ = ["FlyteRemote"]
