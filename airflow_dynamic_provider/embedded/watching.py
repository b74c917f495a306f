"""Shows the progress of an embedded run, and keeps the errors that its tasks raise."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich import progress as bar
from rich.console import Console
from rich.table import Column

from airflow_dynamic_provider.airflow_adapter.embedded_run import hookimpl
from airflow_dynamic_provider.embedded.counting import batched_tasks, count_done

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from airflow.sdk import DAG


# After a count, how many times its duration passes before the next one. A run of many keys has more to do.
_PAUSE = 10


class Progress:
    """Shows how far a run is: a bar in a terminal, and a line every few seconds in any other stream.

    Args:
        stream: The stream to write to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._interval = 0.1 if stream.isatty() else 5.0
        self._shown_at = -self._interval
        # Tasks of the run may fork this process, and a fork must not have a thread that draws.
        self._bar = bar.Progress(
            bar.BarColumn(bar_width=30),
            bar.MofNCompleteColumn(),
            bar.TimeElapsedColumn(),
            bar.TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            console=Console(file=stream),
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("")

    def is_due(self) -> bool:
        """Return whether it is time to show the progress again."""
        return time.monotonic() - self._shown_at >= self._interval

    def show(self, text: str, done: int = 0, total: int | None = None) -> None:
        """Show what runs, and how many of the keys and tasks that are known so far have ended."""
        self._shown_at = time.monotonic()
        if self._stream.isatty():
            self._bar.start()
            self._bar.update(self._task, description=text, completed=done, total=total, refresh=True)
            return
        counted = "" if total is None else f"{done}/{total} keys and tasks done, "
        self._stream.write(f"[{self._shown_at - self._started:4.0f} s] {counted}{text}\n")
        self._stream.flush()

    def clear(self) -> None:
        """Remove the bar from a terminal."""
        self._bar.stop()


class ErrorsKept:
    """Keeps the errors of a run as a listener. Airflow calls it in the process of the embedded run.

    Args:
        dag_id: The Dag.

    Attributes:
        errors: (task, map index) -> the last error that it raised.
    """

    def __init__(self, dag_id: str) -> None:
        self._dag_id = dag_id
        self.errors: dict[tuple[str, int], BaseException | str | None] = {}

    @hookimpl
    def on_task_instance_failed(self, task_instance: Any, error: BaseException | str | None) -> None:
        """Keep the error, because Airflow's database does not store it."""
        self.errors[task_instance.task_id, task_instance.map_index] = error


class Watcher(ErrorsKept):
    """Follows a run as a listener, and shows its progress. It counts each key of a batch.

    Args:
        dag: The Dag.
        progress: The line that shows the progress.
    """

    def __init__(self, dag: DAG, progress: Progress) -> None:
        super().__init__(dag.dag_id)
        self._progress = progress
        self._batched_ids = batched_tasks(dag)
        self._running: tuple[str, str] | None = None
        self._may_count_at = 0.0

    @contextmanager
    def watching_batches(self) -> Iterator[None]:
        """Show the progress also while a batch runs, each time that it stores its keys."""
        if not self._batched_ids:
            yield
            return
        from airflow_dynamic_provider.execution.batches.recording import after_storing

        after_storing.append(self._show)
        try:
            yield
        finally:
            after_storing.remove(self._show)

    @hookimpl
    def on_task_instance_running(self, task_instance: Any) -> None:
        """Show the progress of the run."""
        if task_instance.dag_id == self._dag_id:
            name = f"{task_instance.task_id} {task_instance.rendered_map_index or ''}"
            self._running = (task_instance.run_id, f"running {name}")
            self._show()

    def _show(self) -> None:
        # Imported here, because the program may have to be restarted before the database is needed.
        from sqlalchemy.exc import SQLAlchemyError

        began = time.monotonic()
        if self._running is None or not self._progress.is_due() or began < self._may_count_at:
            return
        run_id, text = self._running
        try:
            done, total = count_done(self._dag_id, run_id, self._batched_ids)
        except SQLAlchemyError:
            # The database is busy. A run must not fail because its progress cannot be shown.
            return
        now = time.monotonic()
        self._may_count_at = now + _PAUSE * (now - began)
        self._progress.show(text, done, total)
