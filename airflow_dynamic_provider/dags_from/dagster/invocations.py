"""What can be called in a job: ops and graphs, with the settings of one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.composition import invoke
from airflow_dynamic_provider.dags_from.dagster.keys import check_name
from airflow_dynamic_provider.dags_from.dagster.nodes import Settings
from airflow_dynamic_provider.dags_from.dagster.tags import checked_tags
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class Invocable(Refusing):
    """An op or a graph, which can be called in a job."""

    _what = "a definition"

    name: str
    function: Callable[..., Any]

    def alias(self, name: str) -> Pending:
        """Return it with another name for the node."""
        return self.pending(alias=check_name(name, "a node"))

    def tag(self, tags: Mapping[str, Any] | None) -> Pending:
        """Return it with more tags."""
        return self.pending(tags=checked_tags(tags, repr(self.name)))

    def with_hooks(self, hook_defs: Iterable[Any]) -> Pending:
        """Return it with hooks."""
        return self.pending(hooks=frozenset(hook_defs))

    def pending(self, **settings: Any) -> Pending:
        """Return it with the settings of a call."""
        return Pending(self, settings)


class Pending:
    """An op or a graph with the settings of a call that is still to come.

    Args:
        definition: The op or the graph.
        settings: The settings.
    """

    def __init__(self, definition: Invocable, settings: Mapping[str, Any]) -> None:
        self.definition = definition
        self._settings = dict(settings)

    def alias(self, name: str) -> Pending:
        """Return it with another name for the node."""
        return self._with(alias=check_name(name, "a node"))

    def tag(self, tags: Mapping[str, Any] | None) -> Pending:
        """Return it with more tags."""
        more = checked_tags(tags, repr(self.definition.name))
        return self._with(tags={**self._settings.get("tags", {}), **more})

    def with_hooks(self, hook_defs: Iterable[Any]) -> Pending:
        """Return it with more hooks."""
        return self._with(hooks=self._settings.get("hooks", frozenset()) | frozenset(hook_defs))

    def with_retry_policy(self, retry_policy: Any) -> Pending:
        """Return it with another retry policy."""
        return self._with(retry_policy=retry_policy)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a node to the job or the graph that is being defined."""
        return invoke(self.definition, Settings(**self._settings), args, kwargs)

    def _with(self, **settings: Any) -> Pending:
        return Pending(self.definition, {**self._settings, **settings})
