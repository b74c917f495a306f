"""How far the keys of one task are, how fast they end, and how long the rest will take.

It computes with counts and times only, so pages and commands say the same about a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.states import FAILURES, REMOVED, SKIPPED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The number of seconds before now in which keys count as done recently.
WINDOW = 300.0

#: The number of keys that must have ended recently. With fewer, all keys of the run decide.
ENOUGH = 10

_DONE = frozenset({SUCCESS, SKIPPED, REMOVED})
_AT_WORK = frozenset({"running", "deferred", "restarting", "awaiting_input"})

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Pace:
    """How many keys of a task ran to their end in some time.

    Attributes:
        keys: The number of keys.
        seconds: The time in seconds; more than 0.
        is_recent: Whether it is the time before now, instead of the time since the task started.
    """

    keys: int
    seconds: float
    is_recent: bool = False

    @property
    def rate(self) -> str:
        """The keys per second, minute or hour: ``24 keys/min``."""
        per_second = self.keys / self.seconds
        for unit, seconds in (("s", 1), ("min", _MINUTE)):
            if per_second * seconds >= 1:
                return f"{_keys(per_second * seconds)}/{unit}"
        return f"{_keys(per_second * _HOUR)}/h"

    @property
    def basis(self) -> str:
        """What it was computed from: ``from 120 keys done in the last 5 min``."""
        time = f"the last {in_words(self.seconds)}" if self.is_recent else in_words(self.seconds)
        return f"from {_keys(self.keys)} done in {time}"


@dataclass(frozen=True)
class Progress:
    """How far the keys of one task are.

    Attributes:
        counts: State -> number of keys; ``none`` stands for no state yet.
        pace: How fast keys end; ``None`` if none has ended, or the run is over.
    """

    counts: Mapping[str, int]
    pace: Pace | None = None

    @property
    def total(self) -> int:
        """The number of keys."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """The number of keys that succeeded or were skipped."""
        return self._count(_DONE)

    @property
    def failed(self) -> int:
        """The number of keys that failed, or could not run because a task before failed."""
        return self._count(FAILURES)

    @property
    def running(self) -> int:
        """The number of keys that run."""
        return self._count(_AT_WORK)

    @property
    def waiting(self) -> int:
        """The number of keys that have not started, or will be tried again."""
        return self.total - self.done - self.failed - self.running

    @property
    def seconds_left(self) -> float | None:
        """The time until all keys will have ended; ``None`` if it is not known, or all have ended."""
        remaining = self.running + self.waiting
        return remaining * self.pace.seconds / self.pace.keys if remaining and self.pace else None

    @property
    def left(self) -> str | None:
        """The same in words: ``about 4 min left``."""
        return None if self.seconds_left is None else f"about {in_words(self.seconds_left)} left"

    @property
    def estimate(self) -> str | None:
        """The rate, the time left and where they come from, in one line; ``None`` if nothing is left."""
        if self.pace is None or self.left is None:
            return None
        return f"{self.pace.rate}, {self.left} ({self.pace.basis})"

    @property
    def summary(self) -> str:
        """The counts in words: ``12 of 40 done, 1 failed, 3 running, 24 waiting``."""
        others = {"failed": self.failed, "running": self.running, "waiting": self.waiting}
        parts = (f"{count:,} {name}" for name, count in others.items() if count)
        return ", ".join([f"{self.done:,} of {self.total:,} done", *parts])

    def _count(self, states: Iterable[str]) -> int:
        return sum(self.counts.get(state, 0) for state in states)


def pace_of(*, recent: int, ended: int, seconds: float | None) -> Pace | None:
    """Return how fast the keys of a task end; ``None`` if none has ended.

    The last `WINDOW` seconds decide if `ENOUGH` keys ended in them, else the whole time of the task.

    Args:
        recent: The number of keys that ran and ended in the last `WINDOW` seconds.
        ended: The number of keys that ran and ended since the task started.
        seconds: The seconds since the task started to run keys; ``None`` if it has not.

    Example:
        >>> pace_of(recent=120, ended=500, seconds=3600).basis
        'from 120 keys done in the last 5 min'
        >>> pace_of(recent=3, ended=7, seconds=720).basis
        'from 7 keys done in 12 min'
    """
    if seconds is None or not ended:
        return None
    if seconds > WINDOW and recent >= ENOUGH:
        return Pace(recent, WINDOW, is_recent=True)
    # A clock of another machine may be behind.
    return Pace(ended, max(seconds, 1.0))


def in_words(seconds: float) -> str:
    """Return a time with the two largest units at most: ``47 s``, ``6 min``, ``2 h 10 min``, ``3 d 4 h``.

    Args:
        seconds: The time in seconds.
    """
    whole = max(1, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    minutes = round(whole / _MINUTE)
    if minutes < _HOUR // _MINUTE:
        return f"{minutes} min"
    if whole < _DAY:
        return _two(minutes, _HOUR // _MINUTE, "h", "min")
    return _two(round(whole / _HOUR), _DAY // _HOUR, "d", "h")


def _two(count: int, per_unit: int, unit: str, smaller: str) -> str:
    units, rest = divmod(count, per_unit)
    return f"{units} {unit} {rest} {smaller}" if rest else f"{units} {unit}"


def _keys(count: float) -> str:
    number = f"{count:,.0f}" if count >= 10 else f"{count:.1f}".removesuffix(".0")
    return f"{number} {'key' if number == '1' else 'keys'}"
