"""Compares a value with its copy after storing and reading, because Airflow's serialization changes some.

It converts the keys of a dict to strings, a subclass of dict, list or str to its base, a named tuple to a
tuple, and the contents of a dataclass to dicts. It raises no error, so a reader gets a different value.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SEQUENCES = frozenset({list, tuple})
_SETS = frozenset({set, frozenset})

#: The remedy if no other is known.
PLAIN_DATA = "Produce plain data, or a path or address where the data is stored."


class Change(NamedTuple):
    """A part of a value that comes back changed.

    Attributes:
        place: Its place in the value, in Python's syntax; empty for the value itself.
        problem: What it is, and what comes back.
        remedy: What to do, as a full sentence.
    """

    place: str
    problem: str
    remedy: str


def find_change(value: Any, back: Any, is_same: Callable[[Any, Any], bool], place: str = "") -> Change | None:
    """Return the first part of a value that came back changed, ``None`` if nothing changed.

    Args:
        value: The value.
        back: The value that came back.
        is_same: Returns whether two objects of one class are equal, if their parts are not known.
        place: The place of both in the whole value.
    """
    kind = type(value)
    if kind is dict and (keys := [key for key in value if type(key) is not str]):
        return _changed(
            place,
            f"the key {_shown(keys[0])} comes back as {_shown(str(keys[0]))}",
            "Use strings as the keys of the dict, or produce a list of [key, value] pairs.",
        )
    if type(back) is not kind:
        return _unlike(value, back, place)
    if kind in _SETS:
        return None if _are_alike(value, back, is_same) else _unlike(value, back, place)
    mine, others = _parts(value), _parts(back)
    if mine is None or others is None:
        return None if is_same(value, back) else _unlike(value, back, place)
    if mine.keys() != others.keys():
        return _unlike(value, back, place)
    for part, each in mine.items():
        if (found := find_change(each, others[part], is_same, place + part)) is not None:
            return found
    return None


def remedy_of_unreadable(value: Any) -> str:
    """Return the remedy for a value that can be stored, but not read."""
    todo = [value]
    while todo:
        each = todo.pop()
        if isinstance(each, datetime) and isinstance(each.tzinfo, timezone):
            return "Convert it with .astimezone(timezone.utc), or produce its .isoformat()."
        todo += (_parts(each) or {}).values()
    return PLAIN_DATA


def _parts(value: Any) -> dict[str, Any] | None:
    """Return the place of each part of a value -> the part, ``None`` if the parts are not known."""
    kind = type(value)
    if kind is dict:
        return {f"[{key!r}]": each for key, each in value.items()}
    if kind in _SEQUENCES:
        return {f"[{index}]": each for index, each in enumerate(value)}
    if dataclasses.is_dataclass(kind) and not hasattr(kind, "serialize"):
        compared = [each.name for each in dataclasses.fields(kind) if each.compare]
        return {f".{name}": getattr(value, name) for name in compared}
    return None


def _are_alike(value: Any, back: Any, is_same: Callable[[Any, Any], bool]) -> bool:
    """Return whether two sets have the same members, of the same classes."""
    if _typed(value) != _typed(back):
        return False
    found = {each: each for each in back}
    return all(is_same(each, found[each]) for each in value)


def _typed(members: Iterable[Any]) -> set[tuple[type, Any]]:
    """Return the members of a set with their classes, because a named tuple is equal to a tuple."""
    return {(type(each), each) for each in members}


def _remedy(value: Any) -> str:
    if dataclasses.is_dataclass(value):
        return "Add serialize() and deserialize() to the class around it, or produce dicts."
    if isinstance(value, tuple):
        return "Produce a dataclass, a dict or a plain tuple."
    if isinstance(value, dict):
        return "Produce a plain dict; it keeps the order of its keys."
    return "Convert it to plain data before it is produced, and back where it is used."


def _unlike(value: Any, back: Any, place: str) -> Change:
    return _changed(place, f"{_shown(value)} comes back as {_shown(back)}", _remedy(value))


def _changed(place: str, problem: str, remedy: str) -> Change:
    return Change(place, f"{problem}{f', at {place}' if place else ''}", remedy)


def _shown(value: Any) -> str:
    shown = repr(value)
    return f"{shown if len(shown) <= 80 else shown[:77] + '...'} of type {type(value).__name__}"
