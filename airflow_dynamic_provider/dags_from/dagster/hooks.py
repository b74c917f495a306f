"""Hooks: functions that run after an op succeeded or failed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.context import InvokedOp, Resources, Run, get_dagster_logger
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_dynamic_provider.dags_from.dagster.plans import NodePlan


class HookDefinition:
    """A hook.

    Args:
        function: Called with a `HookContext`.
        on_success: Whether it runs after success; else after failure.
        name: Its name.
        required_resource_keys: The resources that it uses.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        on_success: bool,
        name: str | None = None,
        required_resource_keys: Iterable[str] = (),
    ) -> None:
        self.function = function
        self.on_success = on_success
        self.name = name or function.__name__
        self.required_resource_keys = set(required_resource_keys or ())
        functools.update_wrapper(self, function)

    def __call__(self, fn_or_context: Any) -> Any:
        """Call the hook in a test; or decorate a job, all of whose ops get the hook."""
        if hasattr(fn_or_context, "with_hooks"):
            return fn_or_context.with_hooks({self})
        return self.function(fn_or_context)


class HookContext(Refusing):
    """What a hook can ask about the op that it runs after.

    Args:
        hook_def: The hook.
        plan: The node.
        run: The run.
        step_key: The name of the node, with its mapping key in brackets.
        resources: Key -> resource.
        op_config: The config of the op.
        op_output_values: Output -> value, or a dict by key for a dynamic output.
        op_output_metadata: Output -> its metadata, or a dict by key for a dynamic output.
        op_exception: What the op raised.
    """

    _what = "the context of a hook"

    def __init__(
        self,
        hook_def: HookDefinition,
        plan: NodePlan,
        run: Run,
        step_key: str,
        *,
        resources: Mapping[str, Any],
        op_config: Any,
        op_output_values: Mapping[str, Any],
        op_output_metadata: Mapping[str, Any],
        op_exception: BaseException | None,
    ) -> None:
        self.hook_def = hook_def
        self.op = InvokedOp(plan.path.rpartition(".")[2], plan.definition)
        self.job_name = plan.job
        self.run_id = run.run_id
        self.step_key = step_key
        self.op_config = op_config
        self.resources = Resources(resources, plan.path)
        self.op_output_values = dict(op_output_values)
        self.op_output_metadata = dict(op_output_metadata)
        self.op_exception = op_exception
        self.log = get_dagster_logger()
        self.required_resource_keys = set(resources)


def success_hook(hook_fn: Any = None, **settings: Any) -> Any:
    """Turn a function into a hook that runs after an op succeeded.

    Args:
        hook_fn: The function, when the decorator has no parentheses.
        settings: ``name``, ``required_resource_keys``.
    """
    return _hook(hook_fn, on_success=True, **settings)


def failure_hook(hook_fn: Any = None, **settings: Any) -> Any:
    """Turn a function into a hook that runs after an op failed for the last time.

    Args:
        hook_fn: The function, when the decorator has no parentheses.
        settings: ``name``, ``required_resource_keys``.
    """
    return _hook(hook_fn, on_success=False, **settings)


def _hook(hook_fn: Any, **settings: Any) -> Any:
    if callable(hook_fn):
        return HookDefinition(hook_fn, **settings)
    return lambda function: HookDefinition(function, **settings)
