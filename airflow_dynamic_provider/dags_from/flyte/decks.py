"""``Deck``: HTML about the work of a task. It is metadata of the task, and the package's page shows it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

_DECKS: ContextVar[list[Any] | None] = ContextVar("flyte_decks", default=None)


class Deck:
    """A page of HTML about the work of a task.

    Args:
        name: Its name.
        html: Its content.
    """

    def __init__(self, name: str, html: str | list[str] = "") -> None:
        self.name = name
        self._parts = [html] if isinstance(html, str) else list(html)
        current_decks().append(self)

    def append(self, html: str) -> Deck:
        """Add HTML at the end."""
        self._parts.append(html)
        return self

    @property
    def html(self) -> str:
        """The whole content."""
        return "\n".join(part for part in self._parts if part)

    @staticmethod
    def publish() -> None:
        """Do nothing: decks are stored when the function has ended."""


def current_decks() -> list[Any]:
    """Return the decks of the running task."""
    decks = _DECKS.get()
    if decks is None:
        _DECKS.set(decks := [])
    return decks


def store() -> None:
    """Store the decks of the running task as metadata, and forget them."""
    decks = _DECKS.get()
    _DECKS.set(None)
    found = {deck.name: deck.html for deck in decks or () if deck.html}
    if not found:
        return
    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.execution.context import add_output_metadata

    add_output_metadata({f"deck: {name}": MetadataValue.md(html) for name, html in found.items()})
