"""What the function of a schedule asks for: a run with a config, a partition and tags, or no run."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_dynamic_provider.dags_from.dagster.context import get_dagster_logger
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidConfigError, UnsupportedError
from airflow_dynamic_provider.dags_from.dagster.run_config import RunConfig, plain_config
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing, refusing

if TYPE_CHECKING:
    from collections.abc import Callable


class SkipReason:
    """A schedule returns it for a time at which nothing shall run.

    Args:
        skip_message: Why.
    """

    def __init__(self, skip_message: str | None = None) -> None:
        self.skip_message = skip_message


class RunRequest:
    """A schedule returns it for a time at which the job shall run.

    Args:
        run_key: Accepted: Airflow starts one run at a time of the schedule.
        run_config: The config of the run, in place of that of the job.
        tags: More tags of the run, which ops see.
        partition_key: The partition of the run.
    """

    @refusing(
        "RunRequest",
        job_name="a schedule for each Dag",
        asset_selection="a Dag for each asset",
        stale_assets_only="assets as the schedule of a Dag",
        partition_key_range="a run for each partition: airflow backfill create",
    )
    def __init__(
        self,
        run_key: str | None = None,
        run_config: Any = None,
        tags: Mapping[str, Any] | None = None,
        partition_key: str | None = None,
    ) -> None:
        self.run_key = run_key
        self.run_config = plain_config(run_config)
        self.tags = dict(tags or {})
        self.partition_key = partition_key


class ScheduleEvaluationContext(Refusing):
    """What the function of a schedule can ask.

    Args:
        scheduled_execution_time: The time for which it is called, in the time zone of the schedule.
    """

    _what = "context"
    _instead = dict.fromkeys(
        ("instance", "resources", "cursor", "repository_def"), "an op that asks, or Airflow's REST API,"
    )

    def __init__(self, scheduled_execution_time: datetime.datetime) -> None:
        self.scheduled_execution_time = scheduled_execution_time
        self.log = get_dagster_logger()


@refusing(
    "build_schedule_context",
    instance="Airflow's REST API",
    resources="resources of ops",
    repository_def="the Dag file",
    instance_ref="Airflow's REST API",
)
def build_schedule_context(
    scheduled_execution_time: datetime.datetime | None = None,
) -> ScheduleEvaluationContext:
    """Return a context for calling the function of a schedule in a test."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return ScheduleEvaluationContext(scheduled_execution_time or now)


class Requests:
    """The functions of a schedule, which are called for the logical date of each run of its Dag.

    Args:
        name: The schedule.
        run: Returns a `RunRequest`, a `SkipReason`, a config, or ``None`` for no run.
        should_run: Whether there shall be a run.
        tags: Returns more tags of the run.
        timezone: The time zone of the schedule.
    """

    def __init__(
        self,
        name: str,
        run: Callable[..., Any] | None,
        should_run: Callable[..., Any] | None = None,
        tags: Callable[..., Any] | None = None,
        timezone: str | None = None,
    ) -> None:
        self.name = name
        self._run = run
        self._should_run = should_run
        self._tags = tags
        self._zone = ZoneInfo(timezone or "UTC")

    def at(self, date: datetime.datetime) -> RunRequest | SkipReason:
        """Return what the functions ask for.

        Args:
            date: The logical date of the run.

        Raises:
            UnsupportedError: They ask for several runs at once, and Airflow starts one.
            DagsterInvalidConfigError: They return something else.
        """
        context = ScheduleEvaluationContext(date.astimezone(self._zone))
        if self._should_run is not None and not _call(self._should_run, context):
            return SkipReason("should_execute of the schedule says so")
        asked = RunRequest() if self._run is None else self._asked(_call(self._run, context))
        if isinstance(asked, RunRequest) and self._tags is not None:
            asked.tags.update(_call(self._tags, context) or {})
        return asked

    def _asked(self, returned: Any) -> RunRequest | SkipReason:
        found = list(returned) if inspect.isgenerator(returned) or isinstance(returned, list) else [returned]
        if len(found) > 1:
            raise UnsupportedError(
                f"the schedule {self.name!r} asks for {len(found)} runs at once, and Airflow starts one",
                remedy="Yield a DynamicOutput for each of them in an op, and map over these.",
            )
        (asked,) = found or [None]
        if asked is None:
            return SkipReason("the schedule asks for no run")
        if isinstance(asked, (RunRequest, SkipReason)):
            return asked
        if isinstance(asked, (Mapping, RunConfig)):
            return RunRequest(run_config=asked)
        raise DagsterInvalidConfigError(
            f"the schedule {self.name!r} returned {asked!r}",
            remedy="Return a RunRequest, a SkipReason, a config or None.",
        )


def _call(function: Callable[..., Any], context: ScheduleEvaluationContext) -> Any:
    return function(context) if inspect.signature(function).parameters else function()
