"""The names of ``flytekit.types.pickle``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

FlytePickle = Unsupported("FlytePickle")

__all__ = ["FlytePickle"]
