"""Which methods of Airflow are called when a Dag file, or a body, calls tasks, groups and operators.

Airflow has no hook for what such a call means. In the planning task, and in any process that plans a
workflow: while a body is recorded, `replace` puts another method in the place of one of these.
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


#: Makes what ``@task`` is given a task.
TASK_DECORATOR = _TaskDecorator
CALL_GROUP = Method(_TaskGroupFactory, "__call__")
OVERRIDE_GROUP = Method(_TaskGroupFactory, "override")
MAKE_GROUP = Method(TaskGroup, "__init__")
ENTER_GROUP = Method(TaskGroup, "__enter__")
EXIT_GROUP = Method(TaskGroup, "__exit__")
#: Makes an operator: the classes of operators have a class of their own.
MAKE_OPERATOR = Method(type(BaseOperator), "__call__")
OUTPUT = Method(BaseOperator, "output")
SET_UPSTREAM = tuple(Method(owner, "set_upstream") for owner in (BaseOperator, TaskGroup))
SET_DOWNSTREAM = tuple(Method(owner, "set_downstream") for owner in (BaseOperator, TaskGroup))
LABEL_UPSTREAM = Method(EdgeModifier, "set_upstream")
LABEL_DOWNSTREAM = Method(EdgeModifier, "set_downstream")
#: Expand a group or an operator over a list.
EXPAND = (
    *(Method(_TaskGroupFactory, name) for name in ("expand", "partial", "expand_kwargs")),
    *(Method(OperatorPartial, name) for name in ("expand", "expand_kwargs")),
)


def methods_of_decorator(owner: Any) -> tuple[Method, Method, tuple[Method, ...]]:
    """Return the methods by which a decorated function is called, overridden and expanded."""
    expand = tuple(Method(owner, name) for name in ("expand", "partial", "expand_kwargs"))
    return Method(owner, "__call__"), Method(owner, "override"), expand


def replace(method: Method, replacement: Any) -> Callable[[], None]:
    """Put another method in the place of one, and return what takes it back."""
    owner, name = method
    if name in vars(owner):
        restore = functools.partial(setattr, owner, name, vars(owner)[name])
    else:
        restore = functools.partial(delattr, owner, name)
    setattr(owner, name, replacement)
    return restore


def forget_partial(called: Any) -> None:
    """Keep Airflow from warning that something was given arguments and not expanded."""
    if hasattr(called, "_expand_called"):
        called._expand_called = True


def add_upstream(label: Any, others: Any) -> Any:
    """Note what stands before a label between tasks, and return what stands behind it."""
    label._upstream += others
    return label._downstream


def add_downstream(label: Any, others: Any) -> Any:
    """Note what stands behind a label between tasks, and return what stands before it."""
    label._downstream += others
    return label._upstream
