"""How a database changes JSON."""

from __future__ import annotations

import json
from typing import Any


def stored(document: Any) -> Any:
    """Return a document as read from a database that does not keep the order of an object's keys.

    MySQL's ``JSON`` and PostgreSQL's ``jsonb`` sort them by length, then by bytes. Lists keep their order.
    """
    return json.loads(json.dumps(_sorted(document), allow_nan=False))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: _sorted(value[key]) for key in keys}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value
