"""`gather`: the outputs of several tasks as one list, without those that were skipped."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.authoring.dag_graphs import ensure_graph_of
from airflow_dynamic_provider.authoring.references.gathered import Gathered, check_outputs


def gather(*outputs: Any) -> Gathered:
    """Give a task a list of the outputs that there are, without those of skipped tasks.

    Call it in the Dag file, and pass the result to a task. That task runs if no task before it failed. An
    optional output that was not produced, and an output of a task that was skipped, are left out. If there is
    none, the task is skipped. ``None`` is a value.

    Args:
        outputs: Outputs of tasks, each one value.

    Returns:
        A reference to the list, in the order of the arguments.

    Raises:
        HandleUsageError: An argument is not the output of a task, or has a value for each key.

    Example:
        >>> report(gather(add_up(1), add_up(2)))
    """
    check_outputs(outputs)
    return Gathered(outputs, ensure_graph_of)
