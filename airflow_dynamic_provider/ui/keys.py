"""Reads key paths in URLs: JSON lists, because a key may contain any possible separator."""

from __future__ import annotations

import json

from fastapi import HTTPException


def read_key_path(text: str) -> tuple[str, ...]:
    """Return a key path; empty for an empty string.

    Raises:
        HTTPException: It is not a JSON list of strings.
    """
    try:
        path = json.loads(text or "[]")
    except (ValueError, RecursionError):
        path = None
    if not isinstance(path, list) or not all(isinstance(key, str) for key in path):
        raise HTTPException(422, 'A key path is a JSON list of strings, such as ["outer", "inner"].')
    return tuple(path)
