"""Calls an op's function with its context, config, inputs and resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.config import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.dags_from.dagster.context import OpExecutionContext


def call_op(
    op: Any, context: OpExecutionContext, inputs: Mapping[str, Any], resources: Mapping[str, Any]
) -> Any:
    """Call an op's function, and return what it returns: a value, a generator, a coroutine, ...

    Args:
        op: The op.
        context: Its context.
        inputs: Input -> value; those that only order are left out.
        resources: Key -> resource.
    """
    arguments = {name: value for name, value in inputs.items() if not op.ins[name].is_nothing}
    if op.config_parameter:
        arguments[op.config_parameter] = context.op_config
    arguments.update({name: resources[name] for name in op.resource_parameters})
    return op.function(context, **arguments) if op.takes_context else op.function(**arguments)


def fixed_config(op: Any, given: Any, at: str) -> Any:
    """Return an op's config: what the run gives, with defaults, or what ``configured`` fixed.

    Raises:
        DagsterInvalidConfigError: It does not fit the schema.
    """
    found = resolve(op.config_schema, given, at)
    if op.configured_from is None:
        return found
    config, inner = op.configured_from
    return fixed_config(inner, config(found) if callable(config) else config, at)
