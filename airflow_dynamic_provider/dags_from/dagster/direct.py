"""An op that is called directly, as plain Python: in a test, or from another function."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.calling import call_op, fixed_config
from airflow_dynamic_provider.dags_from.dagster.context import OpExecutionContext, Run
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    DagsterInvalidInvocationError,
    DagsterInvariantViolationError,
)
from airflow_dynamic_provider.dags_from.dagster.resources import opened_for_tests
from airflow_dynamic_provider.dags_from.dagster.types import Nothing, check_value
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing
from airflow_dynamic_provider.dags_from.dagster.values import events_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@refusing(
    "build_op_context",
    instance="Airflow's REST API",
    resources_config="resource.configured(...), in resources=",
    partition_key_range="partition_key=",
    event_loop="asyncio.run()",
)
def build_op_context(
    resources: Mapping[str, Any] | None = None,
    op_config: Any = None,
    config: Any = None,
    partition_key: str | None = None,
    mapping_key: str | None = None,
    run_tags: Mapping[str, Any] | None = None,
) -> OpExecutionContext:
    """Return a context for calling an op directly, as plain Python, in a test.

    Resources that are generators are torn down at the end of ``with build_op_context(...) as context:``.

    Args:
        resources: Key -> resource, or its definition.
        op_config: The op's config.
        config: The same.
        partition_key: The partition.
        mapping_key: The mapping key.
        run_tags: The tags of the run.
    """
    opened = opened_for_tests(resources or {})
    context = OpExecutionContext(
        None,
        "op",
        Run("EPHEMERAL", tags=run_tags or {}),
        op_config=config if op_config is None else op_config,
        resources={key: opened.get(key) for key in resources or {}},
        partition_key=partition_key,
        mapping_key=mapping_key,
    )
    context.close = opened.close
    return context


def call_directly(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Run an op's function with these arguments, and return what it returns, with its types checked.

    Args:
        op: The op.
        args: The context, if the op takes one, and arguments in the order of the function's parameters.
        kwargs: Inputs, ``context``, ``config``, and resources.

    Raises:
        DagsterInvalidInvocationError: The arguments do not fit.
        DagsterTypeCheckDidNotPass: A value is not of its declared type.
    """
    values, given = list(args), dict(kwargs)
    context = copy.copy(_context(op, values, given))
    context.op_def = op
    _bind(op, values, given)
    config = given.pop("config", MISSING) if op.config_parameter else MISSING
    if config is MISSING and context.op_config is not None:
        config = context.op_config
    context.op_config = fixed_config(op, config, op.name)
    resources = {**context.resources._asdict()}
    resources.update({name: given.pop(name) for name in op.resource_parameters if name in given})
    if lacking := sorted(op.required_resource_keys - resources.keys()):
        raise DagsterInvalidDefinitionError(
            f"the op {op.name!r} is called without its resource {lacking[0]!r}",
            remedy=f"Pass it: build_op_context(resources={{{lacking[0]!r}: ...}}).",
        )
    inputs = {name: _input(op, name, given, context) for name, each in op.ins.items() if not each.is_nothing}
    return _checked(op, call_op(op, context, inputs, resources), context)


def _context(op: Any, values: list[Any], given: dict[str, Any]) -> OpExecutionContext:
    """Take the context from the arguments."""
    context = given.pop("context", MISSING)
    if context is MISSING and values and (values[0] is None or isinstance(values[0], OpExecutionContext)):
        is_context = op.takes_context or values[0] is not None
        context = values.pop(0) if is_context else MISSING
    if context is MISSING and op.takes_context:
        raise DagsterInvalidInvocationError(
            f"the op {op.name!r} takes a context, and is called without one",
            remedy="Pass build_op_context().",
        )
    return build_op_context() if context is MISSING or context is None else context


def _bind(op: Any, values: list[Any], given: dict[str, Any]) -> None:
    """Add the arguments without a name to those with one."""
    names = list(inspect.signature(op.function).parameters)[1 if op.takes_context else 0 :]
    twice = [name for name in names[: len(values)] if name in given]
    unknown = [name for name in given if name not in (*names, *op.ins)]
    if len(values) > len(names) or twice or unknown:
        problem = f"{len(values)} arguments" if len(values) > len(names) else repr((twice or unknown)[0])
        raise DagsterInvalidInvocationError(
            f"the op {op.name!r} is called with {problem}{' twice' if twice else ''}",
            remedy=f"It takes {', '.join(names) or 'nothing'}.",
        )
    given.update(zip(names, values, strict=False))


def _input(op: Any, name: str, given: Mapping[str, Any], context: OpExecutionContext) -> Any:
    declared = op.ins[name]
    value = given.get(name, declared.default_value)
    if value is MISSING:
        raise DagsterInvalidInvocationError(
            f"the op {op.name!r} is called without its input {name!r}", remedy="Pass it."
        )
    check_value(value, declared.dagster_type, f"the input {name!r} of {op.name!r}", context)
    return value


def _checked(op: Any, result: Any, context: OpExecutionContext) -> Any:
    """Return what the op's function returned. What a generator yields is checked as it comes."""
    if inspect.isgenerator(result):
        return _checked_events(op, result, context)
    if inspect.iscoroutine(result):
        return _awaited(op, result, context)
    if not inspect.isasyncgen(result):
        for event in events_of(op, result):
            _check(op, event, context)
    return result


async def _awaited(op: Any, result: Any, context: OpExecutionContext) -> Any:
    return _checked(op, await result, context)


def _checked_events(op: Any, result: Iterator[Any], context: OpExecutionContext) -> Iterator[Any]:
    given = set()
    for event in result:
        _check(op, event, context)
        given.add(getattr(event, "output_name", None))
        yield event
    for name, out in op.outs.items():
        if out.is_required and not out.is_dynamic and out.dagster_type is not Nothing and name not in given:
            raise DagsterInvariantViolationError(
                f"the op {op.name!r} did not give the output {name!r}, which is required",
                remedy=f"Yield Output(value, {name!r}), or declare Out(is_required=False).",
            )


def _check(op: Any, event: Any, context: OpExecutionContext) -> None:
    name = getattr(event, "output_name", None)
    if name in op.outs:
        what = f"the output {name!r} of {op.name!r}"
        check_value(event.value, op.outs[name].dagster_type, what, context)
