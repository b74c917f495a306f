"""Bodies of workflows as plain values, and what their tasks do.

A task returns its name and its arguments as a text, and two items, so that a value that comes from another
node, or from another part of it, is seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How many items a task's value has.
ITEMS = 2

#: The longest text of a value.
_LONGEST = 80


@dataclass(frozen=True)
class Of:
    """What a statement gives: the whole, or of a task's value the text or one of the items."""

    name: str
    part: int | str | None = None


@dataclass(frozen=True)
class Given:
    """An argument of the body, which is a native value."""

    index: int


@dataclass(frozen=True)
class Several:
    """A container of values: "list", "tuple" or "dict"."""

    values: tuple[Value, ...]
    form: str = "list"


#: A text is a constant.
Value = Of | Given | Several | str


@dataclass(frozen=True)
class Work:
    """A task."""

    name: str
    args: tuple[Value, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """Another workflow, planned at once if its arguments are native, else when they exist."""

    name: str
    body: Body
    args: tuple[Value, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Each:
    """A `map_task`, over so many constants or over the items of a task's value."""

    name: str
    over: int | str
    args: tuple[Value, ...] = ()
    after: tuple[str, ...] = ()
    concurrency: int | None = None
    ratio: Fraction = Fraction(1)


Statement = Work | Call | Each


@dataclass(frozen=True)
class Body:
    """The statements of a workflow, and what it returns."""

    statements: tuple[Statement, ...] = ()
    returns: Value = ""


#: Node -> "fail" or "skip", for those that do not succeed.
Table = dict[str, str]


@dataclass(frozen=True)
class Case:
    """A workflow and how it is run.

    Attributes:
        body: What it calls.
        table: What its nodes do.
        policy: What the failure of one means for the others.
        is_scheduled: Whether nodes wait as under a scheduler and a triggerer, and not as in ``dag.test()``.
    """

    body: Body
    table: Table
    policy: str = "run_all"
    is_scheduled: bool = False


def references(value: Value) -> Iterator[str]:
    """Return the names that a value refers to."""
    if isinstance(value, Of):
        yield value.name
    elif isinstance(value, Several):
        for each in value.values:
            yield from references(each)


def used(statement: Statement) -> tuple[str, ...]:
    """Return the names that the arguments of a statement refer to."""
    names = [name for each in statement.args for name in references(each)]
    if isinstance(statement, Each) and isinstance(statement.over, str):
        names.append(statement.over)
    return tuple(dict.fromkeys(names))


def is_later(statement: Statement) -> bool:
    """Whether a node plans what a statement stands for when its inputs exist."""
    if isinstance(statement, Each):
        return isinstance(statement.over, str)
    return isinstance(statement, Call) and bool(used(statement))


def resolve(value: Value, given: Any, made: Mapping[str, Any]) -> Any:
    """Return what a value stands for.

    Args:
        value: The value.
        given: The arguments of the body.
        made: Name -> what the statement gave: a promise of it in a body, the value itself in the oracle.
    """
    if isinstance(value, Of):
        whole = made[value.name]
        if value.part is None:
            return whole
        return whole["text"] if value.part == "text" else whole["items"][value.part]
    if isinstance(value, Given):
        return given[value.index]
    if isinstance(value, Several):
        values = [resolve(each, given, made) for each in value.values]
        if value.form == "dict":
            return {f"k{index}": each for index, each in enumerate(values)}
        return tuple(values) if value.form == "tuple" else values
    return value


def value_of(name: str, args: Any) -> dict[str, Any]:
    """Return what a task of that name gives that got those arguments."""
    text = f"{name}({', '.join(map(_shown, args))})"
    if len(text) > _LONGEST:
        text = f"{name}(#{hashlib.sha256(text.encode()).hexdigest()[:12]})"
    return {"text": text, "items": [f"{text}.{index}" for index in range(ITEMS)]}


def _shown(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"text", "items"}:
        return f"<{value['text']}>"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_shown(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        text = ", ".join(map(_shown, value))
        return f"({text})" if isinstance(value, tuple) else f"[{text}]"
    return str(value)
