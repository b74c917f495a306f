"""Makes the description of a built package, which a package index shows, and the addresses of the project.

A package index has no files beside the description, so relative links and pictures lead nowhere there. With
``PROJECT_URL=https://host/owner/name``, they and the addresses lead to that place. Without it, pictures are
left out, and links become plain text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "PROJECT_URL"

_PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?:)[^)]*\)\n+", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)]*)\)")


class DescriptionHook(MetadataHookInterface):
    """Hatchling calls this when it builds a package."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the description and the addresses."""
        url = os.environ.get(VARIABLE, "").rstrip("/")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": describe(text, url)}
        if url:
            metadata["urls"] = {
                "Documentation": f"{url}/blob/main/docs/index.md",
                "Changelog": f"{url}/blob/main/CHANGELOG.md",
                "Source": url,
            }


def describe(text: str, url: str) -> str:
    """Return the README as a package index can show it.

    Args:
        text: The README.
        url: Where the project is; empty if it is nowhere.
    """
    if not url:
        return _LINK.sub(r"\1", _PICTURE.sub("", text))
    text = re.sub(r"(!\[[^\]]*\])\((?!https?:)([^)]*)\)", rf"\1({url}/raw/main/\2)", text)
    return _LINK.sub(rf"[\1]({url}/blob/main/\2)", text)
