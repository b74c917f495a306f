"""Prepares metadata values for the pages: cut to what a page can show, with Markdown as safe HTML."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.ui.models import Meta

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererProtocol

    from airflow_dynamic_provider.definitions.metadata import MetadataValue

#: The number of characters of a string that a page shows.
MAX_TEXT = 20_000

#: The number of rows of a table that a page shows.
MAX_ROWS = 200

#: The maximum number of characters of an inline image.
MAX_PICTURE = 2_000_000


def present_metadata(metadata: Mapping[str, MetadataValue]) -> list[Meta]:
    """Return the values of labels as the pages show them."""
    return [_present(label, value) for label, value in metadata.items()]


def render_markdown(text: str) -> str:
    """Return Markdown as HTML that is safe to show.

    HTML inside it stays text. URLs that run code do not become links. Images from other hosts become links,
    because the pages load nothing from other hosts.
    """
    return str(_markdown().render(text))


def _present(label: str, value: MetadataValue) -> Meta:
    shown, is_cut = _cut(value)
    html = render_markdown(shown) if value.kind == "md" else None
    return Meta(label=label, kind=value.kind, value=shown, html=html, is_cut=is_cut)


def _cut(value: MetadataValue) -> tuple[Any, bool]:
    """Return the part of a value that a page shows, and whether it was cut."""
    stored = value.value
    if value.kind == "table":
        rows = stored["rows"][:MAX_ROWS]
        text = json.dumps(rows, ensure_ascii=False)
        if len(text) > MAX_TEXT * 10:
            # Rows of very long cells.
            rows = [{name: _cut_cell(cell) for name, cell in row.items()} for row in rows]
            return {"columns": stored["columns"], "rows": rows}, True
        return {"columns": stored["columns"], "rows": rows}, len(stored["rows"]) > MAX_ROWS
    if value.kind == "image":
        is_cut = len(stored["source"]) > MAX_PICTURE
        return ({**stored, "source": ""} if is_cut else stored), is_cut
    text = stored if isinstance(stored, str) else json.dumps(stored, ensure_ascii=False)
    return (text[:MAX_TEXT], True) if len(text) > MAX_TEXT else (stored, False)


def _cut_cell(cell: Any) -> Any:
    return cell[:MAX_ROWS] if isinstance(cell, str) else cell


@cache
def _markdown() -> MarkdownIt:
    # Airflow installs it, because its command line renders Markdown with it.
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    markdown.add_render_rule("image", _render_image)
    return markdown


def _render_image(renderer: RendererProtocol, tokens: Any, index: int, options: Any, env: Any) -> str:
    from markdown_it.common.utils import escapeHtml

    token = tokens[index]
    source, text = str(token.attrs.get("src", "")), token.content or "image"
    if source.startswith("data:image/"):
        return f'<img src="{escapeHtml(source)}" alt="{escapeHtml(text)}">'
    return f'<a href="{escapeHtml(source)}">{escapeHtml(text)}</a>'
