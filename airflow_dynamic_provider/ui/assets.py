"""The static files of the pages. Their addresses have a digest, so browsers may keep them for good."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.staticfiles import StaticFiles

if TYPE_CHECKING:
    from starlette.responses import Response

STATIC = Path(__file__).parent / "static"

#: The path of the files below the application.
PATH = "/static"

# A year: browsers keep a file no longer.
_FOREVER = "public, max-age=31536000, immutable"

_VERSION = re.compile(r"^v-([0-9a-f]+)/")


@functools.cache
def version() -> str:
    """Return a digest of all files. It is computed once in each process of the API server."""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(STATIC.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            digest.update(f"{file.relative_to(STATIC).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def versioned_path() -> str:
    """Return the path below which browsers may keep the files for good."""
    return f"{PATH}/v-{version()}"


def modules() -> list[str]:
    """Return the modules of the pages, so that a browser can load them side by side."""
    return [file.relative_to(STATIC).as_posix() for file in sorted(STATIC.rglob("*.js")) if _is_module(file)]


def _is_module(file: Path) -> bool:
    # The theme is set by a script of its own, before any module has loaded.
    return file.name != "early_theme.js"


class Assets(StaticFiles):
    """Serves the files, with the digest in the address or without it.

    During an upgrade, a page of another release may ask this server. Its browser gets the files, but does not
    keep them.
    """

    def __init__(self) -> None:
        super().__init__(directory=STATIC)

    async def get_response(self, path: str, scope: Any) -> Response:
        """Return a file. The web framework calls this."""
        named = _VERSION.match(path.replace("\\", "/"))
        response = await super().get_response(path[named.end() :] if named else path, scope)
        if named and named.group(1) == version():
            response.headers["Cache-Control"] = _FOREVER
        return response
