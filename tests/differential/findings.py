"""What is compared with the oracle, and how a difference is described."""

from __future__ import annotations

from dataclasses import dataclass

#: A kind of difference, and its description.
Finding = tuple[str, str]

#: The states in which a task instance may be at the end of a run.
ENDS = ("success", "failed", "skipped", "upstream_failed")


@dataclass(frozen=True)
class Difference:
    """A difference from the expected result.

    Attributes:
        kind: "end", "state", "value", "label", "clones", "tries", "rerun", "run", or the name of an
            exception.
        text: The expected and the actual result.
        step: The step after which it appeared; 0 is the first run.
    """

    kind: str
    text: str
    step: int

    def __str__(self) -> str:
        return f"after step {self.step}, {self.kind}: {self.text}"
