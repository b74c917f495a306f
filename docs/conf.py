"""The settings of Sphinx for the documentation. ``make docs`` builds it."""

from __future__ import annotations

import re
from typing import Any

project = "Dynamic outputs for Apache Airflow"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project

# The links between pages also work on a code host, which makes these anchors of headings.
myst_heading_anchors = 4

# A file outside of this folder -> the page that has its content.
_PAGES = {
    "../CONTRIBUTING.md": "contributing.md",
    "../CHANGELOG.md": "changelog.md",
    "../docker/README.md": "image.md",
}


def link_to_pages(app: Any, docname: str, source: list[str]) -> None:  # noqa: ARG001
    """Make the links of a page to files outside of this folder links to pages. Sphinx calls this."""
    for file, page in _PAGES.items():
        source[0] = source[0].replace(f"]({file}", f"]({page}")
    source[0] = re.sub(r"\]\(\.\./dags/(\w+)\.py\)", r"](examples.md#\1py)", source[0])


def setup(app: Any) -> None:
    """Connect the function above. Sphinx calls this."""
    app.connect("source-read", link_to_pages)
