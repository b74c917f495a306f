"""The names of ``flytekit.deck.renderer``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.renderers import (
    MarkdownRenderer,
    SourceCodeRenderer,
    TopFrameRenderer,
)

__all__ = ["MarkdownRenderer", "SourceCodeRenderer", "TopFrameRenderer"]
