"""Reads and writes Airflow's task state store, which outlives a failed or killed try (from 3.3 on)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def has_store(context: Mapping[str, Any]) -> bool:
    """Return whether this Airflow has a task state store."""
    return context.get("task_state_store") is not None


def read(context: Mapping[str, Any], key: str) -> Any:
    """Return what a try of the running task instance stored, ``None`` if nothing. One API call."""
    return context["task_state_store"].get(key)


def write(context: Mapping[str, Any], key: str, value: Any) -> None:
    """Store JSON for later tries of the running task instance. One API call."""
    context["task_state_store"].set(key, value)
