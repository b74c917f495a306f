"""Dagster's executors. The executor of the deployment runs the tasks; a limit becomes the Dag's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError


class ExecutorDefinition:
    """An executor of Dagster.

    Args:
        name: Its name.
        max_active_tasks: The maximum number of tasks of a run that are active at once; by default, Airflow's.
    """

    def __init__(self, name: str, max_active_tasks: int | None = None) -> None:
        self.name = name
        self.max_active_tasks = max_active_tasks

    def configured(self, config: Mapping[str, Any], name: str | None = None) -> ExecutorDefinition:
        """Return it with a limit.

        Args:
            config: ``max_concurrent``, which becomes the Dag's ``max_active_tasks``.
            name: Its name.

        Raises:
            UnsupportedError: The config has something else.
        """
        others = [each for each in config if each not in ("max_concurrent", "retries", "start_method")]
        if others:
            raise UnsupportedError(
                f"the config {others[0]!r} of an executor has no counterpart here",
                remedy="Use a pool of Airflow, which limits the tasks that name it: @op(pool=...).",
            )
        return ExecutorDefinition(name or self.name, config.get("max_concurrent") or self.max_active_tasks)


#: Runs one task of a run at a time.
in_process_executor = ExecutorDefinition("in_process", 1)
multiprocess_executor = ExecutorDefinition("multiprocess")


def executor_of(executor: ExecutorDefinition | None, config: Any) -> ExecutorDefinition | None:
    """Return the executor of a job with the limit that its config has.

    Args:
        executor: The job's executor.
        config: The config of the job: a dict, a ``RunConfig``, or something without a part about executors.

    Raises:
        UnsupportedError: The config has something that has no counterpart.
    """
    part = config.get("execution") if isinstance(config, Mapping) else getattr(config, "execution", None)
    found = (part or {}).get("config") or {}
    if "in_process" in found:
        return in_process_executor
    found = found.get("multiprocess", found)
    return (executor or multiprocess_executor).configured(found) if found else executor
