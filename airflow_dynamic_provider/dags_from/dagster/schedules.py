"""Schedules of jobs, which become the schedules of their Dags, and `Definitions`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_dynamic_provider.dags_from.dagster.jobs import JobDefinition


class ScheduleDefinition:
    """The schedule of a job. The job's Dag gets it.

    Args:
        job: The job.
        cron_schedule: The cron expression.
        name: Kept for readers.
        run_config: The config of its runs, in place of that of the job.
        execution_timezone: The time zone of the expression; UTC by default.
        tags: Tags of its runs.
        description: Kept for readers.
        default_status: Accepted: Airflow decides whether a new Dag is paused.
    """

    def __init__(
        self,
        job: JobDefinition,
        cron_schedule: str,
        name: str | None = None,
        *,
        run_config: Any = None,
        execution_timezone: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        default_status: Any = None,
    ) -> None:
        from airflow.sdk import CronTriggerTimetable

        self.name = name or "_".join((job.name, "schedule"))
        self.cron_schedule = cron_schedule
        self.description = description
        self.default_status = default_status
        changes: dict[str, Any] = {} if run_config is None else {"config": run_config}
        timetable = CronTriggerTimetable(cron_schedule, timezone=execution_timezone or "UTC")
        self.job = job.changed(tags={**job.tags, **(tags or {})}, schedule=timetable, **changes)


def schedule(cron_schedule: str, *, job: JobDefinition, name: str | None = None, **settings: Any) -> Any:
    """Turn a function that returns a run's config into the schedule of a job, as ``@schedule`` does.

    The function is called once, when Airflow reads the file. It must not ask for the time of a run.

    Args:
        cron_schedule: The cron expression.
        job: The job.
        name: Kept for readers.
        settings: As for `ScheduleDefinition`.
    """

    def decorate(function: Callable[..., Any]) -> ScheduleDefinition:
        if inspect.signature(function).parameters:
            raise UnsupportedError(
                f"the schedule {function.__name__!r} computes a config for each run, which Airflow does not",
                remedy="Leave its parameter out, and read context.partition_key or the date in the op: "
                "airflow.sdk.get_current_context()['logical_date'].",
            )
        config = function()
        return ScheduleDefinition(
            job, cron_schedule, name or function.__name__, run_config=config, **settings
        )

    return decorate


class Definitions:
    """The jobs of a file, with resources for all of them. Each job is a Dag already.

    Args:
        jobs: The jobs.
        schedules: The schedules.
        resources: Resource key -> definition, for jobs that do not have it.
        assets: Graph assets.
        sensors: Refused: Airflow has sensor tasks, and Dags that run after assets.
        executor: Accepted: the deployment's executor runs the tasks.
        loggers: Accepted: the deployment's logging is used.
    """

    def __init__(
        self,
        assets: Iterable[Any] = (),
        schedules: Iterable[Any] = (),
        sensors: Iterable[Any] = (),
        jobs: Iterable[JobDefinition] = (),
        resources: Mapping[str, Any] | None = None,
        executor: Any = None,
        loggers: Any = None,
        asset_checks: Iterable[Any] = (),
    ) -> None:
        if list(sensors) or list(asset_checks):
            raise UnsupportedError(
                "Definitions(sensors=) and asset_checks= have no counterpart here",
                remedy="Use a sensor task, or a Dag with an asset as its schedule.",
            )
        self.executor = executor
        self.loggers = loggers
        by_name = {each.name: each for each in jobs}
        by_name.update({each.job.name: each.job for each in schedules})
        by_name.update({each.name: each for each in assets})
        self._jobs = {name: _with_resources(each, resources or {}) for name, each in by_name.items()}

    def get_job_def(self, name: str) -> JobDefinition:
        """Return a job."""
        return self._jobs[name]

    def resolve_job_def(self, name: str) -> JobDefinition:
        """Return a job."""
        return self._jobs[name]


def _with_resources(job: JobDefinition, resources: Mapping[str, Any]) -> JobDefinition:
    missing = {key: each for key, each in resources.items() if key not in job.resource_defs}
    return job.changed(resource_defs={**job.resource_defs, **missing}) if missing else job
