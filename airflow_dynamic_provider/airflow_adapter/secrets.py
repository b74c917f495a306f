"""Hides the secrets that Airflow knows in texts that the package stores."""

from __future__ import annotations


def mask(text: str) -> str:
    """Return a text in which the values of connections and variables that Airflow masks are hidden."""
    # Private: Airflow's public function adds a secret to those that are masked in logs, and masks nothing.
    from airflow.sdk.log import redact  # type: ignore[attr-defined]

    return str(redact(text))
