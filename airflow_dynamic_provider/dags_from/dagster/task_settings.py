"""The settings of a node's task: retries, pool, priority, from the op's and the job's."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.events import RetryRequested

if TYPE_CHECKING:
    from types import CodeType

    from airflow_dynamic_provider.dags_from.dagster.nodes import Job, Node

#: The retries of an op that raises ``RetryRequested``, which tells the number only when it is raised.
REQUESTED_RETRIES = 25


def task_settings(job: Job, node: Node) -> dict[str, Any]:
    """Return the arguments of a node's task, beside its outputs."""
    op = node.definition
    tags = {**op.tags, **node.settings.tags}
    settings: dict[str, Any] = {"doc_md": op.description}
    policy = node.settings.retry_policy or op.retry_policy or job.op_retry_policy
    if policy is not None:
        settings |= policy.arguments()
    if _raises_retry_requested(op.function.__code__, op.function.__globals__):
        settings["retries"] = max(settings.get("retries", 0), REQUESTED_RETRIES)
        settings.setdefault("retry_delay", 0)
    pool = op.pool or tags.get("dagster/pool") or tags.get("pool")
    if pool is not None:
        settings["pool"] = pool
    if "dagster/priority" in tags:
        settings["priority_weight"] = int(tags["dagster/priority"])
        settings["weight_rule"] = "absolute"
    return settings


def _raises_retry_requested(code: CodeType, known: dict[str, Any]) -> bool:
    """Return whether a function, or a function of its module that it names, names ``RetryRequested``."""
    todo, seen = [code], set()
    while todo:
        each = todo.pop()
        if each in seen:
            continue
        seen.add(each)
        todo += [const for const in each.co_consts if hasattr(const, "co_names")]
        for name in each.co_names:
            found = known.get(name)
            if found is RetryRequested or name == "RetryRequested":
                return True
            if isinstance(found, FunctionType):
                todo.append(found.__code__)
    return False
