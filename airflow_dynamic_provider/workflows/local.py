"""Runs a workflow as plain Python, for a unit test: plans it and runs its nodes one by one.

Values between nodes go through Airflow's serializer, as in a Dag run. Nothing is retried, rendered or limited
in time. The first node that fails ends the workflow. If a node skips itself, the nodes that depend on it are
skipped.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.objects import is_plain_function
from airflow_dynamic_provider.airflow_adapter.running import as_current
from airflow_dynamic_provider.definitions.declarations import has_types, is_plain, type_of_outputs
from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import TooFewSuccessesError, TooManyNodesError
from airflow_dynamic_provider.execution.ratios import allowed_failures
from airflow_dynamic_provider.execution.typed_values import stored_form
from airflow_dynamic_provider.workflows.declared import keyed
from airflow_dynamic_provider.workflows.declared.finding import find_kinds
from airflow_dynamic_provider.workflows.declared.kinds import (
    Kind,
    MapTarget,
    OperatorTarget,
    TaskTarget,
    WorkflowTarget,
)
from airflow_dynamic_provider.workflows.local_context import local_context
from airflow_dynamic_provider.workflows.operators.making import make_task, scratch_dag
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import (
    SEPARATOR,
    Plan,
    PlannedCall,
    PlannedNode,
    pack_plan,
    split_arguments,
    unpack_plan,
)
from airflow_dynamic_provider.workflows.plan.shapes import check_items
from airflow_dynamic_provider.workflows.plan.validation import check_count
from airflow_dynamic_provider.workflows.planning.maps import pack_native
from airflow_dynamic_provider.workflows.planning.planning import plan_later, plan_workflow
from airflow_dynamic_provider.workflows.progress.run_graph import Outcome, RunGraph, Verdict
from airflow_dynamic_provider.workflows.recording.binding import bind, with_context
from airflow_dynamic_provider.workflows.tasks.values import value_of_node

if TYPE_CHECKING:
    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds
    from airflow_dynamic_provider.workflows.plan.references import Reference

#: How deep workflows may be nested that are planned when they run: nothing else ends such a recursion here.
MAX_LATER_DEPTH = 1000

# Runs the nodes of a plan: yields each plan that must run first, and receives its output.
_Steps = Generator[Plan, Any, Any]


def run_local(workflow: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Plan a workflow, run its nodes in this process, and return its output (see `DynamicWorkflow.local`)."""
    kinds = find_kinds(workflow)
    arguments = pack_native(bind(workflow.function, args, kwargs))
    stored = xcom.deserialize(xcom.serialize(arguments))
    native = {name: templates.resolve(template, _no_value) for name, template in stored.items()}
    with _as_running(f"{workflow.name}.plan") as context:
        plan = plan_workflow(workflow, native, kinds=kinds, context=context)
    output = _drive(_LocalRun(kinds, workflow.max_nodes), plan)
    if workflow.out is not None:
        return keyed.values_of(output)
    check_items(workflow.name, workflow.shape, output)
    return output


def _drive(run: _LocalRun, plan: Plan) -> Any:
    """Run a plan and the plans inside it, without recursion in Python, which would limit the depth."""
    stack: list[_Steps] = [run.steps(plan, is_root=True)]
    output: Any = None
    error: Exception | None = None
    while stack:
        try:
            inner = stack[-1].throw(error) if error is not None else stack[-1].send(output)
        except StopIteration as stop:
            stack.pop()
            output, error = stop.value, None
        except Exception as raised:
            stack.pop()
            error = raised
        else:
            _check_depth(len(stack), inner)
            stack.append(run.steps(inner, is_root=False))
            output, error = None, None
    if error is not None:
        raise error
    return output


class _LocalRun:
    def __init__(self, kinds: Kinds, max_nodes: int) -> None:
        self.kinds = kinds
        self.max_nodes = max_nodes
        self.count = 0

    def steps(self, plan: Plan, *, is_root: bool) -> _Steps:
        from airflow_dynamic_provider.version_compat import AirflowSkipException

        # The plan as it is read from XCom, with every constant deserialized.
        plan = unpack_plan(xcom.deserialize(xcom.serialize(pack_plan(plan))))
        self.count += len(plan.nodes)
        check_count(self.count, self.max_nodes, plan.workflow)
        values = _Values(plan, self.kinds)
        for node in plan.nodes:
            if values.is_blocked(node):
                values.states[node.name] = SKIPPED
                continue
            try:
                arguments = {
                    name: templates.resolve(one, values.lookup) for name, one in node.arguments.items()
                }
                kind = self.kinds[node.kind]
                if isinstance(kind.target, WorkflowTarget | MapTarget):
                    with _as_running(node.name) as context:
                        later = plan_later(
                            kind.target,
                            arguments,
                            node.name,
                            self.kinds,
                            max_nodes=self.max_nodes,
                            retries=node.retries,
                            context=context,
                        )
                    value = yield later
                else:
                    value = run_node(kind, node.name, arguments)
                values.keep(node, value)
            except Exception as error:
                is_skip = isinstance(error, AirflowSkipException)
                _add_note(error, f"raised by the node {node.name!r} of the workflow {plan.workflow!r}")
                if not is_skip and not values.is_tolerated(node):
                    raise
                values.failed[node.name] = error
                values.states[node.name] = SKIPPED if is_skip else FAILED
        values.check_ratios()
        if (lacking := values.lacking(is_root=is_root)) is not None:
            raise AirflowSkipException(f"The workflow has no output: its node {lacking!r} was skipped.")
        return templates.resolve(plan.output, values.lookup)


class _Values:
    """The values that the nodes of a plan returned, in their stored form."""

    def __init__(self, plan: Plan, kinds: Kinds) -> None:
        self.plan = plan
        self.kinds = kinds
        self.failed: dict[str, Exception] = {}
        self.states: dict[str, str | None] = {}
        self._stored: dict[str, Any] = {}
        self._objects: dict[str, Any] = {}

    def keep(self, node: PlannedNode, value: Any) -> None:
        target = self.kinds[node.kind].target
        if isinstance(target, TaskTarget):
            xcom.check_storable(value)
        elif not is_plain(target.value_type):
            value = stored_form(value, target.value_type)
        self._stored[node.name] = xcom.serialize(value)
        self.states[node.name] = SUCCESS

    def is_blocked(self, node: PlannedNode) -> bool:
        """Whether a node does not run because a node that it depends on was skipped."""
        return SKIPPED in self.states.values() and self._graph().decide(node.name).verdict is Verdict.BLOCKED

    def lacking(self, *, is_root: bool) -> str | None:
        """Return a skipped node or call that the output needs, ``None`` if there is none.

        The output of a call needs all its nodes; the output of the workflow needs those that it returns.
        """
        if SKIPPED not in self.states.values():
            return None
        graph = self._graph()
        needed = {reference.name for reference in templates.references(self.plan.output)}
        return next((name for name in graph.skips if not is_root or name in needed), None) or next(
            (name for name in sorted(needed) if graph.outcome(name) is Outcome.SKIPPED), None
        )

    def _graph(self) -> RunGraph:
        # A node that plans further nodes is done only when these have run.
        return RunGraph({"": self.plan}, frozenset(), self.states, "run_all")

    def lookup(self, reference: Reference) -> Any:
        # Read again each time, so that no task sees changes that another task made to its copy.
        if reference.name in self.plan.calls_by_name:
            call = self.plan.calls_by_name[reference.name]
            self._check_ratio(call)
            return reference.select(templates.resolve(call.output, self.lookup))
        if reference.name in self.failed:
            return None
        stored = xcom.deserialize(self._stored[reference.name])
        kind = self.plan.nodes_by_name[reference.name].kind
        return reference.select(value_of_node(stored, self.kinds, kind))

    def is_tolerated(self, node: PlannedNode) -> bool:
        call = self.plan.calls_by_name.get(node.name.rpartition(SEPARATOR)[0])
        return call is not None and call.min_success_ratio is not None

    def check_ratios(self) -> None:
        for call in self.plan.calls:
            self._check_ratio(call)

    def _check_ratio(self, call: PlannedCall) -> None:
        if call.min_success_ratio is None:
            return
        from airflow_dynamic_provider.version_compat import AirflowSkipException

        errors = {name: self.failed.get(name) for name in self.plan.nodes_of(call.name)}
        counted = {name: each for name, each in errors.items() if not isinstance(each, AirflowSkipException)}
        failed = [name for name, each in counted.items() if each is not None]
        needed = len(counted) - allowed_failures(call.min_success_ratio, len(counted))
        if len(counted) - len(failed) < needed:
            raise TooFewSuccessesError(
                f"{len(counted) - len(failed)} of the {len(counted)} nodes of {call.name!r} succeeded, but "
                f"min_success_ratio={call.min_success_ratio} requires {needed}; failed: "
                f"{', '.join(map(repr, failed))}",
                remedy="Fix the failed nodes, or lower min_success_ratio.",
            ) from self.failed[failed[0]]


def run_node(kind: Kind, name: str, arguments: Mapping[str, Any]) -> Any:
    """Call the function or operator of a node, and return its value.

    Raises:
        Exception: The error that it raises.
    """
    with _as_running(name) as context:
        return _run_in(context, kind, arguments)


@contextmanager
def _as_running(name: str) -> Iterator[dict[str, Any]]:
    """Provide a task context to code that asks for that of the running task."""
    context = local_context(name)
    with as_current(context):
        yield context


def _run_in(context: dict[str, Any], kind: Kind, arguments: Mapping[str, Any]) -> Any:
    if isinstance(kind.target, OperatorTarget):
        with scratch_dag():
            operator = kind.target.operator_class(task_id=kind.name, **kind.settings, **arguments)
        return operator.execute({**context, "task": operator})
    decorator = kind.target.decorator  # type: ignore[union-attr]
    args, kwargs = split_arguments(arguments)
    if hasattr(decorator, "declarations"):
        return _run_declared(decorator, args, kwargs, context)
    if is_plain_function(decorator):
        return _call(_with_types(decorator.function, kind.name), args, kwargs, context)
    # A sensor, a command, a container: the operator decides what it does with the function's return value.
    with scratch_dag():
        operator = make_task(decorator, {**kind.settings, "task_id": kind.name}, args, kwargs)
    return operator.execute({**context, "task": operator})


def _with_types(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    if not has_types(function):
        return function
    # Imported here, because most functions have no types that matter.
    from airflow_dynamic_provider.execution.typed_calls import typed

    return typed(function, name)


def _run_declared(
    decorator: Any, args: Sequence[Any], kwargs: Mapping[str, Any], context: Mapping[str, Any]
) -> Any:
    from airflow_dynamic_provider.execution.producing import Production, produce
    from airflow_dynamic_provider.workflows.operators.producing_node import values_of

    production = Production(TaskTarget(decorator).name, decorator.declarations)
    given = with_context(decorator.function, args, kwargs, context)
    if has_types(decorator.function):
        from airflow_dynamic_provider.execution.typed_calls import typed_arguments

        args, given = typed_arguments(decorator.function, args, given, production.task_id)
    produce(decorator.function, args, given, production)
    production.finish()
    return stored_form(values_of(production), type_of_outputs(decorator.declarations))


def _call(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    context: Mapping[str, Any],
) -> Any:
    given = with_context(function, args, kwargs, context)
    if any(each.kind is each.VAR_KEYWORD for each in inspect.signature(function).parameters.values()):
        # Airflow passes the whole context to a function with ``**kwargs``.
        given = {**context, **given}
    result = function(*args, **given)
    return asyncio.run(_await(result)) if inspect.isawaitable(result) else result


async def _await(awaitable: Any) -> Any:
    return await awaitable


def _check_depth(depth: int, plan: Plan) -> None:
    if depth >= MAX_LATER_DEPTH:
        raise TooManyNodesError(
            f"the workflow {plan.workflow!r} is nested {depth} workflows deep, so the recursion "
            "probably never ends",
            remedy="Add a condition that ends the recursion.",
        )


def _add_note(error: Exception, note: str) -> None:
    if hasattr(error, "add_note"):
        error.add_note(note)
    else:
        # This is what Python 3.11 does.
        vars(error)["__notes__"] = [*getattr(error, "__notes__", []), note]


def _no_value(reference: Reference) -> Any:
    raise LookupError(f"{reference} has no value yet")
