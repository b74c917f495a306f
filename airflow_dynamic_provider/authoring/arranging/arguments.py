"""Explains wrong arguments of a call in the Dag file, where Python's own message does not help."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar, cast

from airflow.sdk import Context, XComArg

from airflow_dynamic_provider.airflow_adapter.objects import is_task_decorator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_dynamic_provider.authoring.references.refusals import NotAValue
    from airflow_dynamic_provider.errors import HandleUsageError

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="NotAValue")

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

#: The names that the package adds to the context of a task.
CONTEXT_NAMES = frozenset({"mapping_key", "mapping_key_path"})

# The names in Airflow's own context. Airflow uses the same list to find out which arguments may be left out.
_AIRFLOWS_CONTEXT = frozenset(Context.__annotations__)


def explained(remedy: str) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Make a method of a reference say what to write if it is called wrongly, or not called at all.

    Args:
        remedy: What to write instead.
    """

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        return cast("Callable[Concatenate[S, P], R]", _Explained(method, remedy))

    return decorate


class _Explained:
    """A method whose errors say what to write."""

    def __init__(self, method: Callable[..., Any], remedy: str) -> None:
        self.method = method
        self.remedy = remedy
        # The class then shows the docstring of the method.
        functools.update_wrapper(cast("Any", self), method)

    def __get__(self, reference: NotAValue | None, owner: Any = None) -> Any:
        return self.method if reference is None else _BoundMethod(self, reference)


class _BoundMethod(XComArg):
    """A method of one reference. Airflow calls `iter_references` if the method is passed to a task."""

    def __init__(self, explained: _Explained, reference: NotAValue) -> None:
        self._explained = explained
        self._reference = reference
        self.__doc__ = explained.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        method = self._explained.method
        try:
            inspect.signature(method).bind(self._reference, *args, **kwargs)
        except TypeError as error:
            raise self._refuse(str(error), self._explained.remedy) from None
        return method(self._reference, *args, **kwargs)

    def iter_references(self) -> NoReturn:
        """Refuse the use: the method was passed to a task, and not its result."""
        name = self._explained.method.__name__
        raise self._refuse("was passed to a task without being called", f"Write {name}().")

    def _refuse(self, problem: str, remedy: str) -> HandleUsageError:
        return self._reference._refuse_call(self._explained.method.__name__, problem, remedy)


def find_misfit(fn: Any, items: Sequence[Any]) -> tuple[str, str] | None:
    """Return why a function cannot be called with these items alone, and the remedy; ``None`` if it can.

    Args:
        fn: A function, a ``@task`` or a ``@task_group``.
        items: Its positional arguments.
    """
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        # Not every callable has a signature.
        return None
    name, given = getattr(fn, "__name__", repr(fn)), len(items)
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    if given > len(positional) and not any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return (
            f"map() calls {name!r} with {given} items, but it takes {len(positional)}",
            "A joined handle passes the mapped function one item of each side: write "
            "lambda left, right: my_task(left, right)."
            if given > 1
            else "Add a parameter that receives the item.",
        )
    filled = _AIRFLOWS_CONTEXT | CONTEXT_NAMES if is_task_decorator(fn) else set()
    missing = [
        each.name
        for each in parameters
        if each not in positional[:given]
        and each.default is each.empty
        and each.kind in (*_POSITIONAL, inspect.Parameter.KEYWORD_ONLY)
        and each.name not in filled
    ]
    if not missing:
        return None
    shown = ", ".join(map(repr, missing))
    items_text = "one item" if given == 1 else f"{given} items"
    return (
        f"map() calls {name!r} with {items_text}, but it also needs {shown}",
        f"Pass it in a lambda: handle.map(lambda item: {name}(item, {missing[0]}=...)).",
    )


def name_arguments(task: Any) -> None:
    """Pass positional arguments by name if the context has a variable of the same name.

    Airflow refuses a positional argument for a parameter that the context also provides.
    """
    function, args = getattr(task, "python_callable", None), getattr(task, "op_args", None)
    if function is None or not isinstance(args, (list, tuple)) or not args:
        return
    parameters = list(inspect.signature(function).parameters.values())[: len(args)]
    are_named = all(each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)
    if not are_named or len(parameters) < len(args):
        return
    names = [each.name for each in parameters]
    if not (_AIRFLOWS_CONTEXT | CONTEXT_NAMES).isdisjoint(names):
        task.op_args = type(args)()
        task.op_kwargs = {**dict(zip(names, args, strict=True)), **task.op_kwargs}
