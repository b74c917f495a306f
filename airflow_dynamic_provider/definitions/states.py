"""The states of task instances, as Airflow calls them, and what they mean to a key."""

from __future__ import annotations

SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED = "success", "skipped", "failed", "upstream_failed"
REMOVED = "removed"

#: What a collection calls a key whose clone a person marked as success, and which left no value.
MARKED = "marked"

#: The final states from the worst: that of a pair is the worse of its sides'.
SEVERITY = (FAILED, UPSTREAM_FAILED, SKIPPED, MARKED, SUCCESS)

#: The states in which a task instance stays.
FINAL = frozenset({FAILED, UPSTREAM_FAILED, SKIPPED, SUCCESS, REMOVED})

#: The states that count as failures.
FAILURES = frozenset({FAILED, UPSTREAM_FAILED})

#: The states of a key that has run, or never will, without a result.
WITHOUT_RESULT = FAILURES | {SKIPPED}

#: The states in which the scheduler ends a task instance without starting it.
NEVER_STARTED = frozenset({SKIPPED, UPSTREAM_FAILED})
