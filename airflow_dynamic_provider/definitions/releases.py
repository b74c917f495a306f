"""How the API server and the commands that ask it tell each other their releases of the package."""

from __future__ import annotations

#: The header of each answer, with the release on the server.
RELEASE_HEADER = "Dynamic-Outputs-Release"


def is_same_line(release: str, other: str) -> bool:
    """Return whether two releases understand each other: ``0.1.2`` and ``0.1.7`` do, ``0.2.0`` does not."""
    return release.split(".")[:2] == other.split(".")[:2]
