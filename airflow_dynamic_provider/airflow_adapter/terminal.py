"""The output of Airflow's commands: its console, its tables and its YAML.

The package's commands use it, so that ``--output`` works as in Airflow's own commands. `airflow.sdk` is made
for tasks, and prints nothing.
"""

from __future__ import annotations

from airflow.cli.simple_table import AirflowConsole, SimpleTable
from airflow.utils import yaml

__all__ = ["AirflowConsole", "SimpleTable", "yaml"]
