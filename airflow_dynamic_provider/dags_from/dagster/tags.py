"""Tags of jobs and ops: what Airflow has for those with a meaning in Dagster."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The beginnings of tags that have no counterpart -> what there is instead.
_REFUSED = {
    ("dagster-k8s/", "ecs/", "dagster-celery/"): (
        "Airflow has executor_config= and pools, which @op(pool=...) names"
    ),
    ("dagster/concurrency_limit",): "Airflow has pools, which @op(pool=...) names",
    ("dagster/image",): "The deployment's executor decides about images",
    ("dagster/max_retries", "dagster/retry_strategy", "dagster/retry_on"): (
        "A task has retries: RetryPolicy, or op_retry_policy= of the job"
    ),
    ("dagster/isolation",): "The deployment's executor decides about processes",
}

#: The maximum length of a tag in Airflow.
_LONGEST = 100


def checked_tags(tags: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    """Return tags, which are JSON and have a counterpart in Airflow, or mean nothing to Dagster.

    Args:
        tags: The tags.
        what: The op or job, for messages.

    Raises:
        DagsterInvalidDefinitionError: A tag is not JSON.
        UnsupportedError: A tag has no counterpart.
    """
    for tag, value in (tags or {}).items():
        instead = next((each for starts, each in _REFUSED.items() if tag.startswith(starts)), None)
        if instead is not None:
            raise UnsupportedError(
                f"the tag {tag!r} of {what} has no counterpart here", remedy=f"Leave it out. {instead}."
            )
        if not isinstance(value, str) and not _is_json(value):
            raise DagsterInvalidDefinitionError(
                f"the tag {tag!r} of {what} is {value!r}, which is not JSON", remedy="Use a string."
            )
    return dict(tags or {})


def longest_run(tags: Mapping[str, Any]) -> timedelta | None:
    """Return how long a run of a job with these tags may take; ``None`` if they do not say."""
    seconds = tags.get("dagster/max_runtime")
    return None if seconds is None else timedelta(seconds=int(seconds))


def shown_tags(tags: Mapping[str, Any]) -> list[str]:
    """Return the tags of a job that its Dag gets: those of the author, as long as Airflow allows."""
    found = [f"{tag}:{value}" for tag, value in tags.items() if not tag.startswith("dagster/")]
    return [each for each in found if len(each) <= _LONGEST]


def _is_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
