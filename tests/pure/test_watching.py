"""What ``list --watch`` shows while a run goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from airflow_dynamic_provider.cli import watching
from airflow_dynamic_provider.cli.watching import watch

pytestmark = pytest.mark.pure


def answer(state, done, failed=0, estimate=None):
    summary = f"{done} of 4 done"
    task = {
        "task_id": "load",
        "keys": 4,
        "done": done,
        "failed": failed,
        "summary": summary,
        "estimate": estimate,
    }
    return {"run": {"state": state}, "outputs": [{"of": "[files]", "progress": [task]}]}


ANSWERS = (
    answer("queued", 0),
    answer("running", 1, estimate="2 keys/s, about 2 s left (from 1 key done in 1 s)"),
    answer("running", 1),
    answer("failed", 3, 1),
)


@pytest.fixture
def shown(monkeypatch):
    """Watch until the end, and return the last answer and what was shown."""
    slept = []
    monkeypatch.setattr(watching.time, "sleep", slept.append)

    def show(*, is_terminal):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=100, color_system=None)
        answers = iter(ANSWERS)
        last = watch(lambda: next(answers), console)
        assert slept == [watching.INTERVAL] * (len(ANSWERS) - 1)
        return last, console.file.getvalue()

    return show


def test_in_a_pipe_each_change_is_a_line(shown):
    last, text = shown(is_terminal=False)
    assert last is ANSWERS[-1]
    assert text.splitlines() == [
        "[files] load: 0 of 4 done",
        "[files] load: 1 of 4 done, 2 keys/s, about 2 s left (from 1 key done in 1 s)",
        "[files] load: 3 of 4 done",
    ]


def test_in_a_terminal_a_bar_is_drawn_for_each_task(shown):
    last, text = shown(is_terminal=True)
    assert last is ANSWERS[-1]
    assert "about 2 s left" in text
    full = "\u2501" * 30
    assert text.rstrip().rpartition(full)[2].strip().startswith("3 of 4 done")
