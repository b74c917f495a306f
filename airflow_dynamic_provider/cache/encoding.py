"""Turns values into bytes. A value becomes the same bytes in every process, and no other value becomes them.

Each value becomes a letter for its kind, the length of its content, and its content. So no two values become
the same bytes, and the order of dicts and sets, hash seeds and versions of Python do not matter.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from airflow_dynamic_provider.definitions.cache import FileContent
from airflow_dynamic_provider.definitions.classes import is_class

#: The length of a digest, in bytes. Two different inputs have the same one with a probability of 2 ** -128.
_DIGEST_BYTES = 32

#: How much of a file is read at once, in bytes.
_PIECE = 1 << 20


class UnhashableError(TypeError):
    """A value has no bytes that identify it. The message says which part of it, and why."""


def digest(value: Any) -> str:
    """Return the digest of a value, in hexadecimal.

    Raises:
        UnhashableError: The value, or something in it, has no bytes that identify it.
    """
    return hashlib.blake2b(encode(value), digest_size=_DIGEST_BYTES).hexdigest()


def encode(value: Any) -> bytes:
    """Return the bytes of a value.

    Raises:
        UnhashableError: The value, or something in it, has no bytes that identify it.
    """
    try:
        return _encode(value)
    except RecursionError:
        raise UnhashableError("it is nested too deeply, or contains itself") from None


def _encode(value: Any) -> bytes:
    for kinds, encoder in _ENCODERS:
        if isinstance(value, kinds):
            return encoder(value)
    return _encode_object(value)


def _tagged(letter: str, content: bytes) -> bytes:
    return b"%s%d:%s" % (letter.encode(), len(content), content)


def _text(letter: str, text: str) -> bytes:
    return _tagged(letter, text.encode("utf-8", "surrogatepass"))


def _many(letter: str, values: Iterable[Any]) -> bytes:
    return _tagged(letter, b"".join(map(_encode, values)))


def _encode_enum(value: Enum) -> bytes:
    return _text("e", f"{_name_of(type(value))}.{value.name}")


def _encode_float(value: float) -> bytes:
    # The hexadecimal form is exact. All values that are not a number are alike.
    return _text("f", float(value).hex())


def _encode_datetime(value: datetime) -> bytes:
    if value.tzinfo is None or value.utcoffset() is None:
        return _text("n", value.replace(tzinfo=None).isoformat())
    # The offset counts, because a function may show the time as it is written.
    return _text("z", f"{value.astimezone(timezone.utc).isoformat()} {value.utcoffset()}")


def _encode_mapping(value: Mapping[Any, Any]) -> bytes:
    pairs = sorted((_encode(key), _encode(each)) for key, each in value.items())
    return _tagged("d", b"".join(key + each for key, each in pairs))


def _encode_set(value: Set[Any]) -> bytes:
    return _tagged("s", b"".join(sorted(map(_encode, value))))


def _encode_tuple(value: tuple[Any, ...]) -> bytes:
    if hasattr(value, "_fields"):
        return _encode_fields(value, zip(value._fields, value, strict=True))
    return _many("t", value)


def _encode_fields(value: object, fields: Iterable[tuple[str, Any]]) -> bytes:
    return _tagged("o", _text("u", _name_of(type(value))) + _encode_mapping(dict(fields)))


def _encode_object(value: Any) -> bytes:
    """Encode an object by its fields, if its class says that they are all that counts."""
    kind = type(value)
    if is_class(value):
        raise UnhashableError(f"it contains the class {value.__qualname__!r}")
    if callable(own := getattr(kind, "__cache_key__", None)):
        return _tagged("k", _text("u", _name_of(kind)) + _encode(own(value)))
    # Airflow's own objects, such as the task instance, are of one run, and no other run would have them.
    if kind.__module__.partition(".")[0] != "airflow":
        if dataclasses.is_dataclass(kind):
            return _encode_fields(
                value, [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
            )
        if (fields := getattr(kind, "__pydantic_fields__", None)) is not None:
            extra = getattr(value, "__pydantic_extra__", None) or {}
            return _encode_fields(value, [*((name, getattr(value, name)) for name in fields), *extra.items()])
    raise UnhashableError(f"it contains an object of type {kind.__module__}.{kind.__qualname__}")


def _name_of(kind: type) -> str:
    # The module of a Dag file has a name that depends on where the file is.
    return kind.__qualname__


def _encode_file(value: FileContent) -> bytes:
    return _tagged("c", digest_of_files(value.path))


def digest_of_files(path: str) -> bytes:
    """Return the digest of a file's content, or of the names and contents of all files below a directory.

    Args:
        path: A path, or a URL that `ObjectStoragePath` accepts.

    Raises:
        UnhashableError: There is nothing at this path, or it cannot be read.
    """
    try:
        return _digest_of_url(path) if "://" in path else _digest_of_path(path)
    except OSError as error:
        raise UnhashableError(f"the content of {path!r} cannot be read: {error}") from error


def _digest_of_path(path: str) -> bytes:
    if not os.path.isdir(path):
        return _digest_of_file(Path(path))
    whole = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(folder, name)
            whole.update(_text("u", os.path.relpath(file, path).replace(os.sep, "/")))
            whole.update(_digest_of_file(Path(file)))
    return b"/" + whole.digest()


def _digest_of_url(url: str) -> bytes:
    # Imported only here: most files are on the disk.
    from airflow.sdk import ObjectStoragePath

    return _digest_of_file(ObjectStoragePath(url))


def _digest_of_file(path: Any) -> bytes:
    found = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.digest()


#: Kinds of values, the narrower before the wider, and what encodes them.
_ENCODERS: tuple[tuple[Any, Callable[[Any], bytes]], ...] = (
    (type(None), lambda _: b"0:"),
    (Enum, _encode_enum),
    (bool, lambda value: b"y:" if value else b"x:"),
    (int, lambda value: _text("i", format(int(value), "x"))),
    (float, _encode_float),
    (str, lambda value: _text("u", str(value))),
    ((bytes, bytearray), lambda value: _tagged("b", bytes(value))),
    (datetime, _encode_datetime),
    (date, lambda value: _text("D", value.isoformat())),
    (time, lambda value: _text("T", value.isoformat())),
    (timedelta, lambda value: _text("l", f"{value.days} {value.seconds} {value.microseconds}")),
    (Decimal, lambda value: _text("m", str(value))),
    (UUID, lambda value: _text("U", str(value))),
    (FileContent, _encode_file),
    (PurePath, lambda value: _text("p", str(value))),
    (tuple, _encode_tuple),
    (Mapping, _encode_mapping),
    (Set, _encode_set),
    (Sequence, lambda value: _many("a", value)),
)
