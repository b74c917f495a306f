"""Airflow's configuration. `airflow.sdk` does not export it, but ``conf`` is documented."""

from __future__ import annotations

from airflow.configuration import conf

__all__ = ["conf"]
