"""The inputs and outputs that a function of a Flyte program declares by its annotations."""

from __future__ import annotations

import functools
import inspect
import typing
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte import hashes, values
from airflow_dynamic_provider.dags_from.flyte.adapters import is_by_place
from airflow_dynamic_provider.definitions.annotations import (
    CONVERTS_MARK,
    KEY_FORM_MARK,
    is_by_content,
)
from airflow_dynamic_provider.definitions.cache import FileContent
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import OutputTypeError, WorkflowError
from airflow_dynamic_provider.workflows.recording.binding import bind
from airflow_dynamic_provider.workflows.recording.promises import Promise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Interface(Record):
    """The inputs and outputs of a task or workflow.

    Attributes:
        function: The author's function.
        name: Its name.
        inputs: Parameter -> its type.
        defaults: Parameter -> its default value.
        outputs: Output -> its type; a single output is called ``o0``.
        returns: The type of the return value: a NamedTuple if there are several outputs.
    """

    function: Callable[..., Any]
    name: str
    inputs: Mapping[str, Any]
    defaults: Mapping[str, Any]
    outputs: Mapping[str, Any]
    returns: Any

    @property
    def is_single(self) -> bool:
        """Whether the function returns one value, which is not a named output."""
        return len(self.outputs) == 1 and not hasattr(self.returns, "_fields")

    def encode_inputs(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameter -> JSON of the arguments of a call, with the defaults of the others.

        Raises:
            WorkflowCallError: The arguments do not fit.
            OutputTypeError: A value is not of the declared type.
        """
        given = {**self.defaults, **bind(self.function, args, kwargs)}
        return {
            name: values.encode(value, self.inputs[name], f"the input {name!r} of {self.name!r}")
            for name, value in given.items()
        }

    def encode_outputs(self, value: Any) -> Any:
        """Return the JSON of the outputs; several in a tuple.

        Raises:
            OutputTypeError: A value is not of the declared type.
        """
        noun = f"the return value of {self.name!r}"
        if self.is_single or not self.outputs:
            return values.encode(value, self.returns, noun)
        if not isinstance(value, tuple | Promise) or (
            isinstance(value, tuple) and len(value) != len(self.outputs)
        ):
            raise OutputTypeError(
                f"{noun} must be a tuple of {len(self.outputs)} outputs, received {excerpt(value)}",
                remedy="Return one value for each output in the annotation.",
            )
        return tuple(
            values.encode(part, hint, f"the output {name!r} of {self.name!r}")
            for part, (name, hint) in zip(value, self.outputs.items(), strict=True)
        )

    def decode_outputs(self, form: Any) -> Any:
        """Return the outputs as their types; several as a NamedTuple."""
        noun = f"the return value of {self.name!r}"
        if self.is_single or not self.outputs:
            return values.decode(form, self.returns, noun)
        parts = zip(form, self.outputs.values(), strict=True)
        return self.returns(*(values.decode(part, hint, noun) for part, hint in parts))

    def key_form(self, name: str, form: Any, *, with_files: bool = False) -> Any:
        """Return what counts of the JSON of an input for a cached task.

        Args:
            name: The input.
            form: Its JSON.
            with_files: Whether to say that a file counts by its content. The annotation of a task says so.
        """
        hint = self.inputs.get(name, Any)
        if with_files and isinstance(form, str) and is_by_content(hint):
            return FileContent(form)
        # Only there is a text the place of a file.
        found = hashes.digests_of(form) if is_by_place(hint) else form
        if found == form and (method := hashes.method_of(hint)) is not None:
            return method.digest(values.decode(form, hint, f"the input {name!r} of {self.name!r}"))
        return found

    def by_name(self, value: Any) -> Any:
        """Return several outputs as a dict by name, a single one as it is."""
        if self.is_single or not self.outputs:
            return value
        return {name: value[index] for index, name in enumerate(self.outputs)}


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
        function=function,
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
    """Return the function as it runs in a task, with its `Interface` as ``interface``.

    It takes and returns JSON, and calls the author's function with the declared types.
    """
    interface = read_interface(function)

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs)
        for each, value in bound.arguments.items():
            hint = interface.inputs[each]
            bound.arguments[each] = values.decode(value, hint, f"the input {each!r} of {interface.name!r}")
        return interface.encode_outputs(function(*bound.args, **bound.kwargs))

    checked.__annotations__ = {**interface.inputs, "return": interface.returns}
    setattr(checked, CONVERTS_MARK, True)
    setattr(checked, KEY_FORM_MARK, interface.key_form)
    checked.interface = interface  # type: ignore[attr-defined]
    return checked
