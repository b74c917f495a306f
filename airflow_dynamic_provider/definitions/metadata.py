"""Metadata values: their kinds, the conversion of plain Python values, and their JSON form."""

from __future__ import annotations

import base64
import math
import numbers
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_dynamic_provider.errors import DynamicOutputsError, InvalidMetadataError, LayoutError

if TYPE_CHECKING:
    import builtins

Scalar = str | int | float | bool | None

# URL schemes with which a link can run code in the browser of a person who follows it.
_SCRIPT_SCHEMES = frozenset({"javascript", "vbscript", "data"})

# Leading bytes -> media type, for images given as bytes. A RIFF file may also be sound or film.
_IMAGE_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)

# The limits of integers in msgpack, in which a task sends its messages to Airflow.
_MIN_INT, _MAX_INT = -(2**63), 2**64 - 1

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@dataclass(frozen=True)
class MetadataValue:
    """One metadata value and its kind. Create it with the constructor of its kind.

    Plain Python values need no constructor: ``str`` becomes ``text``, ``int`` ``int``, ``float`` ``float``,
    ``bool`` ``bool``, ``None`` ``null``, a path object ``path``, a list or dict ``json``, a ``datetime`` with
    a time zone ``timestamp``, a ``date`` ``text``, and an Airflow asset ``asset``.

    Attributes:
        kind: The name of the constructor.
        value: The stored JSON value.

    Example:
        >>> MetadataValue.md("**12** rows").kind
        'md'
    """

    kind: str
    value: Any

    @staticmethod
    def text(text: str) -> MetadataValue:
        """Plain text."""
        return MetadataValue("text", _require_str("text", text))

    @staticmethod
    def url(url: str) -> MetadataValue:
        """A link. It must have a scheme. Schemes that run code in the viewer's browser are refused."""
        text = _require_str("url", url)
        try:
            scheme = urlsplit(text).scheme.lower()
        except ValueError as error:
            raise InvalidMetadataError(f"this is not a URL: {text!r} ({error})") from None
        if not scheme or scheme in _SCRIPT_SCHEMES:
            raise InvalidMetadataError(
                f"a URL needs a scheme that is safe to follow, received {text!r}",
                remedy='Write the whole address, such as "https://example.org/report".',
            )
        return MetadataValue("url", text)

    @staticmethod
    def path(path: str | os.PathLike[str]) -> MetadataValue:
        """A path in a file system."""
        return MetadataValue("path", _require_path("path", path))

    @staticmethod
    def notebook(path: str | os.PathLike[str]) -> MetadataValue:
        """The path of a notebook."""
        return MetadataValue("notebook", _require_path("notebook", path))

    @staticmethod
    def json(value: Any) -> MetadataValue:
        """Lists, dicts with ``str`` keys, and scalars, nested to any depth."""
        try:
            return MetadataValue("json", _to_json(value, "json"))
        except RecursionError:
            raise InvalidMetadataError(
                "JSON that contains itself, or is nested too deeply, cannot be stored"
            ) from None

    @staticmethod
    def md(markdown: str) -> MetadataValue:
        """Markdown, rendered (and sanitised) where it is shown."""
        return MetadataValue("md", _require_str("md", markdown))

    @staticmethod
    def int(value: builtins.int) -> MetadataValue:
        """A whole number."""
        return MetadataValue("int", _require_int("int", value))

    @staticmethod
    def float(value: builtins.float) -> MetadataValue:
        """A number. ``nan`` and the infinities are stored by name, because JSON does not have them."""
        return MetadataValue("float", _finite_or_name(_require_float("float", value)))

    @staticmethod
    def bool(value: builtins.bool) -> MetadataValue:
        """True or false."""
        return MetadataValue("bool", _require_bool(value))

    @staticmethod
    def timestamp(moment: datetime | builtins.float) -> MetadataValue:
        """A time: a ``datetime`` with a time zone, or seconds since 1970-01-01 UTC. It is stored in UTC."""
        return MetadataValue("timestamp", _require_moment(moment).isoformat())

    @staticmethod
    def table(
        records: Iterable[Mapping[str, Scalar]], *, columns: Iterable[str] | None = None
    ) -> MetadataValue:
        """Rows with named columns.

        Args:
            records: One mapping of column -> scalar for each row. A missing column is shown as empty.
            columns: The columns in order. By default they are those of the rows, in order of appearance.
        """
        if not isinstance(records, Iterable):
            raise _wrong("table", "rows that map column to value", records)
        rows = [_to_row(record) for record in records]
        known = list(dict.fromkeys(name for row in rows for name in row))
        names = known if columns is None else _to_columns(columns)
        if unknown := [name for name in known if name not in names]:
            raise InvalidMetadataError(
                f"a table with the columns {names} received rows with {unknown}",
                remedy="Name every column, or leave columns= out.",
            )
        return MetadataValue("table", {"columns": names, "rows": rows})

    @staticmethod
    def image(source: str | bytes, *, alt: str = "") -> MetadataValue:
        """An image: its URL, a ``data:image/`` URL, or the bytes of a PNG, JPEG, GIF or WebP image."""
        if isinstance(source, bytes):
            media_type = next((kind for start, kind in _IMAGE_SIGNATURES if start.match(source)), None)
            if media_type is None:
                raise _wrong("image", "the bytes of a PNG, JPEG, GIF or WebP image", source[:16])
            source = f"data:{media_type};base64,{base64.b64encode(source).decode()}"
        elif not _require_str("image", source).lower().startswith(("https://", "http://", "data:image/")):
            raise _wrong("image", "an http(s) or data:image/ URL, or bytes", source)
        return MetadataValue("image", {"source": source, "alt": _require_str("image", alt)})

    @staticmethod
    def asset(asset: Any) -> MetadataValue:
        """An Airflow asset, given as an object, a name or a URI."""
        if isinstance(asset, str) and asset:
            return MetadataValue("asset", {"name": asset, "uri": asset})
        if not _looks_like_asset(asset):
            raise _wrong("asset", "an Asset, or its name", asset)
        return MetadataValue("asset", {"name": asset.name, "uri": asset.uri})

    @staticmethod
    def dag_run(dag_id: str, run_id: str) -> MetadataValue:
        """A Dag run."""
        ids = {"dag_id": _require_str("dag_run", dag_id), "run_id": _require_str("dag_run", run_id)}
        return MetadataValue("dag_run", ids)

    @staticmethod
    def python_artifact(artifact: Callable[..., Any]) -> MetadataValue:
        """A function or class, stored as its module and name."""
        module, name = getattr(artifact, "__module__", None), getattr(artifact, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(name, str):
            raise _wrong("python_artifact", "a function or a class", artifact)
        return MetadataValue("python_artifact", {"module": module, "name": name})

    @staticmethod
    def null() -> MetadataValue:
        """No value, explicitly."""
        return MetadataValue("null", None)

    def to_json(self) -> dict[str, Any]:
        """Return the stored form, ``{"type": kind, "value": value}``."""
        return {"type": self.kind, "value": self.value}

    @classmethod
    def from_json(cls, stored: Any) -> MetadataValue:
        """Read the stored form.

        A kind that only a later release knows is kept, and shown as it is stored.

        Raises:
            LayoutError: The stored value has another shape.
        """
        is_shaped = isinstance(stored, Mapping) and {"type", "value"} <= set(stored)
        if not is_shaped or not isinstance(stored["type"], str):
            raise _not_stored("a stored metadata value", stored)
        return cls(stored["type"], stored["value"])


#: All kinds, which are the constructors of `MetadataValue`.
KINDS = frozenset(name for name, member in vars(MetadataValue).items() if isinstance(member, staticmethod))


def normalize_value(value: Any) -> MetadataValue:
    """Return ``value`` as a `MetadataValue`, of the kind that fits its Python type if it is a plain value.

    Raises:
        InvalidMetadataError: No kind fits.
    """
    if isinstance(value, MetadataValue):
        return value
    if value is None:
        return MetadataValue.null()
    # Assets come first, because an Airflow asset is also a path object, whose path is its URI.
    if _looks_like_asset(value):
        return MetadataValue.asset(value)
    for types, make in _NORMALIZERS:
        if isinstance(value, types):
            return make(value)
    raise InvalidMetadataError(
        f"no metadata kind fits {value!r} ({type(value).__name__})",
        remedy="Use a constructor of MetadataValue, such as MetadataValue.text(str(value)).",
    )


def normalize_metadata(metadata: Mapping[str, Any] | None) -> dict[str, MetadataValue]:
    """Return label -> `MetadataValue`.

    Raises:
        InvalidMetadataError: It is not a mapping, a label is not a non-empty ``str``, or no kind fits.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise InvalidMetadataError(
            f"metadata must be a dict, received {metadata!r} ({type(metadata).__name__})",
            remedy='Write metadata={"rows": 12}.',
        )
    normalized = {}
    for label, value in metadata.items():
        if not isinstance(label, str) or not label:
            raise InvalidMetadataError(
                f"a metadata label must be a non-empty str, received {label!r}",
                remedy="Convert it with str(...).",
            )
        if not _is_storable(label):
            raise InvalidMetadataError(f"a metadata label must be UTF-8 text without NUL, received {label!r}")
        try:
            normalized[str.__str__(label)] = normalize_value(value)
        except DynamicOutputsError as error:
            error.message = f"metadata {label!r}: {error.message}"
            raise
    return normalized


def metadata_to_json(metadata: Mapping[str, MetadataValue]) -> dict[str, Any]:
    """Return the stored form of label -> value."""
    return {label: value.to_json() for label, value in metadata.items()}


def metadata_from_json(stored: Any) -> dict[str, MetadataValue]:
    """Read the stored form of label -> value.

    Raises:
        LayoutError: The stored object has another shape.
    """
    if not isinstance(stored, Mapping):
        raise _not_stored("stored metadata", stored)
    return {label: MetadataValue.from_json(value) for label, value in stored.items()}


def _not_stored(noun: str, stored: object) -> LayoutError:
    # Imported here, because only a refusal needs it.
    from airflow_dynamic_provider.definitions.excerpts import excerpt

    return LayoutError(f"this is not {noun}: {excerpt(stored)}")


def _wrong(kind: str, wanted: str, received: object) -> InvalidMetadataError:
    return InvalidMetadataError(
        f"MetadataValue.{kind} takes {wanted}, received {received!r} ({type(received).__name__})"
    )


def _require_str(kind: str, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(kind, "a str", value)
    if not _is_storable(value):
        raise _wrong(kind, "UTF-8 text without NUL", value)
    return str.__str__(value)


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    # Airflow stores XComs as JSONB in PostgreSQL, which does not support NUL.
    return "\0" not in text


def _require_int(kind: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise _wrong(kind, "a whole number", value)
    number = int(value)
    if not _MIN_INT <= number <= _MAX_INT:
        # The number is not shown, because Python refuses to convert very long integers to strings.
        raise InvalidMetadataError(
            f"MetadataValue.{kind} takes whole numbers from -2**63 to 2**64 - 1, "
            "received one outside this range",
            remedy="Use MetadataValue.float(...), or MetadataValue.text(str(...)).",
        )
    return number


def _require_float(kind: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise _wrong(kind, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise InvalidMetadataError(
            f"MetadataValue.{kind} takes numbers that fit into a float, received a larger one",
            remedy="Use MetadataValue.text(str(...)).",
        ) from None


def _require_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("bool", "True or False", value)
    return value


def _require_moment(moment: object) -> datetime:
    if isinstance(moment, bool) or not isinstance(moment, (datetime, numbers.Real)):
        raise _wrong("timestamp", "a datetime, or seconds since 1970", moment)
    if isinstance(moment, datetime) and moment.utcoffset() is None:
        raise InvalidMetadataError(
            f"a timestamp needs a time zone, received {moment!r}",
            remedy="Use pendulum.now(), or datetime.now(timezone.utc).",
        )
    try:
        if isinstance(moment, datetime):
            return moment.astimezone(timezone.utc)
        return datetime.fromtimestamp(float(moment), timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise InvalidMetadataError("a timestamp must be between the years 1 and 9999, in UTC") from None


def _require_path(kind: str, value: str | os.PathLike[str]) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise _wrong(kind, "a str or a path object", value)
    return _require_str(kind, os.fspath(value))


def _finite_or_name(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return next(name for name, value in _NON_FINITE.items() if value == number or number != number)


def _to_scalar(value: Any, kind: str) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _require_str(kind, value)
    if isinstance(value, numbers.Integral):
        return _require_int(kind, value)
    if isinstance(value, numbers.Real):
        return _finite_or_name(_require_float(kind, value))
    raise _wrong(kind, "text, numbers, True, False and None", value)


def _to_json(value: Any, kind: str) -> Any:
    if isinstance(value, Mapping):
        return {_require_str(kind, key): _to_json(item, kind) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item, kind) for item in value]
    return _to_scalar(value, kind)


def _to_row(record: Any) -> dict[str, Scalar]:
    if not isinstance(record, Mapping):
        raise _wrong("table", "rows that map column to value", record)
    return {_require_str("table", name): _to_scalar(value, "table") for name, value in record.items()}


def _to_columns(columns: Any) -> list[str]:
    if isinstance(columns, str) or not isinstance(columns, Iterable):
        raise _wrong("table", "columns= as a list of names", columns)
    names = [_require_str("table", name) for name in columns]
    if len(set(names)) < len(names):
        raise _wrong("table", "columns= without repetition", names)
    return names


def _looks_like_asset(value: Any) -> bool:
    # Assets are recognized by their attributes, because this module must not import Airflow.
    return all(isinstance(getattr(value, attribute, None), str) for attribute in ("name", "uri"))


_NORMALIZERS: tuple[tuple[tuple[type, ...], Callable[[Any], MetadataValue]], ...] = (
    ((bool,), MetadataValue.bool),
    ((str,), MetadataValue.text),
    ((numbers.Integral,), MetadataValue.int),
    ((numbers.Real,), MetadataValue.float),
    ((datetime,), MetadataValue.timestamp),
    ((date,), lambda day: MetadataValue.text(day.isoformat())),
    ((os.PathLike,), MetadataValue.path),
    ((Mapping, list, tuple), MetadataValue.json),
)
