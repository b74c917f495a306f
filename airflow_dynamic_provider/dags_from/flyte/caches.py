"""``Cache``: results that are kept over runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.cache import Cache as CoreCache
from airflow_dynamic_provider.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cache:
    """How the results of a task are kept over runs.

    Args:
        version: The version of the task. Without it, the version is the source of the function.
        serialize: Whether identical computations run once at a time.
        ignored_inputs: The names of inputs that do not count.
        salt: A text that separates results.
        policies: Refused, because they are code of flytekit that computes a version.
    """

    _dynamic_workflow_constant = True

    def __init__(
        self,
        version: str | None = None,
        serialize: bool = False,
        ignored_inputs: tuple[str, ...] | str = (),
        salt: str = "",
        policies: Any = None,
    ) -> None:
        if policies is not None:
            raise WorkflowError(
                "Cache is given policies=, which compute the version in flytekit",
                remedy="Pass version=, or leave it out: the version is then the source of the function.",
            )
        self.version = version
        self.serialize = serialize
        self.ignored_inputs = (ignored_inputs,) if isinstance(ignored_inputs, str) else tuple(ignored_inputs)
        self.salt = salt

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cache) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


def read_cache(name: str, given: Mapping[str, Any]) -> CoreCache | None:
    """Return the settings of a task's cache, ``None`` without one.

    Raises:
        WorkflowError: There is no version, or there are two.
    """
    cache = given.get("cache", False)
    older = {
        each: given[each]
        for each in ("cache_version", "cache_serialize", "cache_ignore_input_vars")
        if given.get(each)
    }
    if isinstance(cache, Cache):
        if older:
            raise WorkflowError(
                f"{name!r} is given cache=Cache(...) together with {min(older)}=",
                remedy="Say all of it in Cache(...).",
            )
        return CoreCache(
            cache.version or "auto", ignored=cache.ignored_inputs, serialize=cache.serialize, salt=cache.salt
        )
    if not cache:
        return None
    if not older.get("cache_version"):
        raise WorkflowError(
            f"{name!r} is given cache=True without a version",
            remedy='Pass cache=Cache(version="1"), or cache_version="1".',
        )
    return CoreCache(
        older["cache_version"],
        ignored=tuple(older.get("cache_ignore_input_vars", ())),
        serialize=bool(older.get("cache_serialize", False)),
    )
