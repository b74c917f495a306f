"""The codecs of values that contain no others: dates, numbers, bytes, paths, members of enums."""

from __future__ import annotations

import base64
import enum
import pathlib
import uuid
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.codecs.codec import SCALARS, Codec, MisfitError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

_CONTAINERS = (dict, list)


class Leaf(Codec):
    """Converts the objects of one class.

    An object of a subclass stays as it is, for Airflow's own serializer: it may know the subclass.

    Args:
        cls: The declared class.
        write: Returns the JSON of an object; ``None`` if it has none.
        read: Returns the object of a JSON.
        own: The classes of the objects that ``write`` takes; by default only the declared class.
    """

    def __init__(
        self,
        cls: type,
        write: Callable[[Any], Any],
        read: Callable[[Any], Any],
        own: frozenset[type] | None = None,
    ) -> None:
        super().__init__(cls.__name__)
        self._class = cls
        self._write = write
        self._read = read
        self._own = frozenset({cls}) if own is None else own

    def accepts(self, value: Any) -> bool:
        """Return whether a value is of the class."""
        return isinstance(value, self._class)

    def encode(self, value: Any) -> Any:
        """Return the JSON of a value."""
        if not isinstance(value, self._class):
            raise self.refuse(value)
        form = self._write(value) if type(value) in self._own else None
        return value if form is None else form

    def decode(self, form: Any) -> Any:
        """Return the value of a JSON."""
        if isinstance(form, self._class):
            return form
        try:
            return self._read(form)
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise self.misread(form) from error


class EnumCodec(Codec):
    """Converts the members of an enum to their names, and combinations of flags to their numbers.

    Args:
        cls: The enum.
    """

    has_classes = True

    def __init__(self, cls: type[enum.Enum]) -> None:
        super().__init__(cls.__qualname__)
        self._class = cls
        self._is_flag = issubclass(cls, enum.Flag)

    def accepts(self, value: Any) -> bool:
        """Return whether a value is a member."""
        return type(value) is self._class

    def encode(self, value: Any) -> Any:
        """Return the name, or the number, of a member."""
        if not isinstance(value, self._class):
            raise self.refuse(value)
        return value.value if self._is_flag else value.name

    def decode(self, form: Any) -> Any:
        """Return the member with a name or a number."""
        try:
            return self._class(form) if self._is_flag else self._class[form]
        except (KeyError, ValueError) as error:
            raise self.misread(form) from error


class PydanticCodec(Codec):
    """Converts the objects of a class that pydantic knows, such as an IP address or a URL.

    Args:
        name: The type, for messages.
        cls: The class.
        adapter: Pydantic's adapter for the type.
    """

    def __init__(self, name: str, cls: type, adapter: Any) -> None:
        super().__init__(name)
        self._class = cls
        self._adapter = adapter

    def accepts(self, value: Any) -> bool:
        """Return whether a value is of the class."""
        return isinstance(value, self._class)

    def encode(self, value: Any) -> Any:
        """Return the JSON of a value."""
        if not self.accepts(value):
            raise self.refuse(value)
        try:
            form = self._adapter.dump_python(value, mode="json", warnings="error")
            back = self.decode(form)
        except ValueError as error:
            raise MisfitError(f"{shown(value)} has no JSON that brings it back: {error}") from error
        if type(back) is not type(value) or back != value:
            raise MisfitError(f"{shown(value)} comes back as {shown(back)}")
        return form

    def decode(self, form: Any) -> Any:
        """Return the value of a JSON."""
        import json

        try:
            return self._adapter.validate_json(json.dumps(form), strict=True)
        except ValueError as error:
            raise self.misread(form) from error


def _write_datetime(value: datetime) -> Any:
    zone = value.tzinfo
    named: dict[str, Any] = {}
    if _is_offset(zone):
        # A time zone with a name of its own would lose the name.
        if type(zone) is timezone and repr(zone) != repr(_offset(zone)):
            return None
    elif zone is not None:
        # Not imported, because that loads much, and a value with such a zone has imported it.
        key = getattr(zone, "key", None) if type(zone).__module__ == "zoneinfo" else None
        if key is None:
            return None
        named = {"zone": key}
    if value.fold:
        named["fold"] = value.fold
    return {"at": value.isoformat(), **named} if named else value.isoformat()


def _is_offset(zone: tzinfo | None) -> bool:
    """Return whether a time zone is a fixed offset: Python's, or the one that pydantic makes of JSON."""
    kind: Any = type(zone)
    return kind is timezone or (kind.__module__.startswith("pydantic_core") and kind.__name__ == "TzInfo")


def _offset(zone: timezone) -> timezone:
    offset = zone.utcoffset(None)
    return timezone(offset) if offset else timezone.utc


def _read_datetime(form: Any) -> datetime:
    if isinstance(form, str):
        return datetime.fromisoformat(form)
    at = datetime.fromisoformat(form["at"])
    if "zone" in form:
        # Imported here, because few values have a zone with a name.
        from zoneinfo import ZoneInfo

        at = at.replace(tzinfo=ZoneInfo(form["zone"]))
    return at.replace(fold=form.get("fold", 0))


def _write_time(value: time) -> Any:
    if value.fold or not (value.tzinfo is None or _is_offset(value.tzinfo)):
        return None
    return value.isoformat()


def _write_bytes(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


def _read_bytes(form: Any) -> bytes:
    return base64.b64decode(form, validate=True)


def _path(cls: type[pathlib.PurePath]) -> Leaf:
    return Leaf(cls, str, lambda form: cls(_text(form)), _PATHS)


def _text(form: Any) -> str:
    if not isinstance(form, str):
        raise TypeError(f"{form!r} is not a string")
    return form


_PATHS = frozenset({pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath})

#: Class -> its codec.
LEAVES: dict[type, Leaf] = {
    datetime: Leaf(datetime, _write_datetime, _read_datetime),
    date: Leaf(date, date.isoformat, date.fromisoformat),
    time: Leaf(time, _write_time, time.fromisoformat),
    timedelta: Leaf(
        timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda form: timedelta(*form),
    ),
    Decimal: Leaf(Decimal, str, lambda form: Decimal(_text(form))),
    complex: Leaf(complex, lambda value: [value.real, value.imag], lambda form: complex(*form)),
    bytes: Leaf(bytes, _write_bytes, _read_bytes),
    bytearray: Leaf(bytearray, _write_bytes, lambda form: bytearray(_read_bytes(form))),
    uuid.UUID: Leaf(uuid.UUID, str, lambda form: uuid.UUID(_text(form))),
    **{cls: _path(cls) for cls in (pathlib.Path, pathlib.PurePath, *_PATHS)},
}

assert not SCALARS & LEAVES.keys()
