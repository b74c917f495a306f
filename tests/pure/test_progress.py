"""How far the keys of a task are, and how long the rest will take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.database.cells import ORDER
from airflow_dynamic_provider.database.progress import ENOUGH, WINDOW, Pace, Progress, in_words, pace_of


@given(st.dictionaries(st.sampled_from([state or "none" for state in ORDER]), st.integers(0, 10**6)))
def test_every_key_is_done_failed_running_or_waiting(counts):
    progress = Progress(counts)
    parts = (progress.done, progress.failed, progress.running, progress.waiting)
    assert sum(parts) == progress.total == sum(counts.values())
    assert all(part >= 0 for part in parts)


@pytest.mark.parametrize(
    ("recent", "ended", "seconds", "pace"),
    [
        (0, 0, None, None),
        (0, 0, 60.0, None),
        (5, 5, 0.0, Pace(5, 1.0)),
        (12, 12, 240.0, Pace(12, 240.0)),
        (ENOUGH, 400, 3600.0, Pace(ENOUGH, WINDOW, is_recent=True)),
        (ENOUGH - 1, 400, 3600.0, Pace(400, 3600.0)),
    ],
)
def test_the_last_minutes_decide_if_enough_keys_ended_in_them(recent, ended, seconds, pace):
    assert pace_of(recent=recent, ended=ended, seconds=seconds) == pace


def test_an_estimate_says_how_it_was_made():
    counts = {"failed": 1, "running": 3, "none": 20, "up_for_retry": 1, "skipped": 2, "success": 118}
    progress = Progress(counts, Pace(120, WINDOW, is_recent=True))
    assert progress.summary == "120 of 145 done, 1 failed, 3 running, 21 waiting"
    assert progress.estimate == "24 keys/min, about 1 min left (from 120 keys done in the last 5 min)"
    assert Progress(counts).estimate is None
    over = Progress({"success": 4, "upstream_failed": 1}, Pace(4, 60.0))
    assert (over.summary, over.estimate, over.seconds_left) == ("4 of 5 done, 1 failed", None, None)


@pytest.mark.parametrize(
    ("keys", "seconds", "rate"),
    [(1200, 60, "20 keys/s"), (90, 60, "1.5 keys/s"), (1, 40, "1.5 keys/min"), (2, 7200, "1 key/h")],
)
def test_a_rate_has_the_unit_in_which_it_is_at_least_one(keys, seconds, rate):
    assert Pace(keys, seconds).rate == rate


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (89, "1 min"),
        (3599, "1 h"),
        (7800, "2 h 10 min"),
        (86399, "24 h"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_times_in_words_have_two_units_at_most(seconds, words):
    assert in_words(seconds) == words
