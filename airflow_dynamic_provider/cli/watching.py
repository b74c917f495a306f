"""Shows how far the keys of a run are until it ends: a bar for each task, its rate and the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

    from airflow_dynamic_provider.cli.source import Document

#: Seconds between two questions.
INTERVAL = 2.0

# The states of a run that may still change.
_RUNNING = ("queued", "running")

# The number of columns of a bar.
_WIDTH = 30


def watch(ask: Callable[[], Document], console: Console, interval: float = INTERVAL) -> Document:
    """Show the progress until the run ends, and return the last answer.

    In a terminal, it draws over what it has drawn before. Elsewhere, it prints a line for each task that has
    changed.

    Args:
        ask: Asks for the dynamic outputs of the run.
        console: Where to show it.
        interval: The seconds between two questions.
    """
    if not console.is_terminal:
        return _print_changes(ask, console, interval)
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        for found in _until_the_end(ask, interval):
            live.update(_bars(found), refresh=True)
    return found


def _until_the_end(ask: Callable[[], Document], interval: float) -> Iterator[Document]:
    while True:
        found = ask()
        yield found
        if found["run"]["state"] not in _RUNNING:
            return
        time.sleep(interval)


def _print_changes(ask: Callable[[], Document], console: Console, interval: float) -> Document:
    shown: dict[tuple[str, str], str] = {}
    for found in _until_the_end(ask, interval):
        for of, task in _tasks(found):
            if shown.get((of, task["task_id"])) != task["summary"]:
                shown[of, task["task_id"]] = task["summary"]
                words = f"{of} {task['task_id']}: {_words(task)}"
                console.print(words, markup=False, highlight=False, soft_wrap=True)
    return found


def _bars(found: Document) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 1))
    for of, task in _tasks(found):
        ended = task["done"] + task["failed"]
        style = "red" if task["failed"] else "green"
        bar = ProgressBar(task["keys"] or 1, ended, _WIDTH, complete_style=style, finished_style=style)
        table.add_row(Text(of), Text(task["task_id"]), bar, Text(_words(task)))
    return table


def _tasks(found: Document) -> Iterator[tuple[str, Document]]:
    for output in found["outputs"]:
        for task in output["progress"]:
            yield output["of"], task


def _words(task: Document) -> str:
    return f"{task['summary']}{f', {estimate}' if (estimate := task['estimate']) else ''}"
