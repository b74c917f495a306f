"""Tells a developer what to look at, and how to see it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.differential.check import Difference

_SHOWN = 8


def describe(seed: int, size: int, case: Any, found: Sequence[Difference], target: str = "fuzz") -> str:
    """Return a report of a case that gives something else than it must.

    Args:
        seed: What it was made of.
        size: How large it could be.
        case: The smallest one that was found.
        found: In what it differs.
        target: What of `make` runs it again.
    """
    lines = [f"Seed {seed} differs:", *(f"  {each}" for each in found[:_SHOWN])]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more")
    return "\n".join(
        [
            *lines,
            "The smallest case that was found to do so, for check.differences():",
            repr(case),
            f"To run it again: make {target} SEED={seed} SIZE={size} PROGRAMS=1",
        ]
    )
