"""``CronSchedule`` and ``FixedRate``: when a launch plan runs."""

from __future__ import annotations

from datetime import timedelta

from airflow_dynamic_provider.errors import WorkflowError

_ALIASES = {
    "hourly": "@hourly",
    "hours": "@hourly",
    "@hourly": "@hourly",
    "daily": "@daily",
    "days": "@daily",
    "@daily": "@daily",
    "weekly": "@weekly",
    "weeks": "@weekly",
    "@weekly": "@weekly",
    "monthly": "@monthly",
    "months": "@monthly",
    "@monthly": "@monthly",
    "yearly": "@yearly",
    "years": "@yearly",
    "annually": "@yearly",
    "@yearly": "@yearly",
    "@annually": "@yearly",
}


class CronSchedule:
    """Runs at the times of a cron expression, in UTC.

    Args:
        schedule: Five fields, or a word such as ``"@daily"``.
        cron_expression: The older form: six fields, of which the last is the year.
        offset: Refused: Airflow has no offset.
        kickoff_time_input_arg: The input that gets the time of the run.

    Raises:
        WorkflowError: Airflow has no such schedule.
    """

    def __init__(
        self,
        schedule: str | None = None,
        cron_expression: str | None = None,
        offset: str | None = None,
        kickoff_time_input_arg: str | None = None,
    ) -> None:
        given = schedule or cron_expression
        if given is None or (schedule and cron_expression):
            raise WorkflowError(
                "CronSchedule needs either schedule= or cron_expression=",
                remedy='Write schedule="0 6 * * *".',
            )
        if offset is not None:
            raise WorkflowError(
                f"CronSchedule is given offset={offset!r}, which Airflow does not have",
                remedy="Write the cron expression of the shifted time.",
            )
        self.kickoff_time_input_arg = kickoff_time_input_arg
        self.airflow = _ALIASES.get(given.lower()) or _five_fields(given)


def _five_fields(expression: str) -> str:
    fields = expression.split()
    if len(fields) == 6:
        if fields[5] not in ("*", "?"):
            raise WorkflowError(
                f"the cron expression {expression!r} names a year, which Airflow's does not have",
                remedy="Set start_date and end_date of a Dag instead.",
            )
        fields = fields[:5]
        # In the older form, Sunday is 1.
        fields[4] = _days_from_one(fields[4])
    if len(fields) != 5:
        raise WorkflowError(
            f"the cron expression {expression!r} has {len(fields)} fields", remedy="Write five fields."
        )
    return " ".join("*" if field == "?" else field for field in fields)


def _days_from_one(field: str) -> str:
    first, slash, step = field.partition("/")
    shifted = "".join(str(int(part) - 1) if part.isdigit() else part for part in _split(first))
    return f"{shifted}{slash}{step}"


def _split(field: str) -> list[str]:
    import re

    return re.split(r"([,\-])", field)


class FixedRate:
    """Runs at a fixed rate.

    Args:
        duration: The time between two runs, of whole minutes.
        kickoff_time_input_arg: The input that gets the time of the run.

    Raises:
        WorkflowError: The duration is not a number of whole minutes.
    """

    def __init__(self, duration: timedelta, kickoff_time_input_arg: str | None = None) -> None:
        if duration.total_seconds() <= 0 or duration.total_seconds() % 60:
            raise WorkflowError(
                f"FixedRate is given {duration!r}", remedy="Pass a timedelta of whole minutes."
            )
        self.kickoff_time_input_arg = kickoff_time_input_arg
        self.airflow = duration
