"""Writes outputs of either system as plain JSON, to compare them. It imports neither system."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import os
from typing import Any


def keeps_results(program: str) -> bool:
    """Return whether the tasks of a program keep results from run to run, by the name of the program."""
    return "cached" in program


def plain(value: Any) -> Any:
    """Return a value as JSON. Values of different types never look the same."""
    if isinstance(value, enum.Enum):
        return {"enum": value.value}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "_fields"):
        return {name: plain(getattr(value, name)) for name in value._fields}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, tuple):
        return {"tuple": [plain(each) for each in value]}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: plain(each) for key, each in value.items()}
        return {"dict": [[plain(key), plain(each)] for key, each in value.items()]}
    if isinstance(value, datetime.datetime | datetime.timedelta | datetime.date):
        return {type(value).__name__: str(value)}
    return _plain_object(value)


def _plain_object(value):
    if dataclasses.is_dataclass(value) and type(value).__name__ not in ("FlyteFile", "FlyteDirectory"):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if hasattr(value, "__fspath__"):
        path = os.fspath(value)
        if os.path.isdir(path):
            return {"directory": {name: _content(path, name) for name in sorted(os.listdir(path))}}
        return {"file": _content(path)}
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return {"frame": value.to_dict(orient="list")}
    if hasattr(value, "tolist"):
        return {"array": value.tolist()}
    return {type(value).__name__: repr(value)}


def _content(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read().decode("utf-8", "backslashreplace")
