"""``create_node``: the call of a task or workflow as a node that can be ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable


def create_node(entity: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a task or a workflow in a body, and return its promise, which can be ordered.

    Raises:
        WorkflowCallError: It is called outside of a body, or with positional arguments.
    """
    if args:
        raise WorkflowCallError(
            "create_node is given positional arguments", remedy="Name them: create_node(task, name=value)."
        )
    if current_recorder() is None:
        raise WorkflowCallError(
            "create_node is called outside of the body of a workflow", remedy="Call the task itself."
        )
    return entity(**kwargs)
