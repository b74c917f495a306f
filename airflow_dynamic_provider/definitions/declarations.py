"""The declarations of outputs, ``Out`` and ``DynamicOut``, and the functions that read them."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.events import DynamicOutput, metadata_of
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, check_output_name
from airflow_dynamic_provider.errors import DeclarationError, DynamicOutputsError

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.metadata import MetadataValue


@dataclass(frozen=True, init=False)
class Out:
    """Declares one value that a task produces.

    It is used in the Dag file. The value is checked in the task's process.

    Args:
        type: The type of the value: a class, or any annotation such as ``list[str]``, ``int | None`` or a
            ``TypedDict``. The value is checked when it is produced, and never coerced. The default is
            ``Any``, which checks nothing.
        description: A sentence for the people who watch runs.
        is_required: Whether a run that does not produce it is an error. ``True`` by default.
        metadata: Metadata of the declaration (where the data is, who owns it), the same for every run.

    Raises:
        DeclarationError: ``type`` is a string.
        InvalidMetadataError: The metadata cannot be stored.

    Example:
        >>> Out(int, description="how many files there were")
        Out(type=<class 'int'>, description='how many files there were', is_required=True, metadata={})
    """

    type: Any
    description: str | None
    is_required: bool
    metadata: Mapping[str, MetadataValue]

    def __init__(
        self,
        type: Any = Any,
        *,
        description: str | None = None,
        is_required: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(type, str):
            raise DeclarationError(
                f"the declared type {type!r} is a string, and a string cannot be checked",
                remedy="Pass the class or the annotation itself, without quotes.",
            )
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "description", description)
        object.__setattr__(self, "is_required", is_required)
        object.__setattr__(self, "metadata", metadata_of(metadata))


class DynamicOut(Out):
    """Declares any number of values, each with its own mapping key, that a task produces at run time.

    It is used in the Dag file. The values are checked one by one in the task's process.

    Args:
        type: The type of each value, as for `Out`.
        description: A sentence for the people who watch runs.
        is_required: Whether a collector of zero keys runs with an empty list (``True``, the default) or is
            skipped (``False``). Zero outputs are never an error.
        metadata: Metadata of the declaration, the same for every run.

    Raises:
        InvalidMetadataError: The metadata cannot be stored.

    Example:
        >>> DynamicOut(str).is_required
        True
    """


Declarations = Mapping[str, Out]

# The containers that a producing function may be annotated with. Only the item type matters.
_CONTAINERS = (
    list,
    Sequence,
    Iterable,
    Iterator,
    Generator,
    AsyncIterable,
    AsyncIterator,
    AsyncGenerator,
)


# The names in annotations of values that JSON has, and the names of modules before them.
_PLAIN_NAMES = frozenset(
    {
        *("str", "int", "float", "bool", "list", "dict", "object", "None", "NoneType", "class"),
        *("typing", "builtins", "Any", "Optional", "Union", "List", "Dict"),
    }
)

# A dict whose keys are not strings.
_OTHER_KEYS = r"\b[Dd]ict\[(?!str\b)"

_NAME = r"[^\W\d]\w*"

# Classes whose values are not lists. A value has only one of these types, unless it is a number.
_SCALARS = (str, bytes, int, float, bool)
_NUMBERS = {int, float, bool}


def read_declarations(out: Any, function: Callable[..., Any]) -> dict[str, Out]:
    """Return output name -> declaration from ``out=``, or from the function's return annotation.

    Raises:
        DeclarationError: ``out`` is not an `Out`, a `DynamicOut` or a dict of them, or it is missing and the
            annotation declares nothing.
    """
    name = getattr(function, "__name__", str(function))
    if out is None:
        return {DEFAULT_OUTPUT: _infer(function, name)}
    if isinstance(out, Out):
        _refuse_contradiction(out, function, name)
        return {DEFAULT_OUTPUT: out}
    if not isinstance(out, Mapping) or not out:
        raise DeclarationError(
            f"out= must be an Out, a DynamicOut or a dict of them, received {out!r}",
            task_id=name,
            remedy='Write out=DynamicOut(str), or out={"files": DynamicOut(str), "total": Out(int)}.',
        )
    declarations: dict[str, Out] = {}
    for output_name, declaration in out.items():
        try:
            check_output_name(output_name)
        except DynamicOutputsError as error:
            raise error.about(task_id=name) from None
        if not isinstance(declaration, Out):
            raise DeclarationError(
                f"must be declared by an Out or a DynamicOut, received {declaration!r}",
                task_id=name,
                output_name=output_name,
                remedy="Write Out(int) for one value, or DynamicOut(int) for one value per key.",
            )
        declarations[output_name] = declaration
    return declarations


def describe(declarations: Declarations) -> str:
    """Return the declared outputs as a Markdown table, which the UI shows for the task."""
    rows = ["| output | type | description |", "|---|---|---|"]
    for name, out in declarations.items():
        per_key = " per key" if isinstance(out, DynamicOut) else ""
        facts = [out.description or "", *(f"{label}: {value.value}" for label, value in out.metadata.items())]
        cells = (name, f"{type_name(out)}{per_key}", "; ".join(filter(None, facts)))
        # A cell of a Markdown table must be one line.
        rows.append(f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def type_of_outputs(declarations: Declarations) -> Any:
    """Return the type of the value that a body of a workflow receives from a task with declared outputs.

    A dict by output, or the value alone if there is only one output. The value of a dynamic output is a list.
    """
    by_name = {
        name: types.GenericAlias(list, (out.type,))
        if isinstance(out, DynamicOut)
        else out.type
        if out.is_required
        else typing.Union[out.type, None]  # noqa: UP007 (the type may be of any form)
        for name, out in declarations.items()
    }
    if len(by_name) == 1:
        return next(iter(by_name.values()))
    make: Any = typing.TypedDict
    return make("outputs", by_name)


def type_name(out: Out) -> str:
    """Return the declared type as a string."""
    # Imported here, because only messages and pages show types.
    from airflow_dynamic_provider.definitions.classes import is_class

    return out.type.__name__ if is_class(out.type) else str(out.type)


def is_plain(annotation: Any) -> bool:
    """Return whether an annotation names only types of JSON, so that its values need no other form.

    The annotation is not evaluated, so this costs little in a Dag file. ``False`` is also the answer for
    annotations that would have to be evaluated.
    """
    if annotation is Any or annotation is inspect.Parameter.empty or annotation is None:
        return True
    text = annotation if isinstance(annotation, str) else repr(annotation)
    return _PLAIN_NAMES.issuperset(re.findall(_NAME, text)) and not re.search(_OTHER_KEYS, text)


def has_types(function: Callable[..., Any]) -> bool:
    """Return whether a parameter or the return value of a function may have a type that JSON lacks."""
    return not all(map(is_plain, _annotations(function).values()))


def takes_types(function: Callable[..., Any]) -> bool:
    """Return whether a parameter of a function may have a type that JSON lacks."""
    return not all(is_plain(each) for name, each in _annotations(function).items() if name != "return")


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    return getattr(inspect.unwrap(function), "__annotations__", {})


def _infer(function: Callable[..., Any], name: str) -> DynamicOut:
    annotation, problem = _return_annotation(function)
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) in _CONTAINERS and arguments:
        item = arguments[0]
        if item is DynamicOutput:
            return DynamicOut()
        if typing.get_origin(item) is DynamicOutput:
            return DynamicOut(typing.get_args(item)[0])
    raise DeclarationError(
        f"declares no output: there is no out= and the return annotation is {annotation!r}{problem}",
        task_id=name,
        remedy="Write @task.dynamic(out=DynamicOut(str)), or annotate the function with "
        "-> list[DynamicOutput[str]].",
    )


def _refuse_contradiction(out: Out, function: Callable[..., Any], name: str) -> None:
    """Refuse a declared type that contradicts the return annotation."""
    annotation, _ = _return_annotation(function)
    item, is_dynamic = annotation, False
    if typing.get_origin(annotation) in _CONTAINERS and typing.get_args(annotation):
        item = typing.get_args(annotation)[0]
    if typing.get_origin(item) is DynamicOutput:
        item, is_dynamic = typing.get_args(item)[0], True
    if isinstance(out, DynamicOut):
        # A scalar is never a value per key. Any other annotation may describe a list of values.
        is_ruled_out = _differ(out.type, item) if is_dynamic else annotation in _SCALARS
    else:
        is_ruled_out = _differ(out.type, annotation)
    if is_ruled_out:
        raise DeclarationError(
            f"out={type(out).__name__}({type_name(out)}) contradicts the return annotation {annotation!r}",
            task_id=name,
            output_name=DEFAULT_OUTPUT,
            remedy="Correct one of them. The annotation of a function that yields is "
            "Iterator[DynamicOutput[int]]; with such an annotation, out= may be left out.",
        )


def _differ(declared: Any, annotated: Any) -> bool:
    """Return whether two classes are known to have no value in common."""
    are_scalars = declared in _SCALARS and annotated in _SCALARS
    return are_scalars and declared is not annotated and not {declared, annotated} <= _NUMBERS


def _return_annotation(function: Callable[..., Any]) -> tuple[Any, str]:
    """Return the return annotation, and the reason if it is a string that cannot be evaluated."""
    function = inspect.unwrap(function)
    annotation = getattr(function, "__annotations__", {}).get("return")
    if annotation is None:
        return None, ""
    # It is evaluated alone, because other annotations may need imports that only a type checker makes.
    alone = types.SimpleNamespace(__annotations__={"return": annotation})
    known = getattr(function, "__globals__", {})
    try:
        annotation = typing.get_type_hints(alone, known, include_extras=True)["return"]
    except Exception as error:
        # The evaluation can raise any error. The annotation then declares nothing, and out= is needed.
        return annotation, f", which cannot be evaluated: {error}"
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = annotation.__origin__
    return annotation, ""
