"""Edits to Airflow's task graph for which there is no public call. The only module that makes them.

Airflow's public way to map tasks together is a task group expanded over a list; it fixes the members while
the group's function runs. Here, calls join a group later, as further maps are written, and move on to another
group when they turn out to depend on a collection of the first.
"""

from __future__ import annotations

import sys
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, TaskGroup, TriggerRule, XComArg, task_group
from airflow.sdk.bases.decorator import DecoratedOperator
from airflow.sdk.definitions.decorators.task_group import _TaskGroupFactory
from airflow.sdk.definitions.mappedoperator import (
    MappedOperator,
    OperatorPartial,
    ensure_xcomarg_return_value,
)
from airflow.sdk.definitions.taskgroup import MappedTaskGroup

from airflow_dynamic_provider.airflow_adapter.objects import is_task_decorator

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import FrameType

Node = Any  # an operator or a task group; Airflow's own types for it are private


def make_mapped_group(group_id: str, parent: TaskGroup, over: BaseOperator, tooltip: str) -> TaskGroup:
    """Return an empty task group that Airflow expands over the list that ``over`` returns."""

    @task_group(
        group_id=group_id,
        parent_group=parent,
        prefix_group_id=False,
        tooltip=tooltip,
    )
    def empty(mapping_key: Any) -> None:
        """Members join later."""

    return empty.expand(mapping_key=XComArg(over))  # type: ignore[return-value]


def group_ids(dag: DAG) -> set[str | None]:
    """Return the task groups of a Dag; its root group is ``None``."""
    # Not the Dag's own ``task_group_dict``, which is computed once.
    return set(dag.task_group.get_task_group_dict())


def free_group_id(dag: DAG, group_id: str) -> str:
    """Return the id, with dots and collisions taken out."""
    return first_free(group_id.replace(".", "_"), group_ids(dag), "__")


def first_free(wanted: str, taken: Container[str | None], separator: str) -> str:
    """Return an id, with a number behind it if it is taken."""
    number, free = 1, wanted
    while free in taken:
        number += 1
        free = f"{wanted}{separator}{number}"
    return free


def get_task(dag: DAG, task_id: str) -> Any:
    """Return a task of a Dag."""
    return dag.get_task(task_id)


def current_group(dag: DAG) -> TaskGroup:
    """Return the task group that the Dag file is in the middle of, the Dag's root group if no other."""
    # Private: a task that is made finds its group this way, and there is no public call for it.
    from airflow.sdk.definitions._internal.contextmanager import TaskGroupContext

    return TaskGroupContext.get_current(dag) or dag.task_group


def group_of(node: Node) -> TaskGroup:
    """Return the task group that holds a task or a group, the Dag's root group if no other."""
    group: TaskGroup = node.task_group
    return group


def outermost(task: Any, known_groups: set[str | None]) -> Node:
    """Return the task, or the largest group around it that is not among ``known_groups``."""
    node: Node = task
    while group_of(node).group_id not in known_groups:
        node = group_of(node)
    # A task knows its group as a weak proxy; the group around that one holds the group itself.
    return group_of(node).children[node.node_id]


def set_trigger_rule(task: Any, rule: TriggerRule) -> None:
    """Change when a task runs."""
    if isinstance(task, MappedOperator):
        # A new dict, since Airflow is iterating over the old one while it asks for the task's upstream tasks.
        task.partial_kwargs = {**task.partial_kwargs, "trigger_rule": rule}
    else:
        task.trigger_rule = rule


@contextmanager
def filled_later(names: frozenset[str]) -> Iterator[None]:
    """Have Airflow let parameters of these names be left out of a ``@task``'s call: the context has them."""
    # Private: Airflow checks the arguments of a call against the context that it knows itself.
    airflows = vars(sys.modules[DecoratedOperator.__module__])
    known = airflows["KNOWN_CONTEXT_KEYS"]
    airflows["KNOWN_CONTEXT_KEYS"] = known | names
    try:
        yield
    finally:
        airflows["KNOWN_CONTEXT_KEYS"] = known


def is_partial(fn: Any) -> bool:
    """Whether this is what ``partial()`` of a task, an operator or a task group returns."""
    # That of a @task or a @task_group is another one of its kind, with arguments.
    given = getattr(fn, "partial_kwargs", None) or getattr(fn, "kwargs", None)
    is_group = isinstance(fn, _TaskGroupFactory) and bool(given)
    is_task = is_task_decorator(fn) and "op_kwargs" in (given or ())
    return isinstance(fn, OperatorPartial) or is_group or is_task


def is_constructing() -> bool:
    """Whether the constructor of an operator is running, of whatever package the operator is."""
    # Private: every operator's constructor is called by this function of Airflow's, which sets defaults.
    return _is_in("apply_defaults", BaseOperator.__module__)


def is_expanding() -> bool:
    """Whether Airflow asks a reference whether it can expand over it."""
    # Private: `expand()` and `expand_kwargs()` of tasks and groups ask in this function, and refuse all that
    # refers to another XCom than a task's return value.
    return _is_in(ensure_xcomarg_return_value.__name__, ensure_xcomarg_return_value.__module__)


def _is_in(function: str, module: str) -> bool:
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return True
        frame = frame.f_back
    return False


def is_mapped(node: Node) -> bool:
    """Whether Airflow expands this task or group by itself."""
    return isinstance(node, (MappedOperator, MappedTaskGroup))


def mapped_groups_around(task: Any) -> list[TaskGroup]:
    """Return the mapped groups that hold a task, the closest first."""
    return list(task.iter_mapped_task_groups())


def move(node: Node, target: TaskGroup) -> None:
    """Put a task or a group into another group, under the id it has."""
    node_id = node.node_id
    source = group_of(node)
    if source.group_id == target.group_id:
        return
    source.children.pop(node_id)
    if isinstance(node, TaskGroup):
        # A group's id is made of its parent's; as the target gives no prefix, it keeps the whole id itself.
        # Past the check for new ids, which knows no dots.
        node.group_display_name = node.group_display_name or str(node.label)
        object.__setattr__(node, "_group_id", node_id)
        node.parent_group = target
    else:
        node.task_group = weakref.proxy(target)
    target.children[node_id] = node


def remove_group(group: TaskGroup) -> None:
    """Take a task group that holds no tasks any more out of its Dag, with the groups in it."""
    inside = group.get_task_group_dict().values()
    gone = {each.group_id for each in inside}
    group_of(group).children.pop(str(group.group_id))
    # The ids are free again: another group of the same name may be needed later.
    for each in inside:
        group.used_group_ids.difference_update(
            {each.group_id, each.upstream_join_id, each.downstream_join_id}
        )
    for other in group.dag.task_group.get_task_group_dict().values():
        other.upstream_group_ids -= gone
        other.downstream_group_ids -= gone


def remove_task(task: Any) -> None:
    """Take a task out of its Dag, with its edges to other tasks."""
    dag = task.dag
    for upstream_id in list(task.upstream_task_ids):
        remove_edge(dag.get_task(upstream_id), task)
    for downstream_id in list(task.downstream_task_ids):
        remove_edge(task, dag.get_task(downstream_id))
    # Private: a Dag has no public call to leave a task out once it is there.
    dag._remove_task(task.task_id)


def add_edge(upstream: Any, downstream: Any) -> None:
    """Run one task before another."""
    if upstream.task_id not in downstream.upstream_task_ids:
        downstream.set_upstream(upstream)


def remove_edge(upstream: Any, downstream: Any) -> None:
    """Take back an order between two tasks."""
    upstream.downstream_task_ids.discard(downstream.task_id)
    downstream.upstream_task_ids.discard(upstream.task_id)


def replace_upstream(task: Any, upstream: Any, other: Any) -> None:
    """Run a task after ``other`` in place of ``upstream``, under the same label."""
    remove_edge(upstream, task)
    add_edge(other, task)
    labels = task.dag.edge_info.get(upstream.task_id, {})
    if (label := labels.pop(task.task_id, None)) is not None:
        task.dag.set_edge_info(other.task_id, task.task_id, label)
    group: TaskGroup | None = group_of(task)
    while group is not None:
        # The pages of Airflow draw the edges of a group by these.
        if upstream.task_id in group.upstream_task_ids:
            group.upstream_task_ids ^= {upstream.task_id, other.task_id}
        group = group.parent_group


def watch_downstream(task: Any, notice: Callable[[Node], None]) -> None:
    """Call ``notice`` with each task, or group, that is set to run after ``task``, just before."""

    # Airflow's own hook, on this one object: the operator exists already, so its class cannot be chosen. A
    # function, not an object, for copies of the operator share functions and would copy an object's insides.
    def update_relative(other: Node, upstream: bool = True, edge_modifier: Any = None) -> None:
        type(task).update_relative(task, other, upstream, edge_modifier)
        if not upstream:
            notice(other)

    task.update_relative = update_relative


def leave_mapped_groups(task: Any) -> None:
    """Leave the mapped groups around a task that is about to be refused.

    Airflow leaves one only after it has set the group's upstream tasks, which is refused once more. It would
    then stay in the group in every later file that the same process reads.
    """
    # Private: there is no public call to leave a group but its ``with``.
    from airflow.sdk.definitions._internal.contextmanager import TaskGroupContext

    for group in mapped_groups_around(task):
        if current_group(task.dag) is group:
            TaskGroupContext.pop()


def watch_end(dag: DAG, notice: Callable[[], None]) -> None:
    """Call ``notice`` when a Dag has been written, before Airflow stores, runs or checks it."""

    # Airflow's own hook, on this one object: the Dag exists already, so its class cannot be chosen.
    def validate() -> None:
        notice()
        type(dag).validate(dag)  # type: ignore[no-untyped-call]

    dag.validate = validate  # type: ignore[method-assign]


def end_on_worker(task: Any) -> None:
    """Have a task begin and end in a process of its own, where it can run the hooks around it.

    Some sensors may begin or end in the triggerer, which knows neither keys nor what is stored for them.
    """
    for name in ("start_from_trigger", "end_from_trigger"):
        # Attributes of sensors of any provider, by Airflow's documented names.
        if getattr(task, name, False) is True:
            setattr(task, name, False)


def task_ids_in(value: Any) -> set[str]:
    """Return the tasks whose output Airflow itself would read for a value."""
    return {
        found.task_id for found, _ in XComArg.iter_xcom_references(value) if isinstance(found, BaseOperator)
    }


def refers_to(node: Any, task: Any) -> bool:
    """Whether an argument of a task, or of a mapped group around it, refers to the output of ``task``."""
    if isinstance(node, TaskGroup):
        return False
    groups = mapped_groups_around(node)
    if any(found is task for group in groups for found in group.iter_mapped_dependencies()):  # type: ignore[attr-defined]
        return True
    if isinstance(node, MappedOperator):
        # Private: what an operator is expanded over. Airflow looks at the same to find its upstream tasks.
        arguments: list[Any] = [node.partial_kwargs, node._get_specified_expand_input().value]
    else:
        arguments = [getattr(node, name, None) for name in node.template_fields]
    return any(found is task for found, _ in XComArg.iter_xcom_references(arguments))
