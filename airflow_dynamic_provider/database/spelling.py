"""Reads the keys that a command names: ``outer/inner``, as labels show them, or a JSON list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.errors import AmbiguousNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dynamic_provider.execution.spaces import KeyPath


def spell(path: KeyPath) -> str:
    """Return a key path as a JSON list, which is unambiguous, unlike ``outer/inner``."""
    return json.dumps(list(path), ensure_ascii=False)


def find_spelled(text: str, paths: Iterable[KeyPath]) -> KeyPath | None:
    """Return the key path that a string names; ``None`` if there is none.

    Raises:
        AmbiguousNameError: There are several, because a key may contain a slash.
    """
    listed = _read_list(text)
    found = [path for path in paths if path == listed or render_key(path) == text]
    if len(found) > 1:
        raise AmbiguousNameError(
            f"several keys are written {text!r}: {', '.join(map(spell, found))}",
            remedy="Write the key as one of these JSON lists.",
        )
    return found[0] if found else None


def _read_list(text: str) -> KeyPath | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return tuple(read) if isinstance(read, list) and all(isinstance(key, str) for key in read) else None


def find_all_spelled(texts: Iterable[str], paths: Iterable[KeyPath]) -> tuple[list[KeyPath], list[str]]:
    """Return the key paths that many strings name, each once, and the strings that name none.

    A string that names several keys, because a key may contain a slash, names none.
    """
    named: dict[str, KeyPath | None] = {}
    known = set(paths)
    for path in known:
        text = render_key(path)
        named[text] = None if text in named else path
    found: dict[KeyPath, None] = {}
    missing: dict[str, None] = {}
    for text in texts:
        listed = _read_list(text)
        of_text = listed if listed in known else named.get(text)
        if of_text is None:
            missing[text] = None
        else:
            found[of_text] = None
    return list(found), list(missing)
