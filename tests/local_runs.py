"""Runs a Dag in plain Python, and shows what it stored in the way in which `tests.dag_runs` shows it.

Such a run takes a tenth of the time of one in Airflow. Its tasks run in Airflow's own task runner, but no
scheduler of Airflow decides about them, and no database has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, deserialize
from airflow_dynamic_provider.local.running import run_in_memory


@dataclass
class LocalRun:
    """What a run has left in its memory."""

    memory: Any

    def instances(self, task_id: str) -> dict[int, Any]:
        """Map index -> task instance."""
        return {
            index: SimpleNamespace(
                state=state, rendered_map_index=self.memory.labels.get((task_id, index), str(index))
            )
            for (each, index), state in self.memory.states.items()
            if each == task_id
        }

    def states(self, task_id: str) -> dict[str | int, str]:
        """Label, or map index without a label -> state."""
        found = sorted(
            (index, state) for (each, index), state in self.memory.states.items() if each == task_id
        )
        return {self.memory.labels.get((task_id, index), index): state for index, state in found}

    def state_of(self, task_id: str, map_index: int = UNMAPPED) -> str:
        return str(self.memory.states[task_id, map_index])

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = UNMAPPED) -> Any:
        return self.xcoms(task_id, key).get(map_index)

    def xcoms(self, task_id: str, key: str = "return_value") -> dict[int, Any]:
        """Map index -> deserialized XCom."""
        return {
            index: deserialize(value)
            for (each, index, name), value in self.memory.xcoms.items()
            if (each, name) == (task_id, key)
        }


def run_locally(dag: Any) -> LocalRun:
    """Run a Dag to its end."""
    run, _ = run_in_memory(dag, {})
    return LocalRun(run.memory)
