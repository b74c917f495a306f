"""The promises in the bodies of a Flyte program: those of the package, with flytekit's methods."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.workflows.recording.promises import Promise


class FlytePromise(Promise):
    """The value of a task that has not run yet."""

    __slots__ = ()

    def runs_before(self, other: Any) -> None:
        """Run another task after this one, without data."""
        _ = self >> other
