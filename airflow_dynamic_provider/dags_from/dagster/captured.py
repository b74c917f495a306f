"""What the ops of one run in this process gave, for the result of ``execute_in_process``."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.dags_from.dagster.resources import Opened


class Capture:
    """The outputs of a run, its materializations and its first error.

    Args:
        resources: The resources of the run; they live as long as the run.
        stops: Whether the run stops at the first error.
    """

    def __init__(self, resources: Opened, *, stops: bool) -> None:
        self.resources = resources
        self.stops = stops
        self.outputs: dict[str, dict[str, dict[tuple[str | None, str | None], Any]]] = {}
        self.materializations: list[tuple[str, Any]] = []
        self.steps: dict[str, str] = {}
        self.retries: Counter[str] = Counter()
        self.error: BaseException | None = None

    @property
    def is_stopped(self) -> bool:
        """Whether no further op may start."""
        return self.stops and self.error is not None

    def take(self, path: str, output: str, mapped_for: str | None, key: str | None, value: Any) -> None:
        """Keep an output of a node, under the key of the node and the key of the output."""
        self.outputs.setdefault(path, {}).setdefault(output, {})[mapped_for, key] = value


_CAPTURE: Capture | None = None


def current_capture() -> Capture | None:
    """Return what captures the run of this process, if anything does."""
    return _CAPTURE


@contextmanager
def capturing(capture: Capture) -> Iterator[Capture]:
    """Capture what ops give, inside the ``with`` statement."""
    # Not a context variable: keys of a batch run in other threads.
    global _CAPTURE
    before, _CAPTURE = _CAPTURE, capture
    try:
        yield capture
    finally:
        _CAPTURE = before
