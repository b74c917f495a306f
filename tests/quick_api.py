"""Has FastAPI take each dependency of a route apart once, in place of once for each request.

Airflow's in-process API overrides its dependencies, and FastAPI then inspects the signature of every
dependency again whenever a request comes. This was a third of the time of the tests that run Dags in one
process. An override stays one: FastAPI looks it up before it asks.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType


def install() -> None:
    """Have FastAPI remember what it found, in this process."""
    when_imported("fastapi.dependencies.utils")(_remember)


def _remember(utils: ModuleType) -> None:
    take_apart = utils.get_dependant
    known: dict[Any, Any] = {}

    @functools.wraps(take_apart)
    def remember(**asked: Any) -> Any:
        scopes = {name: tuple(value) for name, value in asked.items() if isinstance(value, list)}
        question = frozenset({**asked, **scopes}.items())
        if question not in known:
            known[question] = take_apart(**asked)
        return known[question]

    utils.get_dependant = remember  # type: ignore[attr-defined]
