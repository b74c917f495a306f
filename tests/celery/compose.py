"""Reads what a compose file says of its services, as far as plain processes need it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# "$$" is a dollar sign; "${NAME:-default}" is a variable of whoever starts it.
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::-([^}]*))?\})")


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        image: The image that it is started from.
        command: What it runs; empty where that is the image's own command.
        environment: Its environment variables.
        check: The shell command that tells whether it is healthy; empty where there is none.
        is_restarted: Whether it is started again when it ends by itself.
    """

    image: str
    command: list[str]
    environment: dict[str, str]
    check: str
    is_restarted: bool


def read_services(path: Path, variables: Mapping[str, str]) -> dict[str, Service]:
    """Return the services of a compose file by name.

    Args:
        path: The file.
        variables: Name -> value of the variables that the file leaves to whoever starts it.
    """
    services = yaml.safe_load(path.read_text())["services"]
    return {name: _service(said, variables) for name, said in services.items()}


def _service(said: dict[str, Any], variables: Mapping[str, str]) -> Service:
    def fill(text: str) -> str:
        return _VARIABLE.sub(lambda found: found[1] or variables.get(found[2]) or found[3] or "", str(text))

    kind, *words = said.get("healthcheck", {}).get("test") or ["NONE"]
    checks = {"CMD": shlex.join, "CMD-SHELL": " ".join, "NONE": " ".join}
    return Service(
        image=fill(said["image"]),
        command=shlex.split(fill(said.get("command", ""))),
        environment={name: fill(value) for name, value in said.get("environment", {}).items()},
        check=fill(checks[kind](words)),
        is_restarted=said.get("restart") == "unless-stopped",
    )
