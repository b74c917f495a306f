"""Schedules of jobs, which become the schedules of their Dags, and `Definitions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError
from airflow_dynamic_provider.dags_from.dagster.run_requests import Requests
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing, refusing
from airflow_dynamic_provider.version_compat import cron_timetable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_dynamic_provider.dags_from.dagster.executors import ExecutorDefinition
    from airflow_dynamic_provider.dags_from.dagster.jobs import JobDefinition


_REFUSED = {
    "job_name": "job=, which takes the job itself",
    "target": "job=, which takes the job itself",
    "environment_vars": "the environment of the workers",
    "required_resource_keys": "resources of ops",
}


class ScheduleDefinition:
    """The schedule of a job. The job's Dag gets it.

    Functions are called in the process of each task, with the logical date of a run that the schedule
    started. They have to return the same each time.

    Args:
        name: Kept for readers.
        cron_schedule: The cron expression, or several.
        job: The job.
        run_config_fn: Returns the config of a run.
        execution_fn: Returns a `RunRequest`, a `SkipReason`, a config, or ``None`` for no run.
        should_execute: Returns whether there shall be a run.
        tags_fn: Returns more tags of a run.
        run_config: The config of its runs, in place of that of the job.
        execution_timezone: The time zone of the expression; UTC by default.
        tags: Tags of its runs.
        description: Kept for readers.
        default_status: Accepted: Airflow decides whether a new Dag is paused.
    """

    @refusing("ScheduleDefinition", readers=("metadata", "owners"), **_REFUSED)
    def __init__(
        self,
        name: str | None = None,
        *,
        cron_schedule: str | Sequence[str],
        job: JobDefinition,
        run_config_fn: Callable[..., Any] | None = None,
        execution_fn: Callable[..., Any] | None = None,
        should_execute: Callable[..., Any] | None = None,
        tags_fn: Callable[..., Any] | None = None,
        run_config: Any = None,
        execution_timezone: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        default_status: Any = None,
    ) -> None:
        self.name = name or "_".join((job.name, "schedule"))
        self.cron_schedule = cron_schedule
        self.description = description
        self.default_status = default_status
        changes: dict[str, Any] = {} if run_config is None else {"config": run_config}
        zone = execution_timezone or "UTC"
        expressions = [cron_schedule] if isinstance(cron_schedule, str) else cron_schedule
        timetable = cron_timetable(expressions, zone)
        self._execution_fn = execution_fn or run_config_fn
        if self._execution_fn or should_execute or tags_fn:
            changes["requests"] = Requests(self.name, self._execution_fn, should_execute, tags_fn, zone)
        self.job = job.changed(tags={**job.tags, **(tags or {})}, schedule=timetable, **changes)

    def __call__(self, *context: Any) -> Any:
        """Call the function of the schedule, in a test."""
        if self._execution_fn is None:
            raise UnsupportedError(
                f"the schedule {self.name!r} has no function to call", remedy="Call the job in the test."
            )
        return self._execution_fn(*context)


def schedule(
    cron_schedule: str | Sequence[str], *, job: JobDefinition, name: str | None = None, **settings: Any
) -> Any:
    """Turn a function that returns a run's config into the schedule of a job, as ``@schedule`` does.

    The function may take a `ScheduleEvaluationContext`. See `ScheduleDefinition` for when it is called.

    Args:
        cron_schedule: The cron expression, or several.
        job: The job.
        name: Kept for readers.
        settings: As for `ScheduleDefinition`.
    """

    def decorate(function: Callable[..., Any]) -> ScheduleDefinition:
        named = name or function.__name__
        return ScheduleDefinition(
            named, cron_schedule=cron_schedule, job=job, execution_fn=function, **settings
        )

    return decorate


class Definitions(Refusing):
    """The jobs of a file, with resources for all of them. Each job is a Dag already.

    Args:
        jobs: The jobs.
        schedules: The schedules.
        resources: Resource key -> definition, for jobs that do not have it.
        assets: Graph assets.
        executor: The limit of tasks that are active at once, for jobs that have none.
        loggers: Accepted: the deployment's logging is used.
    """

    _what = "Definitions"

    @refusing(
        "Definitions",
        readers=("metadata",),
        sensors="a sensor task, or a Dag with an asset as its schedule",
        asset_checks="a task that checks the data and fails",
        component_tree="Dag files",
    )
    def __init__(
        self,
        assets: Iterable[Any] | None = None,
        schedules: Iterable[Any] | None = None,
        jobs: Iterable[JobDefinition] | None = None,
        resources: Mapping[str, Any] | None = None,
        executor: ExecutorDefinition | None = None,
        loggers: Any = None,
    ) -> None:
        self.executor = executor
        self.loggers = loggers
        by_name = {each.name: each for each in jobs or ()}
        by_name.update({each.job.name: each.job for each in schedules or ()})
        by_name.update({each.name: each for each in assets or ()})
        self._jobs = {name: _completed(each, resources or {}, executor) for name, each in by_name.items()}

    def get_job_def(self, name: str) -> JobDefinition:
        """Return a job."""
        return self._jobs[name]

    def resolve_job_def(self, name: str) -> JobDefinition:
        """Return a job."""
        return self._jobs[name]


def _completed(
    job: JobDefinition, resources: Mapping[str, Any], executor: ExecutorDefinition | None
) -> JobDefinition:
    """Return a job with the resources and the executor of all jobs, unless it has its own."""
    changes: dict[str, Any] = {}
    if missing := {key: each for key, each in resources.items() if key not in job.resource_defs}:
        changes["resource_defs"] = {**job.resource_defs, **missing}
    if executor is not None and job.executor_def is None:
        changes["executor_def"] = executor
    return job.changed(**changes) if changes else job
