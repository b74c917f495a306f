"""Key paths in addresses: JSON lists, because a key may hold any character that could divide them."""

from __future__ import annotations

import json

from fastapi import HTTPException


def read_key_path(text: str) -> tuple[str, ...]:
    """Return a key path; empty for an empty text.

    Raises:
        HTTPException: It is no JSON list of texts.
    """
    try:
        path = json.loads(text or "[]")
    except (ValueError, RecursionError):
        path = None
    if not isinstance(path, list) or not all(isinstance(key, str) for key in path):
        raise HTTPException(422, 'A key path is a JSON list of texts, such as ["outer", "inner"].')
    return tuple(path)
