"""The methods of Airflow that run when a Dag file, or a body, calls tasks, groups and operators.

Airflow has no hook that changes the meaning of such a call. So the planning task, and any process that plans
a workflow, replaces these methods while it records a body.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.sdk import BaseOperator, EdgeModifier, TaskGroup
from airflow.sdk.bases.decorator import _TaskDecorator
from airflow.sdk.definitions.decorators.task_group import _TaskGroupFactory
from airflow.sdk.definitions.mappedoperator import OperatorPartial

if TYPE_CHECKING:
    from collections.abc import Callable


class Method(NamedTuple):
    """A method of a class.

    Attributes:
        owner: The class.
        name: The name of the method.
    """

    owner: Any
    name: str


#: The class of functions that are decorated with ``@task``.
TASK_DECORATOR = _TaskDecorator
#: The class of functions that are decorated with ``@task_group``.
GROUP_DECORATOR = _TaskGroupFactory
MAKE_GROUP = Method(TaskGroup, "__init__")
ENTER_GROUP = Method(TaskGroup, "__enter__")
EXIT_GROUP = Method(TaskGroup, "__exit__")
#: Creates an operator. Operator classes have a metaclass.
MAKE_OPERATOR = Method(type(BaseOperator), "__call__")
OUTPUT = Method(BaseOperator, "output")
SET_UPSTREAM = tuple(Method(owner, "set_upstream") for owner in (BaseOperator, TaskGroup))
SET_DOWNSTREAM = tuple(Method(owner, "set_downstream") for owner in (BaseOperator, TaskGroup))
LABEL_UPSTREAM = Method(EdgeModifier, "set_upstream")
LABEL_DOWNSTREAM = Method(EdgeModifier, "set_downstream")
#: Expand what an operator's ``partial()`` returns.
EXPAND_OPERATOR = tuple(Method(OperatorPartial, name) for name in ("expand", "expand_kwargs"))


def methods_of_decorator(owner: Any) -> tuple[Method, Method, tuple[Method, ...]]:
    """Return the methods that call, override and expand a decorated function."""
    expand = tuple(Method(owner, name) for name in ("expand", "partial", "expand_kwargs"))
    return Method(owner, "__call__"), Method(owner, "override"), expand


def replace(method: Method, replacement: Any) -> Callable[[], None]:
    """Replace a method, and return a function that restores it."""
    owner, name = method
    if name in vars(owner):
        restore = functools.partial(setattr, owner, name, vars(owner)[name])
    else:
        restore = functools.partial(delattr, owner, name)
    setattr(owner, name, replacement)
    return restore


def forget_partial(called: Any) -> None:
    """Keep Airflow from warning that a partial was never expanded."""
    if hasattr(called, "_expand_called"):
        called._expand_called = True


def add_upstream(label: Any, others: Any) -> Any:
    """Add tasks before a label between tasks, and return the tasks after it."""
    label._upstream += others
    return label._downstream


def add_downstream(label: Any, others: Any) -> Any:
    """Add tasks after a label between tasks, and return the tasks before it."""
    label._downstream += others
    return label._upstream
