"""The names of ``flytekit.core.notification``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.resources import Email, PagerDuty, Slack

__all__ = ["Email", "PagerDuty", "Slack"]
