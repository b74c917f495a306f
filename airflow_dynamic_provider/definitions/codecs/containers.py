"""The codecs of containers: lists, tuples, sets and dicts."""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.codecs.codec import Codec, MisfitError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


class Items(Codec):
    """Converts a list, a set, or a tuple of any length to a list.

    Args:
        name: The type, for messages.
        kind: The class of the container.
        item: The codec of the items.
    """

    def __init__(self, name: str, kind: Callable[[Iterable[Any]], Any], item: Codec) -> None:
        super().__init__(name)
        self._kind = kind
        self._item = item
        self.has_classes = item.has_classes
        self.is_identity = kind is list and item.is_identity

    def accepts(self, value: Any) -> bool:
        """Return whether a value is such a container."""
        return type(value) is self._kind

    def encode(self, value: Any) -> Any:
        """Return the items in a list. Those of a set are sorted, because a set has no order."""
        if type(value) is not self._kind:
            raise self.refuse(value)
        if self._kind in (set, frozenset):
            return sorted((convert_part(self._item.encode, each, "") for each in value), key=_sorted_by)
        if isinstance(value, deque) and value.maxlen is not None:
            raise MisfitError(f"{shown(value)} would lose its maxlen")
        return [convert_part(self._item.encode, each, f"[{at}]") for at, each in enumerate(value)]

    def decode(self, form: Any) -> Any:
        """Return the container."""
        if not isinstance(form, list):
            raise self.misread(form)
        return self._kind(convert_part(self._item.decode, each, f"[{at}]") for at, each in enumerate(form))


class Tuple(Codec):
    """Converts a tuple of known length to a list.

    Args:
        name: The type, for messages.
        items: The codec of each item.
    """

    def __init__(self, name: str, items: Sequence[Codec]) -> None:
        super().__init__(name)
        self._items = items
        self.has_classes = any(each.has_classes for each in items)

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a tuple of this length."""
        return type(value) is tuple and len(value) == len(self._items)

    def encode(self, value: Any) -> Any:
        """Return the items in a list."""
        if not self.accepts(value):
            raise self.refuse(value)
        pairs = zip(self._items, value, strict=True)
        return [convert_part(codec.encode, each, f"[{at}]") for at, (codec, each) in enumerate(pairs)]

    def decode(self, form: Any) -> Any:
        """Return the tuple."""
        if not isinstance(form, list) or len(form) != len(self._items):
            raise self.misread(form)
        pairs = zip(self._items, form, strict=True)
        return tuple(convert_part(codec.decode, each, f"[{at}]") for at, (codec, each) in enumerate(pairs))


class Dict(Codec):
    """Converts a dict to an object of JSON, or to pairs if a key is not a string or the order counts.

    Args:
        name: The type, for messages.
        kind: The class: ``dict`` or ``OrderedDict``.
        key: The codec of the keys.
        value: The codec of the values.
    """

    def __init__(self, name: str, kind: type[dict[Any, Any]], key: Codec, value: Codec) -> None:
        super().__init__(name)
        self._kind = kind
        self._key = key
        self._value = value
        self.has_classes = key.has_classes or value.has_classes

    def accepts(self, value: Any) -> bool:
        """Return whether a value is such a dict."""
        return type(value) is self._kind

    def encode(self, value: Any) -> Any:
        """Return an object or a list of pairs, in the order of the dict."""
        if not self.accepts(value):
            raise self.refuse(value)
        # PostgreSQL does not keep the order of an object.
        if self._kind is dict and self._key.is_identity and all(type(key) is str for key in value):
            return {key: convert_part(self._value.encode, each, f"[{key!r}]") for key, each in value.items()}
        return [
            [convert_part(self._key.encode, key, ""), convert_part(self._value.encode, each, f"[{key!r}]")]
            for key, each in value.items()
        ]

    def decode(self, form: Any) -> Any:
        """Return the dict."""
        if isinstance(form, dict):
            return self._kind(
                {key: convert_part(self._value.decode, each, f"[{key!r}]") for key, each in form.items()}
            )
        if not isinstance(form, list) or not all(isinstance(each, list) and len(each) == 2 for each in form):
            raise self.misread(form)
        pairs = ((convert_part(self._key.decode, key, ""), key, each) for key, each in form)
        return self._kind(
            (back, convert_part(self._value.decode, each, f"[{key!r}]")) for back, key, each in pairs
        )


class Fields(Codec):
    """Converts a `TypedDict` to an object of JSON.

    Args:
        name: The type, for messages.
        fields: Returns key -> codec. A key that is not declared stays as it is.
    """

    def __init__(self, name: str, fields: Callable[[], Mapping[str, Codec]]) -> None:
        super().__init__(name)
        # A field may have the dict itself as its type, so the codecs are made when they are needed.
        self._fields = fields

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a dict."""
        return type(value) is dict and all(type(key) is str for key in value)

    def encode(self, value: Any) -> Any:
        """Return the object."""
        if not self.accepts(value):
            raise self.refuse(value)
        fields = self._fields()
        return {
            key: convert_part(fields[key].encode, each, f"[{key!r}]") if key in fields else each
            for key, each in value.items()
        }

    def decode(self, form: Any) -> Any:
        """Return the dict."""
        if not isinstance(form, dict):
            raise self.misread(form)
        fields = self._fields()
        return {
            key: convert_part(fields[key].decode, each, f"[{key!r}]") if key in fields else each
            for key, each in form.items()
        }


def convert_part(convert: Callable[[Any], Any], part: Any, place: str) -> Any:
    """Return a part of a value or a JSON after its conversion. An error names its place."""
    try:
        return convert(part)
    except MisfitError as error:
        raise error.inside(place) from error.__cause__


def _sorted_by(form: Any) -> str:
    return json.dumps(form, sort_keys=True, default=repr)


#: The classes that `Items` and `Dict` convert.
ITEM_KINDS: tuple[Any, ...] = (list, set, frozenset, deque)
DICT_KINDS: tuple[Any, ...] = (dict, OrderedDict)
