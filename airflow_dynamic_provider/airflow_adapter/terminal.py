"""What Airflow's commands print with: its console, its tables and its YAML.

The process of one of our commands uses it, so that ``--output`` gives what it gives for Airflow's own
commands. `airflow.sdk` is made for tasks, and prints nothing.
"""

from __future__ import annotations

from airflow.cli.simple_table import AirflowConsole, SimpleTable
from airflow.utils import yaml

__all__ = ["AirflowConsole", "SimpleTable", "yaml"]
