"""Which clock measures the time of a workflow, and from when."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from uuid6 import uuid7

from airflow_dynamic_provider.version_compat import AirflowFailException
from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
from airflow_dynamic_provider.workflows.waiting.deadline import refuse_late, seconds_left

HOUR = 3600
LIMITED = WorkflowSpec("graph", "plan", "result", {}, timeout=HOUR)


def at(moment, mocker):
    """Let a node run at a given time of its machine's clock."""
    clock = SimpleNamespace(time=lambda: moment)
    mocker.patch("airflow_dynamic_provider.workflows.waiting.deadline.time", clock)


def context(run_started, *, retries=0, max_tries=0, ti_id=None):
    start_date = None if run_started is None else datetime.fromtimestamp(run_started, timezone.utc)
    return {
        "dag_run": SimpleNamespace(start_date=start_date),
        "task": SimpleNamespace(retries=retries),
        "ti": SimpleNamespace(id=ti_id or uuid7(), max_tries=max_tries),
    }


# Whole seconds, because a date has only microseconds.
NOW = float(int(time.time()))


@pytest.mark.parametrize(
    ("running", "planned_at", "left"),
    [
        # Nothing was cleared.
        (context(NOW - 600), NOW - 590, HOUR - 590),
        (context(None), NOW - 590, HOUR - 590),
        # A run that had ended was cleared ten minutes ago.
        (context(NOW - 600), NOW - 9 * HOUR, HOUR - 600),
        # The node was cleared just now, and then retried too.
        (context(NOW - 9 * HOUR, max_tries=1), NOW - 9 * HOUR, HOUR),
        (context(NOW - 9 * HOUR, retries=2, max_tries=5), NOW - 9 * HOUR, HOUR),
        # It was only retried.
        (context(NOW - 9 * HOUR, retries=2, max_tries=2), NOW - 9 * HOUR, -8 * HOUR),
        # An id of a version without a time gives no start.
        (context(NOW - 9 * HOUR, max_tries=1, ti_id=uuid.uuid4()), NOW - 9 * HOUR, -8 * HOUR),
        # The clock of the planning task's machine was five hours behind, or ahead.
        (context(NOW - 600), NOW - 600 - 5 * HOUR, HOUR - 600),
        (context(NOW - 600), NOW - 600 + 5 * HOUR, 6 * HOUR - 600),
    ],
    ids=[
        "run",
        "no-start",
        "run-cleared",
        "node-cleared",
        "node-cleared-and-retried",
        "retried",
        "no-time-in-the-id",
        "clock-behind",
        "clock-ahead",
    ],
)
def test_since_when_the_time_counts(mocker, running, planned_at, left):
    at(NOW, mocker)
    assert seconds_left(running, LIMITED, planned_at) == pytest.approx(left, abs=60)


def test_a_clock_that_is_ahead_takes_as_much_from_the_time(mocker):
    at(NOW + HOUR / 2, mocker)
    assert seconds_left(context(NOW), LIMITED, NOW) == HOUR / 2
    at(NOW + HOUR, mocker)
    with pytest.raises(AirflowFailException, match="has taken longer than its timeout of 3600 seconds"):
        refuse_late(context(NOW), LIMITED, NOW)
