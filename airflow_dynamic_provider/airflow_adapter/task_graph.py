"""Edits Airflow's task graph where there is no public call. No other module does this.

Airflow's public way to map tasks together is a task group that is expanded over a list. Its members are fixed
when the group's function has run. Here, tasks join a group later, with each map of the Dag file, and move to
another group when they turn out to depend on a collection of the first.
"""

from __future__ import annotations

import sys
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, TaskGroup, TriggerRule, XComArg, task_group
from airflow.sdk.bases.decorator import DecoratedOperator
from airflow.sdk.definitions.mappedoperator import (
    MappedOperator,
    OperatorPartial,
    ensure_xcomarg_return_value,
)
from airflow.sdk.definitions.taskgroup import MappedTaskGroup

from airflow_dynamic_provider.airflow_adapter.objects import is_task_decorator, is_task_group

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import FrameType

Node = Any  # an operator or a task group; Airflow's own types for it are private


def make_mapped_group(
    group_id: str, parent: TaskGroup, over: BaseOperator, name: str, tooltip: str
) -> TaskGroup:
    """Return an empty task group that Airflow expands over the list that ``over`` returns.

    The name is what Airflow shows.
    """

    @task_group(
        group_id=group_id,
        parent_group=parent,
        prefix_group_id=False,
        group_display_name=name,
        tooltip=tooltip,
    )
    def empty(mapping_key: Any) -> None:
        """Members join later."""

    return empty.expand(mapping_key=XComArg(over))  # type: ignore[return-value]


def group_ids(dag: DAG) -> set[str | None]:
    """Return the ids of the task groups of a Dag. The id of its root group is ``None``."""
    # Not the Dag's own ``task_group_dict``, which is computed only once.
    return set(dag.task_group.get_task_group_dict())


def free_group_id(dag: DAG, group_id: str) -> str:
    """Return the id without dots, with a number appended if it is taken."""
    return first_free(group_id.replace(".", "_"), group_ids(dag), "__")


def first_free(wanted: str, taken: Container[str | None], separator: str) -> str:
    """Return an id, with a number appended if it is taken."""
    number, free = 1, wanted
    while free in taken:
        number += 1
        free = f"{wanted}{separator}{number}"
    return free


def get_task(dag: DAG, task_id: str) -> Any:
    """Return a task of a Dag."""
    return dag.get_task(task_id)


def current_group(dag: DAG) -> TaskGroup:
    """Return the task group that the Dag file is currently in, the Dag's root group if there is no other."""
    # Private: a new task finds its group in this way, and there is no public call for it.
    from airflow.sdk.definitions._internal.contextmanager import TaskGroupContext

    return TaskGroupContext.get_current(dag) or dag.task_group


def group_of(node: Node) -> TaskGroup:
    """Return the task group that holds a task or a group, the Dag's root group if there is no other."""
    group: TaskGroup = node.task_group
    return group


def outermost(task: Any, known_groups: set[str | None]) -> Node:
    """Return the task, or the largest group around it that is not among ``known_groups``."""
    node: Node = task
    while group_of(node).group_id not in known_groups:
        node = group_of(node)
    # A task has a weak proxy of its group. The group around that group holds the group itself.
    return group_of(node).children[node.node_id]


def set_trigger_rule(task: Any, rule: TriggerRule) -> None:
    """Set the trigger rule of a task."""
    if isinstance(task, MappedOperator):
        # A new dict, because Airflow iterates over the old one while it asks for the task's upstream tasks.
        task.partial_kwargs = {**task.partial_kwargs, "trigger_rule": rule}
    else:
        task.trigger_rule = rule


@contextmanager
def filled_later(names: frozenset[str]) -> Iterator[None]:
    """Let calls of a ``@task`` leave out parameters with these names, because the context has them."""
    # Private: Airflow checks the arguments of a call against the context that it knows itself.
    airflows = vars(sys.modules[DecoratedOperator.__module__])
    known = airflows["KNOWN_CONTEXT_KEYS"]
    airflows["KNOWN_CONTEXT_KEYS"] = known | names
    try:
        yield
    finally:
        airflows["KNOWN_CONTEXT_KEYS"] = known


def is_partial(fn: Any) -> bool:
    """Return whether this is the result of ``partial()`` of a task, an operator or a task group."""
    # For a @task or a @task_group, the result is another one of its kind, with arguments.
    given = getattr(fn, "partial_kwargs", None) or getattr(fn, "kwargs", None)
    is_group = is_task_group(fn) and bool(given)
    is_task = is_task_decorator(fn) and "op_kwargs" in (given or ())
    return isinstance(fn, OperatorPartial) or is_group or is_task


def is_constructing() -> bool:
    """Return whether the constructor of an operator of any package is running."""
    # Private: this function of Airflow, which sets defaults, calls the constructor of every operator.
    return _is_in("apply_defaults", BaseOperator.__module__)


def is_expanding() -> bool:
    """Return whether Airflow is asking a reference whether it can be expanded over."""
    # Private: `expand()` and `expand_kwargs()` of tasks and groups call this function, which refuses
    # references to any XCom but a task's return value.
    return _is_in(ensure_xcomarg_return_value.__name__, ensure_xcomarg_return_value.__module__)


def _is_in(function: str, module: str) -> bool:
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return True
        frame = frame.f_back
    return False


def is_mapped(node: Node) -> bool:
    """Return whether Airflow itself expands this task or group."""
    return isinstance(node, (MappedOperator, MappedTaskGroup))


def mapped_groups_around(task: Any) -> list[TaskGroup]:
    """Return the mapped groups that hold a task, the innermost first."""
    return list(task.iter_mapped_task_groups())


def move(node: Node, target: TaskGroup) -> None:
    """Move a task or a group into another group, and keep its id."""
    node_id = node.node_id
    source = group_of(node)
    if source.group_id == target.group_id:
        return
    source.children.pop(node_id)
    if isinstance(node, TaskGroup):
        # A group's id contains the prefix of its parent. The target has no prefix, so the group itself gets
        # the whole id. The assignment bypasses the check of new ids, which refuses dots.
        node.group_display_name = node.group_display_name or str(node.label)
        object.__setattr__(node, "_group_id", node_id)
        node.parent_group = target
    else:
        node.task_group = weakref.proxy(target)
    target.children[node_id] = node


def remove_group(group: TaskGroup) -> None:
    """Remove a task group that holds no tasks any more, and the groups in it, from its Dag."""
    inside = group.get_task_group_dict().values()
    gone = {each.group_id for each in inside}
    group_of(group).children.pop(str(group.group_id))
    # Free the ids, because another group of the same name may be needed later.
    for each in inside:
        group.used_group_ids.difference_update(
            {each.group_id, each.upstream_join_id, each.downstream_join_id}
        )
    for other in group.dag.task_group.get_task_group_dict().values():
        other.upstream_group_ids -= gone
        other.downstream_group_ids -= gone


def remove_task(task: Any) -> None:
    """Remove a task, and its edges to other tasks, from its Dag."""
    dag = task.dag
    for upstream_id in list(task.upstream_task_ids):
        remove_edge(dag.get_task(upstream_id), task)
    for downstream_id in list(task.downstream_task_ids):
        remove_edge(task, dag.get_task(downstream_id))
    # Private: there is no public call to remove a task from a Dag.
    dag._remove_task(task.task_id)


def add_edge(upstream: Any, downstream: Any) -> None:
    """Set one task to run before another."""
    if upstream.task_id not in downstream.upstream_task_ids:
        downstream.set_upstream(upstream)


def remove_edge(upstream: Any, downstream: Any) -> None:
    """Remove the edge between two tasks."""
    upstream.downstream_task_ids.discard(downstream.task_id)
    downstream.upstream_task_ids.discard(upstream.task_id)


def replace_upstream(task: Any, upstream: Any, other: Any) -> None:
    """Set a task to run after ``other`` instead of ``upstream``, with the same label."""
    remove_edge(upstream, task)
    add_edge(other, task)
    labels = task.dag.edge_info.get(upstream.task_id, {})
    if (label := labels.pop(task.task_id, None)) is not None:
        task.dag.set_edge_info(other.task_id, task.task_id, label)
    group: TaskGroup | None = group_of(task)
    while group is not None:
        # Airflow's UI draws the edges of a group from these.
        if upstream.task_id in group.upstream_task_ids:
            group.upstream_task_ids ^= {upstream.task_id, other.task_id}
        group = group.parent_group


def watch_downstream(task: Any, notice: Callable[[Node], None]) -> None:
    """Call ``notice`` with each task or group that is set to run after ``task``, before the edge is set."""

    # Airflow's own hook, on this one object, because the operator already exists and its class cannot be
    # chosen. A function and not an object, because copies of the operator share functions, but copy objects.
    def update_relative(other: Node, upstream: bool = True, edge_modifier: Any = None) -> None:
        type(task).update_relative(task, other, upstream, edge_modifier)
        if not upstream:
            notice(other)

    task.update_relative = update_relative


def leave_mapped_groups(task: Any) -> None:
    """Leave the mapped groups around a task that is about to be refused.

    Airflow leaves a group only after it has set the group's upstream tasks, which would be refused again. It
    would then stay in the group for every later file that the same process parses.
    """
    # Private: the only public way to leave a group is its ``with`` statement.
    from airflow.sdk.definitions._internal.contextmanager import TaskGroupContext

    for group in mapped_groups_around(task):
        if current_group(task.dag) is group:
            TaskGroupContext.pop()


def watch_end(dag: DAG, notice: Callable[[], None]) -> None:
    """Call ``notice`` when a Dag is complete, before Airflow stores, runs or checks it."""

    # Airflow's own hook, on this one object, because the Dag already exists and its class cannot be chosen.
    def validate() -> None:
        notice()
        type(dag).validate(dag)  # type: ignore[no-untyped-call]

    dag.validate = validate  # type: ignore[method-assign]


def end_on_worker(task: Any) -> None:
    """Make a task start and end in a process of its own, where its hooks run.

    Some sensors may start or end in the triggerer, which knows neither keys nor their stored data.
    """
    for name in ("start_from_trigger", "end_from_trigger"):
        # Attributes of the sensors of any provider, with names that Airflow documents.
        if getattr(task, name, False) is True:
            setattr(task, name, False)


def task_ids_in(value: Any) -> set[str]:
    """Return the ids of the tasks whose output Airflow itself would read to resolve a value."""
    return {
        found.task_id for found, _ in XComArg.iter_xcom_references(value) if isinstance(found, BaseOperator)
    }


def refers_to(node: Any, task: Any) -> bool:
    """Return whether an argument of a task, or of a mapped group around it, refers to ``task``'s output."""
    if isinstance(node, TaskGroup):
        return False
    groups = mapped_groups_around(node)
    if any(found is task for group in groups for found in group.iter_mapped_dependencies()):  # type: ignore[attr-defined]
        return True
    if isinstance(node, MappedOperator):
        # Private: what an operator is expanded over. Airflow finds its upstream tasks in the same way.
        arguments: list[Any] = [node.partial_kwargs, node._get_specified_expand_input().value]
    else:
        arguments = [getattr(node, name, None) for name in node.template_fields]
    return any(found is task for found, _ in XComArg.iter_xcom_references(arguments))
