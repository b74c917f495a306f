"""The settings of a node's task: retries, pool, priority, from the op's and the job's."""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias

from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

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
    if _names(op.function, {"RetryRequested"}):
        settings["retries"] = max(settings.get("retries", 0), REQUESTED_RETRIES)
        settings.setdefault("retry_delay", 0)
    outlets = list(job.outlets.get(node.path, ()))
    if _names(op.function, {"AssetMaterialization", "log_event"}):
        # Its assets are known when it runs.
        outlets.append(AssetAlias(f"{job.name}.{node.path}"))
    if outlets:
        settings["outlets"] = outlets
    for tag in tags:
        if tag.startswith(("dagster-k8s/", "ecs/", "dagster/concurrency_limit")):
            raise UnsupportedError(
                f"the tag {tag!r} has no counterpart here",
                task_id=node.path,
                remedy="Leave it out. Airflow has executor_config= and pools, which @op(pool=...) names.",
            )
    pool = op.pool or tags.get("dagster/concurrency_key")
    if pool is not None:
        settings["pool"] = pool
    if "dagster/priority" in tags:
        settings["priority_weight"] = int(tags["dagster/priority"])
        settings["weight_rule"] = "absolute"
    return settings


def _names(function: Callable[..., Any], wanted: set[str]) -> bool:
    """Return whether a function, or a function of its module that it names, names one of these."""
    function = inspect.unwrap(function)
    known = function.__globals__
    todo, seen = [function.__code__], set()
    while todo:
        each = todo.pop()
        if each in seen:
            continue
        seen.add(each)
        todo += [const for const in each.co_consts if isinstance(const, CodeType)]
        for name in each.co_names:
            found = known.get(name)
            if name in wanted or getattr(found, "__name__", None) in wanted:
                return True
            if isinstance(found, FunctionType):
                todo.append(found.__code__)
    return False
