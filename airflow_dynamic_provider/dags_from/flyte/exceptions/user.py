"""The names of ``flytekit.exceptions.user``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.exceptions import (
    FlyteAssertion,
    FlyteRecoverableException,
    FlyteUserException,
)

__all__ = ["FlyteAssertion", "FlyteRecoverableException", "FlyteUserException"]
