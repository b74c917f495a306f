"""Plans a ``map_task`` whose lists were promises, in the node's process, when the lists exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.workflows.declared.kinds import TaskTarget
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import (
    SEPARATOR,
    ConcurrencyLimit,
    Plan,
    PlannedCall,
    PlannedNode,
)
from airflow_dynamic_provider.workflows.plan.references import Reference
from airflow_dynamic_provider.workflows.plan.validation import check_count
from airflow_dynamic_provider.workflows.recording.map_task import (
    BOUND,
    CONCURRENCY,
    LISTS,
    RATIO,
    SUCCESSES,
    share_of,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.workflows.declared.kinds import Kinds, MapTarget


def plan_map(
    target: MapTarget,
    arguments: Mapping[str, Any],
    prefix: str,
    kinds: Kinds,
    *,
    max_nodes: int,
    retries: int | None = None,
) -> Plan:
    """Return the plan of a `map_task` whose lists exist now (see `planning.plan_later`).

    Raises:
        WorkflowError: A value is not a list, or the lists differ in length or are too long.
    """
    function = target.decorator.function
    kind, _ = kinds.match(TaskTarget(target.decorator))
    items = zipped(function.__name__, arguments[LISTS])
    check_count(len(items), max_nodes, prefix)
    bound, size = arguments.get(BOUND, {}), arguments.get(CONCURRENCY)
    nodes = tuple(
        PlannedNode(
            name=f"{prefix}{SEPARATOR}{index}",
            kind=kind.name,
            arguments=pack_native({**bound, **item}),
            retries=retries,
            limit=None if size is None else ConcurrencyLimit(prefix, index, size),
        )
        for index, item in enumerate(items)
    )
    ratio = share_of(arguments.get(SUCCESSES), arguments.get(RATIO, 1.0), len(items), prefix)
    call = PlannedCall(
        prefix, [_packed(node.name) for node in nodes], min_success_ratio=ratio if ratio < 1 else None
    )
    return Plan(prefix, nodes, (call,), _packed(prefix))


def pack_native(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameter -> template, for arguments without promises."""
    return {name: templates.pack(value, _itself) for name, value in arguments.items()}


def _packed(name: str) -> Any:
    return templates.pack(Reference(name), _itself)


def _itself(value: Any) -> Reference | None:
    return value if isinstance(value, Reference) else None
