"""Bodies of workflows as plain values, and the behaviour of their tasks.

A task returns its name and its arguments as a string, and two items. So a value from a wrong node, or a wrong
part of a value, can be recognized.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The number of items in a task's value.
ITEMS = 2

#: The maximum length of the string in a value.
_LONGEST = 80


@dataclass(frozen=True)
class Of:
    """The value of a statement: all of it, or the string or one item of a task's value."""

    name: str
    part: int | str | None = None


@dataclass(frozen=True)
class Given:
    """An argument of the body. It is a native value."""

    index: int


@dataclass(frozen=True)
class Several:
    """A container of values: "list", "tuple" or "dict"."""

    values: tuple[Value, ...]
    form: str = "list"


#: A string is a constant.
Value = Of | Given | Several | str


@dataclass(frozen=True)
class Work:
    """A task."""

    name: str
    args: tuple[Value, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """Another workflow. It is planned at once if its arguments are native, else when they exist."""

    name: str
    body: Body
    args: tuple[Value, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Each:
    """A `map_task` over a number of constants, or over the items of a task's value."""

    name: str
    over: int | str
    args: tuple[Value, ...] = ()
    after: tuple[str, ...] = ()
    concurrency: int | None = None
    ratio: Fraction = Fraction(1)


Statement = Work | Call | Each


@dataclass(frozen=True)
class Body:
    """The statements of a workflow, and its return value."""

    statements: tuple[Statement, ...] = ()
    returns: Value = ""


#: Node -> "fail" or "skip", for those that do not succeed.
Table = dict[str, str]


@dataclass(frozen=True)
class Case:
    """A workflow and how it runs.

    Attributes:
        body: Its calls.
        table: The behaviour of its nodes.
        policy: The failure policy.
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
    """Return whether a node plans the statement when its inputs exist."""
    if isinstance(statement, Each):
        return isinstance(statement.over, str)
    return isinstance(statement, Call) and bool(used(statement))


def resolve(value: Value, given: Any, made: Mapping[str, Any]) -> Any:
    """Return a value with its references resolved.

    Args:
        value: The value.
        given: The arguments of the body.
        made: Name -> result of the statement: a promise in a body, the value itself in the oracle.
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
    """Return the value of a task for its arguments."""
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
