"""The declared types of the parts of a list, a tuple or a dict."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

from airflow_dynamic_provider.definitions.annotations import fields_of

# The class of a value -> the types that tell about the parts of such a value.
_KINDS: dict[type, tuple[Any, ...]] = {
    list: (list, Sequence, MutableSequence),
    tuple: (tuple,),
    dict: (dict, Mapping, MutableMapping),
}


class PartTypes:
    """The types of the parts of a list, of a tuple, or of a dict with strings as keys.

    Args:
        whole: The type of the list, tuple or dict.
    """

    def __init__(self, whole: Any) -> None:
        self._whole = whole

    @classmethod
    def of(cls, declared: Any, kind: type) -> PartTypes | None:
        """Return the types of the parts of a value, ``None`` if the declared type does not tell.

        Args:
            declared: The declared type of the value.
            kind: The class of the value: ``list``, ``tuple`` or ``dict``.
        """
        origin, arguments = typing.get_origin(declared), typing.get_args(declared)
        if origin is typing.Annotated:
            return cls.of(arguments[0], kind)
        if origin in (typing.Union, types.UnionType):
            found = [each for each in (cls.of(each, kind) for each in arguments) if each is not None]
            return found[0] if len(found) == 1 else None
        if kind is dict and hasattr(declared, "__total__"):
            return cls(declared)
        return cls(declared) if arguments and origin in _KINDS[kind] else None

    def at(self, step: int | str) -> Any:
        """Return the type of the part at an index or a key."""
        if hasattr(self._whole, "__total__"):
            return fields_of(self._whole).get(str(step), Any)
        arguments = typing.get_args(self._whole)
        if typing.get_origin(self._whole) is not tuple:
            return arguments[-1]
        if arguments[-1] is Ellipsis:
            return arguments[0]
        return arguments[int(step)] if int(step) < len(arguments) else Any
