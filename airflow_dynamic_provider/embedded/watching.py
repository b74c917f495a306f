"""Shows the progress of an embedded run, and keeps the errors that its tasks raise."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.embedded_run import hookimpl
from airflow_dynamic_provider.embedded.reading import count_task_instances

if TYPE_CHECKING:
    from typing import TextIO


class Progress:
    """A progress line. A terminal overwrites it; any other stream gets a line every few seconds.

    Args:
        stream: The stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._interval = 0.1 if self._is_terminal else 5.0
        self._shown_at = -self._interval

    def is_due(self) -> bool:
        """Return whether it is time for another line."""
        return time.monotonic() - self._shown_at >= self._interval

    def show(self, text: str) -> None:
        """Replace the line by another."""
        self._shown_at = time.monotonic()
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[2K{text[:width]}" if self._is_terminal else f"{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Remove the line from a terminal."""
        if self._is_terminal:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


class Watcher:
    """Follows a run as a listener. Airflow calls it in the process of the embedded run.

    Args:
        dag_id: The Dag.
        progress: The line that shows the progress.

    Attributes:
        errors: (task, map index) -> the last error that it raised.
    """

    def __init__(self, dag_id: str, progress: Progress) -> None:
        self._dag_id = dag_id
        self._progress = progress
        self.errors: dict[tuple[str, int], BaseException | str | None] = {}

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Show the progress of the run."""
        if task_instance.dag_id == self._dag_id and self._progress.is_due():
            done, total = count_task_instances(self._dag_id, task_instance.run_id)
            name = f"{task_instance.task_id} {task_instance.rendered_map_index or ''}"
            self._progress.show(f"{done}/{total} task instances done, running {name}")

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException | str | None) -> None:
        """Keep the error, because Airflow's database does not store it."""
        self.errors[task_instance.task_id, task_instance.map_index] = error
