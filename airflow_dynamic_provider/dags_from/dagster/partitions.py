"""Partitions, as the names from which a run takes one."""

from __future__ import annotations

import datetime
from collections import Counter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    DagsterUnknownPartitionError,
)
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing, refusing, require
from airflow_dynamic_provider.definitions.records import Record

if TYPE_CHECKING:
    from collections.abc import Sequence


class StaticPartitionsDefinition(Refusing):
    """Partitions with fixed names.

    Args:
        partition_keys: The names.
    """

    _what = "StaticPartitionsDefinition"

    def __init__(self, partition_keys: Sequence[str]) -> None:
        self._keys = list(partition_keys)
        for key in self._keys:
            require(key, str, "a partition key")
        if repeated := [key for key, count in Counter(self._keys).items() if count > 1]:
            raise DagsterInvalidDefinitionError(
                f"the partition key {repeated[0]!r} is given twice", remedy="Leave it out once."
            )

    def get_partition_keys(self) -> list[str]:
        """Return the names."""
        return list(self._keys)

    def check(self, key: str) -> None:
        """Refuse a name that is none of them."""
        if key not in self._keys:
            raise DagsterUnknownPartitionError(
                f"there is no partition {key!r}", remedy=f"The partitions are {', '.join(self._keys)}."
            )


class TimeWindow(Record):
    """When a partition starts and ends.

    Attributes:
        start: Its first moment.
        end: The first moment after it.
    """

    start: datetime.datetime
    end: datetime.datetime


class DailyPartitionsDefinition(Refusing):
    """A partition for each day.

    Args:
        start_date: The first day.
        end_date: The day after the last; ``None`` for no end.
        fmt: The format of the names; by default, ``2026-01-31``.
        timezone: The time zone of the days.
    """

    _what = "DailyPartitionsDefinition"

    @refusing(
        "DailyPartitionsDefinition",
        minute_offset="the schedule of the Dag, which says when a day is ready",
        hour_offset="the schedule of the Dag, which says when a day is ready",
        end_offset="end_date=",
        exclusions="a SkipReason of the schedule",
    )
    def __init__(
        self,
        start_date: str | datetime.datetime,
        end_date: str | datetime.datetime | None = None,
        fmt: str | None = None,
        timezone: str | None = None,
    ) -> None:
        self.fmt = fmt or "%Y-%m-%d"
        self.timezone = timezone
        self.start = self._day(start_date)
        self.end = None if end_date is None else self._day(end_date)

    def check(self, key: str) -> None:
        """Refuse a name that is no day, or a day outside of them."""
        try:
            day = self._day(key)
        except ValueError:
            raise DagsterUnknownPartitionError(
                f"the partition {key!r} is no day", remedy=f"Write it in the format {self.fmt}."
            ) from None
        if day < self.start or (self.end is not None and day >= self.end):
            raise DagsterUnknownPartitionError(
                f"the partition {key!r} is not between {self.start} and {self.end}", remedy="Choose another."
            )

    def get_partition_keys(self, current_time: datetime.datetime | None = None) -> list[str]:
        """Return the names of the days that have ended.

        Args:
            current_time: The time that counts as now.
        """
        now = current_time or datetime.datetime.now(ZoneInfo(self.timezone or "UTC"))
        end = now.date() if self.end is None else min(now.date(), self.end)
        days = range((end - self.start).days)
        return [(self.start + datetime.timedelta(days=day)).strftime(self.fmt) for day in days]

    def time_window_for_partition_key(self, partition_key: str) -> TimeWindow:
        """Return when the day of a name starts and ends."""
        zone = ZoneInfo(self.timezone or "UTC")
        start = datetime.datetime.combine(self._day(partition_key), datetime.time(), zone)
        return TimeWindow(start, start + datetime.timedelta(days=1))

    def _day(self, given: str | datetime.datetime) -> datetime.date:
        if isinstance(given, datetime.datetime):
            return given.date()
        return datetime.datetime.strptime(given, self.fmt).date()


#: The classes of partitions.
PARTITIONS = (StaticPartitionsDefinition, DailyPartitionsDefinition)
