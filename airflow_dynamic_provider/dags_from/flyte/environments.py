"""``Environment``: settings that several tasks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.tasks import task
from airflow_dynamic_provider.dags_from.flyte.workflows import dynamic

if TYPE_CHECKING:
    from collections.abc import Callable


class Environment:
    """Settings that several tasks share.

    Args:
        settings: The arguments of ``@task``.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def __call__(self, function: Callable[..., Any] | None = None, **settings: Any) -> Any:
        """Make a task with these settings."""
        return self.task(function, **settings)

    def task(self, function: Callable[..., Any] | None = None, **settings: Any) -> Any:
        """Make a task with these settings; those of the call come first."""
        return task(function, **{**self.settings, **settings})

    def dynamic(self, function: Callable[..., Any] | None = None, **settings: Any) -> Any:
        """Make a dynamic workflow with these settings; those of the call come first."""
        return dynamic(function, **{**self.settings, **settings})

    def update(self, **settings: Any) -> None:
        """Change settings of tasks that are made later."""
        self.settings = {**self.settings, **settings}

    def extend(self, **settings: Any) -> Environment:
        """Return an environment with more settings."""
        return Environment(**{**self.settings, **settings})

    def show(self) -> None:
        """Print the settings."""
        print(self.settings)  # noqa: T201
