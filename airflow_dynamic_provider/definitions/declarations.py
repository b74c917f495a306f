"""What a task says it will produce: ``Out`` and ``DynamicOut``, and how a declaration is read."""

from __future__ import annotations

import inspect
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
from typing import Any

from airflow_dynamic_provider.definitions.events import DynamicOutput
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, check_output_name
from airflow_dynamic_provider.definitions.metadata import MetadataValue, normalize_metadata
from airflow_dynamic_provider.errors import DeclarationError, DynamicOutputsError


@dataclass(frozen=True, init=False)
class Out:
    """Declares one value that a task produces.

    Used in the Dag file; the value is checked in the task's process.

    Args:
        type: What the value must be an instance of: a class, or any annotation such as ``list[str]``,
            ``int | None`` or a ``TypedDict``. Checked when the value is produced, never coerced.
            ``Any`` by default, which checks nothing.
        description: A sentence for the people who watch runs.
        is_required: Whether a run that does not produce it is an error. ``True`` by default.
        metadata: About the declaration (where the data lives, who owns it), the same for every run.

    Raises:
        DeclarationError: ``type`` is a text.
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
                f"the declared type {type!r} is a text, which names nothing that could be checked",
                remedy="Give the class or the annotation itself, without quotes.",
            )
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "description", description)
        object.__setattr__(self, "is_required", is_required)
        object.__setattr__(self, "metadata", normalize_metadata(metadata))


class DynamicOut(Out):
    """Declares any number of values, each named by a mapping key, that a task finds at run time.

    Used in the Dag file; the values are checked in the task's process, one by one.

    Args:
        type: What each value must be an instance of, as for `Out`.
        description: A sentence for the people who watch runs.
        is_required: With ``False``, a collector of zero keys is skipped instead of running with an empty
            list. ``True`` by default. Zero outputs is never an error.
        metadata: About the declaration, the same for every run.

    Raises:
        InvalidMetadataError: The metadata cannot be stored.

    Example:
        >>> DynamicOut(str).is_required
        True
    """


Declarations = Mapping[str, Out]

# What a producing function may be annotated with; only the item type matters.
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


# Classes of which one value is no list, and of which none, but for numbers, holds another's values.
_SCALARS = (str, bytes, int, float, bool)
_NUMBERS = {int, float, bool}


def read_declarations(out: Any, function: Callable[..., Any]) -> dict[str, Out]:
    """Return output name -> declaration from ``out=``, or from the function's return annotation.

    Raises:
        DeclarationError: ``out`` is something else than an `Out`, a `DynamicOut` or a dict of them, or it
            is missing and the annotation declares nothing.
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
                remedy="Write Out(int) for one value, DynamicOut(int) for one value per key.",
            )
        declarations[output_name] = declaration
    return declarations


def describe(declarations: Declarations) -> str:
    """Return the declared outputs as a Markdown table, for the people who look at the task in the UI."""
    rows = ["| output | type | description |", "|---|---|---|"]
    for name, out in declarations.items():
        per_key = " per key" if isinstance(out, DynamicOut) else ""
        facts = [out.description or "", *(f"{label}: {value.value}" for label, value in out.metadata.items())]
        cells = (name, f"{type_name(out)}{per_key}", "; ".join(filter(None, facts)))
        # A cell is one line, whatever the author wrote.
        rows.append(f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def type_name(out: Out) -> str:
    """Return the declared type as text."""
    # On Python 3.10 ``list[int]`` is a type, and its name is ``list``.
    is_class = isinstance(out.type, type) and typing.get_origin(out.type) is None
    return out.type.__name__ if is_class else str(out.type)


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
    """Refuse a declared type that the return annotation rules out."""
    annotation, _ = _return_annotation(function)
    item, is_dynamic = annotation, False
    if typing.get_origin(annotation) in _CONTAINERS and typing.get_args(annotation):
        item = typing.get_args(annotation)[0]
    if typing.get_origin(item) is DynamicOutput:
        item, is_dynamic = typing.get_args(item)[0], True
    if isinstance(out, DynamicOut):
        # One plain value is never a value per key; another annotation may be of a list, or of anything.
        is_ruled_out = _differ(out.type, item) if is_dynamic else annotation in _SCALARS
    else:
        is_ruled_out = _differ(out.type, annotation)
    if is_ruled_out:
        raise DeclarationError(
            f"out={type(out).__name__}({type_name(out)}) contradicts the return annotation {annotation!r}",
            task_id=name,
            output_name=DEFAULT_OUTPUT,
            remedy="Correct one of them. The annotation of a function that yields is "
            "Iterator[DynamicOutput[int]]; with such a one, out= may be left out.",
        )


def _differ(declared: Any, annotated: Any) -> bool:
    """Whether no value can be of both types, as far as these two classes say."""
    are_scalars = declared in _SCALARS and annotated in _SCALARS
    return are_scalars and declared is not annotated and not {declared, annotated} <= _NUMBERS


def _return_annotation(function: Callable[..., Any]) -> tuple[Any, str]:
    """Return the return annotation, and why it could not be evaluated if it is still text."""
    function = inspect.unwrap(function)
    annotation = getattr(function, "__annotations__", {}).get("return")
    if annotation is None:
        return None, ""
    # Alone, because the other annotations may name what only a type checker imports.
    alone = types.SimpleNamespace(__annotations__={"return": annotation})
    known = getattr(function, "__globals__", {})
    try:
        annotation = typing.get_type_hints(alone, known, include_extras=True)["return"]
    except Exception as error:
        # Evaluating the author's text can raise anything; it then declares nothing, and out= is needed.
        return annotation, f", which cannot be evaluated: {error}"
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = annotation.__origin__
    return annotation, ""
