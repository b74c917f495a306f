"""The base class of plugins.

Every process that loads plugins imports it, including the process of a task, so it imports nothing else. It
is documented for authors of plugins, but `airflow.sdk` does not export it.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

__all__ = ["AirflowPlugin"]
