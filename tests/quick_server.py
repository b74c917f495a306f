"""Makes the API servers of the live tests answer with less processor time.

A route of Airflow names the same dependency up to ten times, once for each version of the API. FastAPI walks
all of them in each request, although it has the value after the first. Here it walks one of them.

FastAPI also inspects the signature of every dependency in each request, because the tests override one (see
`strict_api`). This module caches the results. Overrides still work, because FastAPI looks them up before it
inspects. Nothing changes its thread or its process.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType


def install() -> None:
    """Patch FastAPI in this process."""
    when_imported("fastapi.dependencies.utils")(_remember)
    when_imported("fastapi.dependencies.utils")(_solve_once)
    when_imported("fastapi.routing")(_forget)


def _remember(utils: ModuleType) -> None:
    take_apart = utils.get_dependant
    known: dict[Any, Any] = {}

    @functools.wraps(take_apart)
    def remember(**asked: Any) -> Any:
        question = (*asked, *(tuple(each) if isinstance(each, list) else each for each in asked.values()))
        if question not in known:
            known[question] = take_apart(**asked)
        return known[question]

    utils.get_dependant = remember  # type: ignore[attr-defined]


def _forget(routing: ModuleType) -> None:
    """Inspect an endpoint for each of its routes, because cadwyn changes what a route has found out."""
    routing.get_dependant = routing.get_dependant.__wrapped__  # type: ignore[attr-defined]


def _solve_once(utils: ModuleType) -> None:
    solve = utils.solve_dependencies
    #: By identity, because dependants have no hash.
    seen: dict[int, Any] = {}

    @functools.wraps(solve)
    async def solve_distinct(**asked: Any) -> Any:
        dependant = asked["dependant"]
        if id(dependant) not in seen:
            seen[id(dependant)] = dependant
            dependant.dependencies[:] = _distinct(dependant.dependencies)
        return await solve(**asked)

    utils.solve_dependencies = solve_distinct  # type: ignore[attr-defined]


def _distinct(dependants: list[Any]) -> list[Any]:
    """Leave out those whose values FastAPI already has when it comes to them."""
    kept = {
        (each.cache_key, each.name) if each.use_cache else id(each): each for each in reversed(dependants)
    }
    return list(reversed(kept.values()))
