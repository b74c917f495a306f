"""The renderers of ``flytekit.deck``: they make a part of a deck of a value."""

from __future__ import annotations

import html
from typing import Any


class MarkdownRenderer:
    """Renders Markdown. The page of the package shows a deck as Markdown, so the text stays as it is."""

    def to_html(self, text: str) -> str:
        """Return the text."""
        return text


class SourceCodeRenderer:
    """Renders source code.

    Args:
        title: Its heading.
    """

    def __init__(self, title: str = "Source Code") -> None:
        self.title = title

    def to_html(self, source_code: str) -> str:
        """Return the source in a block."""
        return f"<h3>{html.escape(self.title)}</h3><pre>{html.escape(source_code)}</pre>"


class TopFrameRenderer:
    """Renders a table of pandas.

    Args:
        max_rows: How many rows are shown.
        max_cols: How many columns are shown.
    """

    def __init__(self, max_rows: int = 10, max_cols: int = 100) -> None:
        self.max_rows = max_rows
        self.max_cols = max_cols

    def to_html(self, df: Any, max_rows: int | None = None, max_cols: int | None = None) -> str:
        """Return the table as HTML."""
        shown: str = df.to_html(max_rows=max_rows or self.max_rows, max_cols=max_cols or self.max_cols)
        return shown
