"""The names of ``flytekit.deck``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.decks import Deck
from airflow_dynamic_provider.dags_from.flyte.renderers import (
    MarkdownRenderer,
    SourceCodeRenderer,
    TopFrameRenderer,
)

__all__ = ["Deck", "MarkdownRenderer", "SourceCodeRenderer", "TopFrameRenderer"]
