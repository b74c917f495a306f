"""The states of task instances in Airflow, and their meaning for a key."""

from __future__ import annotations

from datetime import timedelta

SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED = "success", "skipped", "failed", "upstream_failed"
REMOVED = "removed"
RUNNING, UP_FOR_RETRY = "running", "up_for_retry"

#: The outcome of a key in a collection if a person marked its clone as success and there is no value.
MARKED = "marked"

#: The final states, the worst first. The state of a pair is the worse state of its two sides.
SEVERITY = (FAILED, UPSTREAM_FAILED, SKIPPED, MARKED, SUCCESS)

#: The states that a task instance does not leave by itself.
FINAL = frozenset({FAILED, UPSTREAM_FAILED, SKIPPED, SUCCESS, REMOVED})

#: The states that count as failures.
FAILURES = frozenset({FAILED, UPSTREAM_FAILED})

#: The final states of a key without a result.
WITHOUT_RESULT = FAILURES | {SKIPPED}

#: The states in which the scheduler ends a task instance without starting it.
NEVER_STARTED = frozenset({SKIPPED, UPSTREAM_FAILED})

#: How long a task instance that started too early is rescheduled for. Airflow treats an immediate return as a
#: kill.
RESCHEDULE_AFTER = timedelta(seconds=10)
