"""A plugin that writes what each task process cost: processor time, imported modules, calls to the API.

A forked process starts its processor clock at zero, so the time of a task is what its process has used when
the task ends. The benchmark copies this file into the plugins folder of the Airflow that it starts.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

FILE = os.environ.get("PROBE_FILE", "")


def _remember() -> None:
    # Airflow imports this file again in the task's process, so a global of it would be another one there.
    sys.modules_at_fork = set(sys.modules)
    sys.calls_since_fork = Counter()


os.register_at_fork(after_in_child=_remember)


class Probe:
    """Airflow calls it, as a listener, in each task's process."""

    @hookimpl
    def on_task_instance_running(self, previous_state, task_instance):
        """Count the calls from here on: those before are the same for every task."""
        from airflow.sdk.execution_time import task_runner

        sys.began = time.monotonic()
        decoder = type(task_runner.SUPERVISOR_COMMS)
        send = decoder.send

        def counted(self, msg):
            sys.calls_since_fork[type(msg).__name__] += 1
            return send(self, msg)

        # Of the class: an object of it takes no attribute.
        decoder.send = counted

    @hookimpl
    def on_task_instance_success(self, previous_state, task_instance):
        """Write a line."""
        line = {
            "dag_id": task_instance.dag_id,
            "run_id": task_instance.run_id,
            "task_id": task_instance.task_id,
            "map_index": task_instance.map_index,
            "seconds": time.process_time(),
            "wall": time.monotonic() - sys.began,
            "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "modules": sorted(set(sys.modules) - sys.modules_at_fork),
            "calls": dict(sys.calls_since_fork),
        }
        with open(FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class ProbePlugin(AirflowPlugin):
    """Has Airflow call the probe."""

    name = "probe"
    listeners = [Probe()]  # noqa: RUF012 (Airflow's form)
