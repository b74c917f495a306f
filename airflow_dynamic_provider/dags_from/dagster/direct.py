"""An op that is called directly, as plain Python: in a test, or from another function."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.calling import call_op, fixed_config
from airflow_dynamic_provider.dags_from.dagster.context import OpExecutionContext, Run
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
)
from airflow_dynamic_provider.dags_from.dagster.resources import opened_for_tests
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    Args:
        resources: Key -> resource, or its definition.
        op_config: The op's config.
        config: The same.
        partition_key: The partition.
        mapping_key: The mapping key.
        run_tags: The tags of the run.
    """
    return OpExecutionContext(
        None,
        "op",
        Run("EPHEMERAL", tags=run_tags or {}),
        op_config=config if op_config is None else op_config,
        resources=opened_for_tests(resources or {}),
        partition_key=partition_key,
        mapping_key=mapping_key,
    )


def call_directly(op: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Run an op's function with these arguments, and return what it returns.

    Args:
        op: The op.
        args: The context, if the op takes one, and inputs.
        kwargs: Inputs, ``context``, ``config``, and resources.
    """
    given, values = dict(kwargs), list(args)
    context = given.pop("context", None)
    if context is None and values and isinstance(values[0], OpExecutionContext):
        context = values.pop(0)
    if context is None and values and op.takes_context and values[0] is None:
        values.pop(0)
    context = copy.copy(context) if context is not None else build_op_context()
    context.op_def = op
    given_config = given.pop("config", MISSING) if op.config_parameter else MISSING
    if given_config is MISSING:
        given_config = MISSING if context.op_config is None else context.op_config
    context.op_config = fixed_config(op, given_config, op.name)
    resources = {**context.resources._asdict()}
    for name in op.resource_parameters:
        if name in given:
            resources[name] = given.pop(name)
    inputs = {**dict(zip(op.ins, values, strict=False)), **given}
    for name, declared in op.ins.items():
        if name not in inputs and not declared.is_nothing:
            if declared.default_value is MISSING:
                raise DagsterInvalidDefinitionError(
                    f"the op {op.name!r} is called without its input {name!r}", remedy="Pass it."
                )
            inputs[name] = declared.default_value
    return call_op(op, context, inputs, resources)
