"""The names of ``flytekit.extras.tasks.shell``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

OutputLocation = Unsupported("OutputLocation")
ShellTask = Unsupported("ShellTask")

__all__ = ["OutputLocation", "ShellTask"]
