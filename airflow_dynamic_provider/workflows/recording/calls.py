"""Records the calls of a body, in the planning task: what each becomes, and what it returns."""

from __future__ import annotations

import inspect
import linecache
import os
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.objects import chooses_tasks, stand_in
from airflow_dynamic_provider.errors import (
    TooManyNodesError,
    UnknownKindError,
    WorkflowCallError,
    WorkflowError,
)
from airflow_dynamic_provider.workflows.declared import keyed
from airflow_dynamic_provider.workflows.declared.finding import find_kinds
from airflow_dynamic_provider.workflows.declared.kinds import OperatorTarget, TaskTarget, WorkflowTarget
from airflow_dynamic_provider.workflows.declared.settings import NAME, is_setting
from airflow_dynamic_provider.workflows.operators.making import scratch_dag, try_settings
from airflow_dynamic_provider.workflows.plan import shapes, templates
from airflow_dynamic_provider.workflows.plan.plan import split_arguments
from airflow_dynamic_provider.workflows.recording.binding import bind, with_context
from airflow_dynamic_provider.workflows.recording.current import unrecorded
from airflow_dynamic_provider.workflows.recording.promises import GroupCall, Promise
from airflow_dynamic_provider.workflows.recording.with_groups import refuse_default_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.kinds import Kind, Kinds, MapTarget
    from airflow_dynamic_provider.workflows.recording.entries import NodeEntry
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder

#: The attribute of a task that was named with ``override(task_id=...)`` in the body.
NAMED_MARK = "_dynamic_workflow_named"


def pack_arguments(recorder: Recorder, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameter -> template of bound arguments, with their current values."""
    return {name: templates.pack(value, recorder.find) for name, value in arguments.items()}


def record_task(recorder: Recorder, decorator: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Record the call of a function under ``@task`` or ``@task.dynamic``, and return its promise.

    For a task with several declared outputs, it returns a named tuple of promises.

    Raises:
        WorkflowError: The call cannot become a node.
    """
    refuse_task(decorator)
    target = TaskTarget(decorator)
    arguments = pack_arguments(recorder, bind(decorator.function, args, kwargs))
    kind, retries = match_task(recorder, target, arguments)
    entry = recorder.node(
        target.name,
        is_explicit=getattr(decorator, NAMED_MARK, False),
        kind=kind.name,
        arguments=arguments,
        retries=retries,
    )
    declarations = getattr(decorator, "declarations", None)
    if declarations is None:
        return recorder.promise(entry, shapes.return_shape(decorator.function))
    return _declared(recorder, entry, decorator, declarations)


def match_task(
    recorder: Recorder, target: TaskTarget | MapTarget, arguments: Mapping[str, Any]
) -> tuple[Kind, int | None]:
    """Return the kind of a call and the node's own retries (see `Kinds.match`).

    Raises:
        WorkflowCallError: Airflow refuses the settings.
        UnknownKindError: The Dag has no task that could run it.
    """
    try:
        kind, retries = recorder.match(target)
    except UnknownKindError:
        # A misspelt setting is a more precise reason.
        _try(target, arguments)
        raise
    if kind.name not in recorder.tried_kinds:
        _try(target, arguments)
        recorder.tried_kinds.add(kind.name)
    return kind, retries


def _try(target: TaskTarget | MapTarget, arguments: Mapping[str, Any]) -> None:
    with unrecorded(), scratch_dag():
        positional, named = split_arguments(_with_stand_ins(arguments))
        try_settings(target.decorator, target.settings, positional, named)


def refuse_task(decorator: Any) -> None:
    """Refuse a task that affects other tasks of a Dag.

    Raises:
        WorkflowCallError: It chooses which tasks run, or is a setup or a teardown.
    """
    underlying = getattr(decorator, "_task", decorator)
    name = decorator.function.__name__
    if underlying.is_setup or underlying.is_teardown:
        raise WorkflowCallError(
            f"{name!r} is a setup or a teardown, which a workflow's body cannot have",
            remedy="Use it in the Dag function, around the workflow.",
        )
    refuse_skipping(name, underlying.operator_class)


def refuse_skipping(name: str, operator_class: type) -> None:
    """Refuse an operator that chooses the tasks that run after it.

    Raises:
        WorkflowCallError: The class is such an operator.
    """
    if chooses_tasks(operator_class):
        raise WorkflowCallError(
            f"{name!r} is a {operator_class.__name__}, which chooses the tasks that run after it by their "
            "task ids, but nodes have no task ids in the Dag",
            remedy="Use a Python `if` on native values, or pass the promise to another @dynamic_workflow and "
            "use the `if` there.",
        )


def record_operator(
    recorder: Recorder, operator_class: type, make: Callable[..., Any], kwargs: Mapping[str, Any]
) -> Any:
    """Record a classic operator, and return it.

    Args:
        recorder: The recording.
        operator_class: The class that the body calls.
        make: The function that makes the operator.
        kwargs: The arguments of the call.

    Raises:
        WorkflowError: It cannot become a node.
    """
    refuse_skipping(operator_class.__name__, operator_class)
    settings = {name: value for name, value in kwargs.items() if is_setting(name, value)}
    rest = {name: value for name, value in kwargs.items() if name not in settings and name != NAME}
    for name in ("dag", "task_group"):
        if rest.pop(name, None) is not None:
            raise WorkflowCallError(
                f"{operator_class.__name__} is given {name}=, which a node cannot have",
                remedy=f"Leave out {name}=.",
            )
    kind, retries = recorder.match(OperatorTarget(operator_class), settings)
    arguments = pack_arguments(recorder, rest)
    operator = _construct(make, kwargs, arguments)
    entry = recorder.node(
        operator.task_id, is_explicit=True, kind=kind.name, arguments=arguments, retries=retries
    )
    recorder.know(operator, entry)
    return operator


def record_workflow(
    recorder: Recorder, workflow: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """Record the call of a workflow, and return the promise of its whole output.

    The workflow is planned now, unless its body needs the value of a promise or it is always a node.

    Raises:
        WorkflowError: The call, or the body, cannot be planned.
    """
    if workflow.takes_promises:
        entry = recorder.call(workflow.name, is_explicit=workflow.is_named)
        bound = split_arguments(bind(workflow.function, args, kwargs))
        with recorder.inside(entry):
            entry.output = run_body(recorder, workflow, *bound)
        return recorder.promise(entry, workflow.shape)
    arguments = pack_arguments(recorder, bind(workflow.function, args, kwargs))
    shape = workflow.shape
    if workflow.is_node or any(templates.references(template) for template in arguments.values()):
        target = WorkflowTarget(workflow)
        kind, retries = recorder.match(target)
        node = recorder.node(
            workflow.name, is_explicit=workflow.is_named, kind=kind.name, arguments=arguments, retries=retries
        )
        return recorder.promise(node, shape)
    entry = recorder.call(workflow.name, is_explicit=workflow.is_named)
    # The body gets copies, as if it were planned later.
    native = {name: templates.resolve(template, _no_lookup) for name, template in arguments.items()}
    positional, named = split_arguments(native)
    if workflow.cache is not None and recorder.find_kept is not None:
        entry.kept, entry.output = recorder.find_kept(workflow, positional, named)
    if entry.kept is None or entry.kept.made_by is None:
        with recorder.inside(entry):
            entry.output = run_body(recorder, workflow, positional, named)
    return recorder.promise(entry, shape)


def run_body(
    recorder: Recorder,
    workflow: WorkflowDefinition,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    is_root: bool = False,
) -> Any:
    """Run a workflow's body, and return the template of its return value.

    Args:
        recorder: The recording for its calls.
        workflow: The workflow.
        args: The positional arguments of the body.
        kwargs: Its named arguments.
        is_root: Whether the workflow was called in a Dag file, not in a body.

    Raises:
        WorkflowError: A call or the return value cannot be planned.
        Exception: The error that the body raises.
    """
    given = with_context(workflow.function, args, kwargs, recorder.context)
    if workflow.takes_promises:
        args, given = promised_inputs(recorder, workflow, args, given)
    try:
        with recorder.allowing(_own_kinds(recorder, workflow)):
            output = workflow.function(*args, **given)
    except RecursionError as error:
        raise TooManyNodesError(
            f"the body of the workflow {workflow.name!r} calls itself without end",
            remedy="Add a condition that ends the recursion, or pass a promise: the call is then planned "
            "when its value exists.",
        ) from error
    if shapes.is_valueless(shapes.return_shape(workflow.function)) and output is not None:
        raise WorkflowCallError(
            f"the workflow {workflow.name!r} is annotated with -> None but returns a value",
            remedy="Correct the annotation, or return nothing.",
        )
    try:
        if workflow.out is not None:
            output = (keyed.documents if is_root else keyed.values)(workflow.name, output)
        elif not isinstance(output, Promise):
            keyed.refuse_events(workflow.name, output)
            shapes.check_items(workflow.name, workflow.shape, output)
        return templates.pack(output, recorder.find)
    except WorkflowError as error:
        # The line of the return statement is no longer known.
        error.line = _line_of(workflow)
        raise


def promised_inputs(
    recorder: Recorder, workflow: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Return the arguments of a body that takes promises: a promise for each value, defaults included."""
    bound = inspect.signature(workflow.function).bind(*args, **kwargs)
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        if not isinstance(value, Promise):
            shape = shapes.shape_of(workflow.function, name)
            bound.arguments[name] = recorder.promise_of(name, value, shape)
    return bound.args, bound.kwargs


def _own_kinds(recorder: Recorder, workflow: WorkflowDefinition) -> Kinds | None:
    """Return the kinds that this body may call, ``None`` if it has no ``tasks=``."""
    if workflow.tasks is None:
        return None
    with unrecorded():
        return find_kinds(workflow, recorder.kinds.default_retries)


def _line_of(workflow: WorkflowDefinition) -> str:
    code = inspect.unwrap(workflow.function).__code__
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    # The function's first line may be that of a decorator.
    above = next((place for place, line in enumerate(lines) if line.lstrip().startswith("def ")), 0)
    source = f": {lines[above].strip()}" if lines else ""
    return f"{os.path.basename(code.co_filename)}, line {code.co_firstlineno + above}{source}"


def record_group(recorder: Recorder, factory: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Record the calls of a task group under its name, and return the group's return value.

    Raises:
        WorkflowError: The group has settings for its tasks, or makes a call that cannot be planned.
    """
    refuse_default_args(factory.tg_kwargs["group_id"], factory.tg_kwargs.get("default_args"))
    entry = recorder.call(factory.tg_kwargs["group_id"], is_explicit=getattr(factory, NAMED_MARK, False))
    with recorder.inside(entry):
        returned = factory.function(*args, **kwargs)
    return GroupCall(recorder, entry) if returned is None else returned


def _declared(recorder: Recorder, entry: NodeEntry, decorator: Any, declarations: Mapping[str, Any]) -> Any:
    import collections

    from airflow_dynamic_provider.workflows.recording.passing import OUTPUTS_MARK
    from airflow_dynamic_provider.workflows.recording.promises import select

    whole = recorder.promise(entry)
    if len(declarations) == 1:
        return whole
    name = decorator.function.__name__
    outputs: Any = collections.namedtuple(f"{name}_outputs", declarations)  # type: ignore[misc]
    setattr(outputs, OUTPUTS_MARK, name)
    return outputs(*(select(whole, name) for name in declarations))


def _construct(make: Callable[..., Any], kwargs: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    with unrecorded(), scratch_dag():
        return make(**{**kwargs, **_with_stand_ins(arguments)})


def _with_stand_ins(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments for a constructor, with what it would get in a Dag file instead of each promise."""
    promise = stand_in()
    return {name: templates.resolve(template, lambda _: promise) for name, template in arguments.items()}


def _no_lookup(reference: Any) -> Any:
    raise LookupError(f"{reference} has no value yet")


def refuse_changed_operators(recorder: Recorder) -> None:
    """Refuse operators that the body turned into setups or teardowns.

    Raises:
        WorkflowCallError: There is such an operator.
    """
    for operator, entry in recorder.operators:
        if operator.is_setup or operator.is_teardown:
            raise WorkflowCallError(
                f"{entry.label!r} is made a setup or a teardown, which a workflow's body cannot have",
                remedy="Use it in the Dag function, around the workflow.",
            )
