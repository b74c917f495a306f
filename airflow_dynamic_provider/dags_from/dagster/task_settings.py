"""The settings of a node's task: retries, pool, priority, from the op's and the job's."""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias

from airflow_dynamic_provider.dags_from.dagster.requirements import manager_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    if _name([op.function], {"RetryRequested"}):
        settings["retries"] = max(settings.get("retries", 0), REQUESTED_RETRIES)
        settings.setdefault("retry_delay", 0)
    outlets = list(job.outlets.get(node.path, ()))
    if _name([op.function, *_managers(job, node)], {"AssetMaterialization", "log_event"}):
        # Its assets are known when it runs.
        outlets.append(AssetAlias(f"{job.name}.{node.path}"))
    if outlets:
        settings["outlets"] = outlets
    pool = op.pool or tags.get("dagster/concurrency_key")
    if pool is not None:
        settings["pool"] = pool
    if "dagster/priority" in tags:
        settings["priority_weight"] = int(tags["dagster/priority"])
        settings["weight_rule"] = "absolute"
    return settings


def _managers(job: Job, node: Node) -> Iterator[Any]:
    """Yield the functions and classes of the IO managers of a node's outputs."""
    for output in node.definition.outs:
        key = manager_of(job, node, output)
        if key is not None and key in job.resource_defs:
            definition = job.resource_defs[key]
            yield getattr(definition, "source", type(definition))


def _name(authors: Iterable[Any], wanted: set[str]) -> bool:
    """Return whether functions or classes, or those of their module that they name, name one of these."""
    todo, seen = [each for author in authors for each in _codes(author)], set()
    while todo:
        code, known = todo.pop()
        if code in seen:
            continue
        seen.add(code)
        todo += [(const, known) for const in code.co_consts if isinstance(const, CodeType)]
        for name in code.co_names:
            found = known.get(name)
            if name in wanted or getattr(found, "__name__", None) in wanted:
                return True
            if isinstance(found, FunctionType) or getattr(found, "__module__", None) == known.get("__name__"):
                todo += _codes(found)
    return False


def _codes(author: Any) -> list[tuple[CodeType, dict[str, Any]]]:
    """Return the code of a function, or of the methods of a class, with the globals of its module."""
    author = inspect.unwrap(author)
    functions = vars(author).values() if inspect.isclass(author) else [author]
    return [(each.__code__, each.__globals__) for each in functions if isinstance(each, FunctionType)]
