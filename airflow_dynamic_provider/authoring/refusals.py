"""How a reference says that it was used for what it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import HandleUsageError

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.sources import Source


def refusal(source: Source, message: str, remedy: str) -> HandleUsageError:
    """Return the error, naming the task and the output."""
    return HandleUsageError(message, task_id=source.task_id, output_name=source.output, remedy=remedy)


def render_path(path: tuple[Any, ...]) -> str:
    """Return what is selected from a value, as the author wrote it."""
    return "".join(f"[{part!r}]" for part in path)
