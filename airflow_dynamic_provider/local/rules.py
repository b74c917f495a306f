"""The trigger rules of Airflow: what becomes of a task instance, given the states of those before it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS, UPSTREAM_FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    #: What becomes of a task instance: its state, or that it runs; ``None`` if it waits.
    Rule = Callable[["_Count"], str | None]

#: A task instance runs.
RUN = "run"


class _Count:
    """How many upstream task instances are in which state. Those that have not ended have none."""

    def __init__(self, states: Collection[str | None]) -> None:
        counted = Counter(states)
        self.succeeded = counted[SUCCESS]
        self.skipped = counted[SKIPPED]
        self.failed = counted[FAILED]
        self.not_succeeded = counted[FAILED] + counted[UPSTREAM_FAILED]
        self.all_ended = None not in counted
        self.all_skipped = counted[SKIPPED] == len(states)


def _unless(stop: Callable[[_Count], str | None], at_end: Callable[[_Count], str] = lambda _: RUN) -> Rule:
    """Return a rule that stops a task instance as soon as it can, and decides the others at the end."""
    return lambda count: stop(count) or (at_end(count) if count.all_ended else None)


def _as_soon_as(enough: Callable[[_Count], int], otherwise: Callable[[_Count], str]) -> Rule:
    """Return a rule that runs a task instance as soon as it can, and stops the others at the end."""
    return lambda count: RUN if enough(count) else otherwise(count) if count.all_ended else None


def _failed(count: _Count) -> str | None:
    return UPSTREAM_FAILED if count.not_succeeded else None


def _skipped(count: _Count) -> str | None:
    return SKIPPED if count.skipped else None


RULES: dict[str, Rule] = {
    "all_done": _unless(lambda _: None),
    "all_done_min_one_success": _unless(_skipped, lambda count: RUN if count.succeeded else UPSTREAM_FAILED),
    "all_failed": _unless(lambda count: SKIPPED if count.succeeded or count.skipped else None),
    "all_skipped": _unless(lambda count: SKIPPED if count.succeeded or count.not_succeeded else None),
    "all_success": _unless(lambda count: _failed(count) or _skipped(count)),
    "always": lambda _: RUN,
    "none_failed": _unless(_failed),
    "none_failed_min_one_success": _unless(_failed, lambda count: RUN if count.succeeded else SKIPPED),
    "none_skipped": _unless(_skipped),
    "one_done": _as_soon_as(lambda count: count.succeeded + count.failed, lambda _: SKIPPED),
    "one_failed": _as_soon_as(lambda count: count.not_succeeded, lambda _: SKIPPED),
    "one_success": _as_soon_as(
        lambda count: count.succeeded, lambda count: SKIPPED if count.all_skipped else UPSTREAM_FAILED
    ),
}


def decide(rule: str, upstream: Collection[str | None]) -> str | None:
    """Return the state of a task instance that does not run, `RUN` if it runs, ``None`` if it has to wait.

    Like Airflow, this stops a task instance as soon as one before it has ended in a way that rules it out.

    Args:
        rule: The trigger rule.
        upstream: The states of the task instances before it; ``None`` for those that have not ended.
    """
    return RULES[rule](_Count(upstream)) if upstream else RUN
