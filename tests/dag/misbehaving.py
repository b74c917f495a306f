"""What tasks of tests do for a key, as a test says."""

from __future__ import annotations

from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException


def behave(how, key):
    """Fail, skip, or do nothing.

    Args:
        how: ``"fail"``, ``"fail for good"``, ``"skip"``; anything else does nothing.
        key: What the error names.
    """
    match how:
        case "fail":
            raise ValueError(f"{key} is bad")
        case "fail for good":
            raise AirflowFailException(f"{key} is bad for good")
        case "skip":
            raise AirflowSkipException(f"{key} is not wanted")
