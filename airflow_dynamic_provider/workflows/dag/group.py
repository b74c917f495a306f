"""Makes the task group of a workflow in the Dag file."""

from __future__ import annotations

import copy
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, TaskGroup, TriggerRule, WeightRule

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.airflow_adapter.labels import MAP_INDEX_TEMPLATE
from airflow_dynamic_provider.airflow_adapter.starting import StartArguments
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.errors import WorkflowError
from airflow_dynamic_provider.execution.failures import keep_errors
from airflow_dynamic_provider.execution.helpers import HELPER_ARGUMENTS
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from airflow_dynamic_provider.workflows.dag.outputs import NodeSlots, WorkflowOutput, part_names
from airflow_dynamic_provider.workflows.declared.finding import find_kinds
from airflow_dynamic_provider.workflows.declared.kinds import (
    GUESSED,
    MapTarget,
    OperatorTarget,
    WorkflowTarget,
)
from airflow_dynamic_provider.workflows.declared.settings import CACHE, setting_names
from airflow_dynamic_provider.workflows.declared.spec import GATHER, LISTED, Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan.dag_files import dag_file_being_read
from airflow_dynamic_provider.workflows.tasks.operators import (
    GatherPlansOperator,
    ListedOperator,
    NodeListOperator,
    NodeOperator,
    PlanOperator,
    ResultOperator,
)
from airflow_dynamic_provider.workflows.waiting.leaving import GO_ON

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_dynamic_provider.authoring.model.scope import MapScope
    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.kinds import Kind, Kinds

# Settings that the author cannot set on the task that is cloned for nodes, or that mean something else there:
# Airflow's ``execution_timeout`` would include the time that a node waits. `deadline.time_limit` counts only
# the time that it runs.
_OWN_SETTINGS: dict[str, Any] = {
    "execution_timeout": None,
    "trigger_rule": TriggerRule.ALL_SUCCESS,
    "map_index_template": MAP_INDEX_TEMPLATE,
}

log = logging.getLogger(__name__)

_PLAN, _RESULT, _LISTS, _OUTPUTS = "plan", "result", "nodes", "outputs"

# The suffix of the task id for nodes that wait, after the name of their kind.
_AFTER = "__after"


def build_group(workflow: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Add a workflow to the Dag and return the reference to its outputs.

    The group holds the planning task, the result task, and for each kind of node the tasks that are cloned
    for its nodes and those that list them. In a map, the planning task and the result task are cloned for
    each key. The tasks between them run the nodes of all keys.
    """
    scope = current_scope()
    if scope is not None:
        return _build_mapped(workflow, args, kwargs, scope)
    with TaskGroup(group_id=workflow.name, add_suffix_on_collision=True, tooltip=_tooltip(workflow)) as group:
        result = _make_result(workflow, _RESULT)
        kinds = _find_kinds(workflow, result)
        spec = _spec(workflow, kinds, group)
        plan = _make_plan(workflow, kinds, _PLAN, args, kwargs)
        _tell(spec, plan, result)
        plan.set_downstream(result)
        _make_lanes(kinds, spec, plan, result)
        return _output(workflow, result, _OUTPUTS)


def _build_mapped(
    workflow: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any], scope: MapScope
) -> Any:
    """Add a workflow with a separate graph for each key of a map."""
    # Imported here, as the other modules of `authoring` below, because most workflows are in no map.
    from airflow_dynamic_provider.authoring.arranging.cloning import adopt_new_tasks

    graph, home = scope.space.graph, scope.space.home
    adopt_new_tasks(scope)
    group = TaskGroup(
        group_id=workflow.name,
        parent_group=home,
        dag=graph.dag,
        add_suffix_on_collision=True,
        tooltip=_tooltip(workflow),
    )
    result = _make_result(workflow, _child_id(group, _RESULT))
    kinds = _find_kinds(workflow, result)
    spec = replace(_spec(workflow, kinds, group), is_mapped=True)
    plan = _make_plan(workflow, kinds, spec.plan_task_id, args, kwargs)
    _tell(spec, plan, result)
    adopt_new_tasks(scope)
    clone = graph.clones[plan.task_id].spec
    clone.stored_outputs.add(DEFAULT_OUTPUT)
    before = set(graph.dag.task_ids)
    with group:
        gather = GatherPlansOperator(
            task_id=GATHER,
            spec=spec,
            clone=clone,
            task_display_name="nodes of all keys",
            doc_md=f"Lists the nodes that all clones of `{plan.task_id}` have planned.",
        )
        _make_lanes(kinds, spec, gather, result)
    graph.helpers |= set(graph.dag.task_ids) - before
    task_graph.add_edge(scope.space.ensure_expanded_task(), gather)
    task_graph.add_edge(plan, gather)
    return _output(workflow, result, _child_id(group, _OUTPUTS))


def _output(workflow: WorkflowDefinition, result: ResultOperator, task_id: str) -> Any:
    """Return the reference to a workflow's outputs, or the handle of its dynamic output."""
    if workflow.out is None:
        return WorkflowOutput(result)
    from airflow_dynamic_provider.authoring.decorator import DynamicTask
    from airflow_dynamic_provider.workflows.declared import keyed

    settings = {**HELPER_ARGUMENTS, "retries": result.retries, "retry_delay": result.retry_delay}
    settings |= {"task_id": task_id, "execution_timeout": None}
    produce = DynamicTask(keyed.produce, {DEFAULT_OUTPUT: workflow.out}, settings)
    handle = produce(WorkflowOutput(result))
    # A task upstream of the handle's task runs before the whole workflow.
    handle.space.producer.first_task_id = result.first_task_id
    return handle


def _make_plan(
    workflow: WorkflowDefinition,
    kinds: Kinds,
    task_id: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> PlanOperator:
    settings = {**workflow.settings, "task_id": task_id}
    plan = PlanOperator(workflow=workflow, kinds=kinds, op_args=args, op_kwargs=dict(kwargs), **settings)
    keep_errors(plan)
    return plan


def _make_result(workflow: WorkflowDefinition, task_id: str) -> ResultOperator:
    if workflow.out is not None:
        return ResultOperator(task_id=task_id)
    return ResultOperator(task_id=task_id, parts=part_names(workflow.function), returns=workflow.shape)


def _tell(spec: WorkflowSpec, plan: PlanOperator, result: ResultOperator) -> None:
    plan.spec = result.spec = spec
    result.workflow, result.kinds = plan.workflow, plan.kinds
    plan.dag_file = result.dag_file = dag_file_being_read()
    result.doc_json = spec.document()


def _find_kinds(workflow: WorkflowDefinition, other: ResultOperator) -> Kinds:
    # A task that does not set ``retries`` has the default of the Dag, like every other such task.
    kinds = find_kinds(workflow, other.default_retries)
    for kind in kinds:
        # A workflow has checked its own.
        if kind.settings.get(CACHE) is not None and not isinstance(kind.target, WorkflowTarget):
            _check_cache(workflow, kind)
    # Logged at debug level, because a Dag file is read every few seconds. The planning task logs it at info.
    if log.isEnabledFor(logging.DEBUG) and kinds.guesses:
        log.debug(GUESSED, workflow.name, kinds.guesses)
    return kinds


def _check_cache(workflow: WorkflowDefinition, kind: Kind) -> None:
    """Refuse a kind whose results cannot be kept.

    Raises:
        WorkflowError: It does not run a function in the task's process.
        DeclarationError: Its cache has wrong settings.
    """
    # Imported here, because few nodes keep their results.
    from airflow_dynamic_provider.cache.identity import read_cache
    from airflow_dynamic_provider.cache.tasks import is_cacheable, name_of
    from airflow_dynamic_provider.execution.operators import DynamicTaskOperator

    # Otherwise, only functions under @task have this setting.
    decorator = kind.target.decorator  # type: ignore[union-attr]
    operator_class = getattr(decorator, "operator_class", DynamicTaskOperator)
    if not is_cacheable(operator_class):
        raise WorkflowError(
            f"the body of the workflow {workflow.name!r} calls {kind.name!r} with cache=, which is a "
            f"{name_of(operator_class)}: "
            "only the functions of plain @task and @task.dynamic have results that can be kept",
            remedy="Leave cache= out, or do the work in a @task function.",
        )
    read_cache(kind.settings[CACHE], decorator.function, kind.name)


def _child_id(group: TaskGroup, label: str) -> str:
    return str(group.child_id(label))  # type: ignore[no-untyped-call, unused-ignore]


def _make_lanes(kinds: Kinds, spec: WorkflowSpec, before: Any, after: Any) -> None:
    with TaskGroup(group_id=_LISTS, tooltip="The names of the nodes"):
        lists = {name: _make_list(name, spec) for name in spec.lanes}
    begun = _make_listed(spec, before) if spec.growing_lanes else None
    for name, listed in lists.items():
        nodes = _make_nodes(kinds[spec.lanes[name].kind], kinds, spec, name, listed)
        before.set_downstream(listed)
        if spec.lanes[name].grows:
            nodes.set_upstream(begun)
        nodes.set_downstream(after)


def _spec(workflow: WorkflowDefinition, kinds: Kinds, group: TaskGroup) -> WorkflowSpec:
    may_grow = any(_plans_further(kind) for kind in kinds)
    # The group already has tasks with these names.
    taken = {_PLAN, _RESULT, _LISTS, GATHER, LISTED, *(() if workflow.out is None else (_OUTPUTS,))}
    lanes = [_lanes(kind, group, taken, may_grow=may_grow) for kind in kinds]
    return WorkflowSpec(
        name=str(group.group_id),
        plan_task_id=_child_id(group, _PLAN),
        result_task_id=_child_id(group, _RESULT),
        lanes={name: lane for each in lanes for name, lane in each.items()},
        failure_policy=workflow.failure_policy,
        timeout=None if workflow.timeout is None else workflow.timeout.total_seconds(),
        max_nodes=workflow.max_nodes,
    )


def _plans_further(kind: Kind) -> bool:
    return isinstance(kind.target, (WorkflowTarget, MapTarget))


def _lanes(kind: Kind, group: TaskGroup, taken: Collection[str], *, may_grow: bool) -> dict[str, Lane]:
    name = f"{kind.name}_node" if kind.name in taken else kind.name
    # If tasks cannot start in the triggerer, nodes start on a worker to find out whether to wait: one lane is
    # enough.
    names = {name: True, f"{name}{_AFTER}": False} if STARTS_IN_TRIGGERER else {name: False}
    return {
        each: Lane(
            kind=kind.name,
            task_id=_child_id(group, each),
            list_task_id=_child_id(group, f"{_LISTS}.{each}"),
            plans=_plans_further(kind),
            is_direct=is_direct,
            # A node that is planned later always waits for the node that plans it.
            grows=may_grow and not is_direct,
            is_cached=kind.settings.get(CACHE) is not None,
        )
        for each, is_direct in names.items()
    }


def _make_list(name: str, spec: WorkflowSpec) -> NodeListOperator:
    lane = spec.lanes[name]
    until = ", and keeps it until no node can be added" if lane.grows else ""
    listed = NodeListOperator(
        task_id=name,
        lane=name,
        task_display_name=f"list of nodes: {_shown(lane)}",
        doc_md=f"Returns the list of the nodes of `{lane.task_id}`{until}.",
    )
    listed.spec = spec
    if lane.grows:
        _start_in_triggerer(listed, "ListTrigger", {"spec": spec.pack(), "lane": name})
    return listed


def _make_listed(spec: WorkflowSpec, before: Any) -> ListedOperator:
    listed = ListedOperator(
        task_id=LISTED,
        task_display_name="lists of nodes have begun",
        doc_md="Succeeds when the lists that may grow have begun: their nodes can start.",
    )
    listed.spec = spec
    _start_in_triggerer(listed, "ListedTrigger", {"spec": spec.pack()})
    before.set_downstream(listed)
    return listed


def _start_in_triggerer(task: BaseOperator, trigger: str, arguments: dict[str, Any]) -> None:
    """Make Airflow start a task in the triggerer, if it can."""
    if STARTS_IN_TRIGGERER:
        task.start_from_trigger = True
        task.start_trigger_args = _start_args(f"list_triggers.{trigger}", arguments)  # type: ignore[assignment]
        _leave_out_params_without_value(task)


def _leave_out_params_without_value(task: Any) -> None:
    """Leave the params that only a run gives a value to the Dag, which has them too.

    When a task starts in the triggerer, Airflow 3.3 validates its own params before it looks at the values of
    the run. A param without a default would end the triggerer's process.
    """
    task.params = kept = copy.copy(task.params)
    for name in list(kept):
        try:
            kept[name]
        except Exception:
            # Airflow raises this for a param without a value.
            del kept[name]


def _make_nodes(kind: Kind, kinds: Kinds, spec: WorkflowSpec, name: str, listed: NodeListOperator) -> Any:
    lane = spec.lanes[name]
    own = {
        "kind": kind,
        "kinds": kinds,
        "lane": name,
        "spec": spec,
        "dag_file": dag_file_being_read(),
        # A kind without an ``execution_timeout`` has the default of the Dag, like any other task.
        "time_limit": kind.settings.get("execution_timeout", listed.default_timeout),
        "custom_operator_name": _operator_name(kind),
    }
    if STARTS_IN_TRIGGERER and not lane.is_direct:
        start = _start_args("trigger.NodeTrigger", {"spec": spec.pack(), "lane": name}, spec.timeout)
        own |= {"start_from_trigger": True, "start_trigger_args": start}
    operator_class: Any = type(
        "NodeOperator", (NodeOperator,), {**own, "__module__": NodeOperator.__module__}
    )
    # Settings that every operator takes apply to the task, not to the operator that a node runs.
    settings = {setting: value for setting, value in kind.settings.items() if setting in setting_names()}
    settings.setdefault("doc_md", _doc(kind, lane))
    settings.setdefault("task_display_name", _shown(lane))
    partial = operator_class.partial(**{**settings, **_OWN_SETTINGS, "task_id": name})
    nodes = partial.expand_kwargs(NodeSlots(listed))
    keep_errors(nodes)
    if STARTS_IN_TRIGGERER and not lane.is_direct:
        _leave_out_params_without_value(nodes)
    if lane.grows:
        # The task of a growing list ends with the workflow, but its nodes start before. For why this is set
        # here, see `HelperOperator`.
        task_graph.set_trigger_rule(nodes, TriggerRule.ONE_SUCCESS)
    if lane.is_direct and nodes.weight_rule == WeightRule.DOWNSTREAM:
        # This rule starts a task before those that wait for it, but Airflow does not know which nodes wait.
        # Without it, nodes of low map indexes that have waited run before the last that others wait for.
        nodes.priority_weight += 1
    return nodes


def _shown(lane: Lane) -> str:
    """Return the name that Airflow shows for the task of a lane, of which a kind may have two."""
    return lane.kind if lane.is_direct or not STARTS_IN_TRIGGERER else f"{lane.kind} (after other nodes)"


def _doc(kind: Kind, lane: Lane) -> str:
    which = "can start at once" if lane.is_direct else "wait for other nodes"
    return f"The nodes that run `{kind.name}` and {which if STARTS_IN_TRIGGERER else 'are in the plan'}."


def _start_args(trigger: str, arguments: dict[str, Any], timeout: float | None = None) -> StartArguments:
    return StartArguments(
        trigger_cls=f"airflow_dynamic_provider.workflows.{trigger}",
        trigger_kwargs=arguments,
        next_method=GO_ON,
        timeout=None if timeout is None else timedelta(seconds=timeout),
    )


def _operator_name(kind: Kind) -> str:
    if isinstance(kind.target, OperatorTarget):
        return getattr(
            kind.target.operator_class, "custom_operator_name", kind.target.operator_class.__name__
        )
    if isinstance(kind.target, WorkflowTarget):
        return PlanOperator.custom_operator_name
    if isinstance(kind.target, MapTarget):
        return "map_task"
    return "@task"


def _tooltip(workflow: WorkflowDefinition) -> str:
    return (workflow.function.__doc__ or "").strip().split("\n")[0]
