"""The pydantic adapters that convert values of a declared type to JSON and back."""

from __future__ import annotations

import functools
import typing
from datetime import datetime, timezone
from typing import Any


def adapter_of(hint: Any) -> Any:
    """Return the adapter of a type."""
    try:
        return _cached(hint)
    except TypeError:
        # An annotation with an unhashable part.
        return _make(hint)


@functools.lru_cache(maxsize=256)
def _cached(hint: Any) -> Any:
    return _make(hint)


def _make(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_converted(hint))


def _converted(hint: Any) -> Any:
    """Return the annotation with the conversions that flytekit makes."""
    from pydantic import AfterValidator

    if hint is datetime:
        return typing.Annotated[datetime, AfterValidator(_aware)]
    if hint is dict:
        return dict[Any, Any]
    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if origin in (list, dict) and items:
        return origin[tuple(_converted(item) for item in items)]
    if origin is typing.Union:
        return typing.Union[tuple(_converted(item) for item in items)]  # noqa: UP007
    return hint


def _aware(value: datetime) -> datetime:
    # As in flytekit, a time without a zone is UTC.
    return value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
