"""Reports a failing case to a developer, and how to run it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.differential.findings import Difference

_SHOWN = 8


def describe(seed: int, size: int, case: Any, found: Sequence[Difference], target: str = "fuzz") -> str:
    """Return a report of a case with a wrong result.

    Args:
        seed: The seed that it was generated from.
        size: The maximum size.
        case: The smallest case that was found.
        found: Its differences from the oracle.
        target: The target of `make` that runs it again.
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
