"""Tells a developer what to look at, and how to see it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.differential.check import Difference
    from tests.differential.programs import Case

_SHOWN = 8


def describe(seed: int, size: int, case: Case, found: Sequence[Difference]) -> str:
    """Return a report of a case that gives something else than it must."""
    lines = [f"Seed {seed} differs:", *(f"  {each}" for each in found[:_SHOWN])]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more")
    return "\n".join(
        [
            *lines,
            "The smallest case that was found to do so, for check.differences():",
            repr(case),
            f"To run it again: make fuzz SEED={seed} SIZE={size} PROGRAMS=1",
        ]
    )
