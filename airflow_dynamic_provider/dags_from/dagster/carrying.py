"""The form in which a value without a declared type travels from op to op: as data that says its kind.

JSON's own types are stored as they are, and what Airflow brings back unchanged as Airflow stores it. Tuples,
bytes, paths, sets, dicts with other keys, dataclasses, models and enums are objects that name their kind.
Such an object names a class as the module of the producing op knows it: a reader looks the name up in that
module and imports nothing.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import pathlib
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.config_forms import is_pythonic
from airflow_dynamic_provider.definitions.codecs.codec import MisfitError, encode_exactly
from airflow_dynamic_provider.definitions.codecs.making import codec_of
from airflow_dynamic_provider.errors import LayoutError, UnstorableOutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The field that says the kind of a value.
KIND = "$kind"

_SCALARS = (str, int, float, bool, type(None))
_LISTS: dict[str, type] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def pack(value: Any, known: Mapping[str, Any]) -> Any:
    """Return the form in which a value is stored.

    Args:
        value: The value.
        known: Name -> class, and whatever else the module of the producing op defines.

    Raises:
        UnstorableOutputError: It is an object of a class that the module does not know, or that has no form.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is list:
        return [pack(each, known) for each in value]
    if kind is dict:
        if all(type(key) is str for key in value) and KIND not in value:
            return {key: pack(each, known) for key, each in value.items()}
        items = [[pack(key, known), pack(each, known)] for key, each in value.items()]
        return {KIND: "dict", "items": items}
    if kind.__name__ in _LISTS and kind in _LISTS.values():
        return {KIND: kind.__name__, "items": [pack(each, known) for each in value]}
    if kind in (bytes, bytearray):
        return {KIND: kind.__name__, "base64": base64.b64encode(value).decode()}
    if isinstance(value, pathlib.PurePath):
        return {KIND: "path", "text": str(value), "pure": not isinstance(value, pathlib.Path)}
    if _has_form(value):
        return {KIND: "object", "class": _name_of(kind, known), "form": _encoded(value, kind)}
    # A table is not stored twice to see whether Airflow can store it.
    return value if hasattr(value, "to_parquet") else _checked(value)


def _checked(value: Any) -> Any:
    """Return a value that Airflow can store."""
    from airflow_dynamic_provider.airflow_adapter.xcom import serialize

    try:
        serialize(value)
    except UnstorableOutputError as error:
        raise UnstorableOutputError(
            error.message, remedy="Give plain data, or declare Out(io_manager_key=...) for the output."
        ) from error
    return value


def unpack(stored: Any, known: Mapping[str, Any]) -> Any:
    """Return the value that was stored.

    Raises:
        LayoutError: The module does not have its class any more, or the class has changed.
    """
    if type(stored) is list:
        return [unpack(each, known) for each in stored]
    if type(stored) is not dict:
        return stored
    if KIND not in stored:
        return {key: unpack(each, known) for key, each in stored.items()}
    return _READERS[stored[KIND]](stored, known)


def _unpack_object(stored: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    found: Any = known.get(stored["class"])
    try:
        if found is None:
            raise MisfitError("the module of the producing op has no such class")
        return codec_of(found).decode(stored["form"])
    except MisfitError as error:
        raise LayoutError(
            f"a stored object of the class {stored['class']!r} cannot be read: {error}",
            remedy="Clear the task that produces it, with its downstream tasks, or restore the class.",
        ) from error


def _unpack_path(stored: Mapping[str, Any], _known: Mapping[str, Any]) -> Any:
    return (pathlib.PurePath if stored["pure"] else pathlib.Path)(stored["text"])


def _unpack_list(stored: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    return _LISTS[stored[KIND]](unpack(each, known) for each in stored["items"])


def _unpack_dict(stored: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    return {unpack(key, known): unpack(each, known) for key, each in stored["items"]}


_READERS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]] = {
    "bytearray": lambda stored, _known: bytearray(base64.b64decode(stored["base64"])),
    "bytes": lambda stored, _known: base64.b64decode(stored["base64"]),
    "dict": _unpack_dict,
    "object": _unpack_object,
    "path": _unpack_path,
    **dict.fromkeys(_LISTS, _unpack_list),
}


def _has_form(value: Any) -> bool:
    is_named_tuple = isinstance(value, tuple) and hasattr(value, "_fields")
    is_data = dataclasses.is_dataclass(value) or isinstance(value, enum.Enum)
    return is_named_tuple or is_data or is_pythonic(type(value))


def _name_of(cls: type, known: Mapping[str, Any]) -> str:
    name = next((name for name, each in known.items() if each is cls), None)
    if name is None:
        raise UnstorableOutputError(
            f"the class {cls.__qualname__!r} is not defined in, or imported by, the module of the op",
            remedy="Define or import it there, or declare Out(io_manager_key=...) for the output.",
        )
    return name


def _encoded(value: Any, cls: type) -> Any:
    try:
        return encode_exactly(codec_of(cls), value)
    except MisfitError as error:
        raise UnstorableOutputError(
            f"an object of the class {cls.__qualname__!r} would not come back as it is: {error}",
            remedy="Declare the types of its fields, or declare Out(io_manager_key=...) for the output.",
        ) from error
