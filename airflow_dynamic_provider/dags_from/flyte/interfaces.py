"""The inputs and outputs that a function of a Flyte program declares by its annotations."""

from __future__ import annotations

import functools
import inspect
import typing
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte import values
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Interface(Record):
    """The inputs and outputs of a task or workflow.

    Attributes:
        name: The name of the function.
        inputs: Parameter -> its type.
        defaults: Parameter -> its default value.
        outputs: Output -> its type; a single output is called ``o0``.
        returns: The type of the return value: a NamedTuple if there are several outputs.
    """

    name: str
    inputs: Mapping[str, Any]
    defaults: Mapping[str, Any]
    outputs: Mapping[str, Any]
    returns: Any

    @property
    def is_single(self) -> bool:
        """Whether the function returns one value, which is not a named output."""
        return len(self.outputs) == 1 and not hasattr(self.returns, "_fields")

    def by_name(self, value: Any) -> Any:
        """Return several outputs as a dict by name, a single one as it is."""
        if self.is_single or not self.outputs:
            return value
        return {name: value[index] for index, name in enumerate(self.outputs)}

    def unpacked(self, value: Any) -> Any:
        """Return several outputs as a NamedTuple, a single one as it is."""
        return value if self.is_single or not self.outputs else self.returns(*value)


def kwtypes(**types: Any) -> OrderedDict[str, Any]:
    """Return name -> type, in the order of the arguments."""
    return OrderedDict(types)


def read_interface(function: Callable[..., Any]) -> Interface:
    """Read the annotations of a function.

    Raises:
        WorkflowError: An input has no annotation, or the function takes any number of arguments.
    """
    name = function.__name__
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise WorkflowError(
                f"the function {name!r} takes any number of arguments: {parameter}",
                remedy="Write one parameter for each input.",
            )
        if parameter.name not in hints:
            raise WorkflowError(
                f"the input {parameter.name!r} of {name!r} has no type",
                remedy=f"Annotate it, as in {parameter.name}: int.",
            )
    returns = _returned(name, hints.get("return", type(None)))
    return Interface(
        name=name,
        inputs={each: hints[each] for each in parameters},
        defaults={each.name: each.default for each in parameters.values() if each.default is not each.empty},
        outputs=_outputs(returns),
        returns=returns,
    )


def _returned(name: str, hint: Any) -> Any:
    items = typing.get_args(hint)
    if typing.get_origin(hint) is not tuple or not items or items[-1] is Ellipsis:
        return hint
    return typing.NamedTuple(f"{name}_outputs", [(f"o{number}", each) for number, each in enumerate(items)])


def _outputs(returns: Any) -> dict[str, Any]:
    if returns is type(None):
        return {}
    if hasattr(returns, "_fields"):
        return typing.get_type_hints(returns, include_extras=True)
    return {"o0": returns}


def described(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its inputs and outputs checked, and with its `Interface` as ``interface``."""
    interface = read_interface(function)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs)
        given = {
            each: values.received(value, interface.inputs[each], f"the input {each!r} of {interface.name!r}")
            for each, value in bound.arguments.items()
        }
        bound.arguments.update(given)
        return returned(function(*bound.args, **bound.kwargs), interface)

    checked.__annotations__ = {**interface.inputs, "return": interface.returns}
    checked.interface = interface  # type: ignore[attr-defined]
    return checked


def returned(value: Any, interface: Interface) -> Any:
    """Return the outputs of a function, checked.

    Raises:
        OutputTypeError: An output has another type than the annotation says.
    """
    if not interface.outputs:
        return values.sent(value, type(None), f"the return value of {interface.name!r}")
    if interface.is_single:
        return values.sent(value, interface.returns, f"the return value of {interface.name!r}")
    parts = values.sent(value, interface.returns, f"the return value of {interface.name!r}")
    return tuple(
        values.sent(part, hint, f"the output {name!r} of {interface.name!r}")
        for part, (name, hint) in zip(parts, interface.outputs.items(), strict=True)
    )
