"""Tells settings, the arguments that belong to the kind of a node, from the arguments of one node."""

from __future__ import annotations

import functools
import types
from typing import Any

from airflow_dynamic_provider.definitions.classes import is_class

#: The setting that names a node. It does not belong to the kind.
NAME = "task_id"

#: The setting that may be lower for a node than for its kind.
RETRIES = "retries"

#: The setting that keeps results over runs. Airflow's operators do not take it.
CACHE = "cache"

_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial)


@functools.cache
def setting_names() -> frozenset[str]:
    """Return the names of the arguments that every operator takes and that belong to a kind."""
    import inspect

    from airflow.sdk import BaseOperator

    parameters = inspect.signature(BaseOperator.__init__).parameters
    return frozenset(parameters) - {"self", "kwargs", "args", NAME, "dag", "task_group"}


def is_setting(name: str, value: Any) -> bool:
    """Whether an argument of an operator belongs to its kind: every operator takes it, or it is a function.

    A function is code of the Dag file. It is found there again, not stored with each node.
    """
    return name in setting_names() or (isinstance(value, _FUNCTIONS) and not is_class(value))
