"""Airflow's options. `airflow.sdk` does not export them; ``conf`` is documented."""

from __future__ import annotations

from airflow.configuration import conf

__all__ = ["conf"]
