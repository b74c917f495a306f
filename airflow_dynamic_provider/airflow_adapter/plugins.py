"""The base class of plugins, and Airflow's options.

Every process that loads plugins uses it, also that of a task, so it imports nothing else. Both are documented
for makers of plugins, but `airflow.sdk` does not export them.
"""

from __future__ import annotations

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

__all__ = ["AirflowPlugin", "conf"]
