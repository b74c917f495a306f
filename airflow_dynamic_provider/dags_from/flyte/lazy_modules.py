"""``lazy_module``: a package that is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import Any


class _Lazy:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


def lazy_module(module_name: str) -> Any:
    """Return an object that stands for a package, and imports it when it is first used.

    Args:
        module_name: The name of the package.
    """
    return _Lazy(module_name)
