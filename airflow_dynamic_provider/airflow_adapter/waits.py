"""The operators of Airflow's standard provider that ask people, and its trigger for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import timedelta


def asking_operator() -> Any:
    """Return the class of operators that wait for the answer of a person, ``None`` if there is none.

    It came with Airflow 3.1 and version 1.3 of the standard provider.
    """
    try:
        from airflow.providers.standard.operators.hitl import HITLOperator
    except Exception:
        # With another Airflow, the module raises an error of its own.
        return None
    return HITLOperator


def answer_within(duration: timedelta) -> dict[str, timedelta]:
    """Return the argument of the operators that ask people for the time that an answer may take."""
    import inspect

    # Before version 1.13 of the provider, it was that of every operator.
    known = inspect.signature(asking_operator().__init__).parameters
    return {"response_timeout" if "response_timeout" in known else "execution_timeout": duration}


def time_trigger(duration: timedelta) -> Any:
    """Return a trigger that fires after a time."""
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

    return TimeDeltaTrigger(duration)
