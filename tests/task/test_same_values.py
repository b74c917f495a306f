"""A value that XCom would return as a different value is refused where it is produced."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from importlib.util import find_spec
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pendulum
import pytest
from airflow.sdk import ObjectStoragePath, dag, task
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import DynamicOut, DynamicOutput, errors
from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.xcom import is_plain
from tests.marking import shown
from tests.task_runs import FakeSupervisor, run_task

try:
    from airflow.sdk import serde
except ImportError:
    # Airflow 3.1 has it in its core package.
    from airflow.serialization import serde


@pytest.fixture(autouse=True)
def allowed_classes(monkeypatch):
    """Let Airflow load the classes of this module, except `Locked`."""
    is_known = serde._match
    monkeypatch.setattr(serde, "_match", lambda name: is_known(name) or name.startswith(__name__))


@dataclass
class Size:
    rows: int


@dataclass
class File:
    name: str
    size: Any = None
    cache: Any = field(default=None, compare=False)


@dataclass(eq=False)
class Ticket:
    number: int


class Point(NamedTuple):
    x: int
    y: int


class Colour(str, Enum):
    RED = "red"


class Handle:
    """Stores itself, has no equality, and loses its number when that is negative."""

    def __init__(self, number):
        self.number = number

    def serialize(self):
        return {"number": self.number}

    @staticmethod
    def deserialize(data, _version):
        return Handle(max(data["number"], 0))


@dataclass
class Locked:
    """A class that Airflow may not load."""


Locked.__module__ = "elsewhere"

TEXTS = "Use strings as the keys of the dict, or produce a list of [key, value] pairs."
CONVERT = "Convert it to plain data before it is produced, and back where it is used."

CHANGED = [
    ({1: "a"}, "the key 1 of type int comes back as '1' of type str", TEXTS),
    ({1: "a", "1": "b"}, "the key 1 of type int comes back as '1' of type str", TEXTS),
    ({(1, 2): "x"}, "the key (1, 2) of type tuple comes back as '(1, 2)' of type str", TEXTS),
    ({None: 1}, "the key None of type NoneType comes back as 'None' of type str", TEXTS),
    (
        [({"deep": [{"a": 0}, {2: 3}]},)],
        "the key 2 of type int comes back as '2' of type str, at [0][0]['deep'][1]",
        TEXTS,
    ),
    (
        OrderedDict(a=1),
        "of type OrderedDict comes back as {'a': 1} of type dict",
        "Produce a plain dict; it keeps the order of its keys.",
    ),
    (
        File("a", Size(3)),
        "Size(rows=3) of type Size comes back as {'rows': 3} of type dict, at .size",
        "Add serialize() and deserialize() to the class around it, or produce dicts.",
    ),
    (
        Point(1, 2),
        "Point(x=1, y=2) of type Point comes back as (1, 2) of type tuple",
        "Produce a dataclass, a dict or a plain tuple.",
    ),
    ({"c": Colour.RED}, "of type Colour comes back as 'red' of type str, at ['c']", CONVERT),
    ({Point(1, 2)}, "comes back as {(1, 2)} of type set", CONVERT),
    (Decimal("1.1000000000000000000001"), "comes back as Decimal('1.1') of type Decimal", CONVERT),
    (Handle(-1), "of type Handle comes back as <", CONVERT),
    (File("a", OrderedDict(a=1)), "of type OrderedDict comes back as {'a': 1} of type dict, at .size", ""),
]

UNREADABLE = [
    (
        datetime.fromisoformat("2026-01-01T00:00:00+02:00"),
        "Convert it with .astimezone(timezone.utc), or produce its .isoformat().",
    ),
    (
        {"at": [(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5))),)]},
        "Convert it with .astimezone(timezone.utc), or produce its .isoformat().",
    ),
]

SAME = [
    None,
    {"a": [1, 2.5, "x", True, None, {"b": {}}]},
    (1, (2, "x")),
    {1, 2},
    frozenset({"a"}),
    [{"pair": (1, 2)}],
    datetime(2026, 1, 1, 12, 30, 15, 123456),
    datetime(2026, 1, 1, tzinfo=timezone.utc),
    datetime(2026, 6, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")),
    pendulum.datetime(2026, 6, 1, tz="Europe/Berlin"),
    date(2026, 1, 1),
    timedelta(seconds=1.5),
    Decimal("1.10"),
    pytest.param(
        UUID(int=7),
        marks=pytest.mark.skipif(find_spec("airflow.sdk.serde") is None, reason="Airflow 3.1 stores no UUID"),
    ),
    Size(3),
    File("a", {"rows": 3}, cache=None),
    Ticket(4),
    [Handle(3)],
    ObjectStoragePath("file:///tmp/x"),
]


def producing(value, declared):
    @task.dynamic(out=DynamicOut(declared))
    def files():
        yield DynamicOutput(value, "b")

    @task
    def work(value):
        return value

    @dag(schedule=None)
    def made():
        work(files().collect())

    return made()


@pytest.mark.parametrize(("value", "change", "remedy"), CHANGED)
def test_a_value_that_comes_back_as_something_else(value, change, remedy):
    run = run_task(producing(value, Any), "files")
    assert run.state == "failed"
    assert type(run.error) is errors.UnstorableOutputError
    start = "Task 'files', output 'result', key 'b': XCom does not return the same value: "
    assert run.message.startswith(start)
    assert change in run.message
    assert remedy in run.message
    assert run.supervisor.count("SetXCom") == 0, "nothing may be stored"


@pytest.mark.parametrize(("value", "remedy"), UNREADABLE)
def test_a_value_that_could_not_be_read(value, remedy):
    run = run_task(producing(value, Any), "files")
    assert type(run.error) is errors.UnstorableOutputError
    assert "key 'b': XCom would store a value of type" in run.message
    assert remedy in run.message


def test_a_class_that_airflow_would_not_load():
    run = run_task(producing(Locked(), Any), "files")
    assert type(run.error) is errors.UnstorableOutputError
    assert "key 'b': Airflow would refuse to load the stored value of type Locked: elsewhere.Locked" in (
        run.message
    )
    assert "Add the class to [core] allowed_deserialization_classes" in run.message


@pytest.mark.parametrize("value", SAME, ids=shown)
def test_a_value_that_comes_back_the_same(value):
    run = run_task(producing(value, Any), "files")
    assert run.state == "success", run.error


def test_what_a_clone_returns_is_held_to_the_same():
    @task.dynamic(out=DynamicOut(int))
    def files():
        yield DynamicOutput(1, "b")

    @task
    def work(value):
        return {value: "a"}

    @dag(schedule=None)
    def made():
        work.override(task_id="sink")(files().map(work).collect())

    mapped, supervisor = made(), FakeSupervisor()
    run_task(mapped, "files", supervisor=supervisor)
    run = run_task(mapped, "work", 0, supervisor)
    assert type(run.error) is errors.UnstorableOutputError
    assert "Task 'work', output 'result', key 'b': XCom does not return the same value: the key 1" in (
        run.message
    )


@pytest.fixture
def readings(mocker):
    """What was read back to compare it."""
    return mocker.spy(xcom, "deserialize")


@pytest.mark.parametrize("value", ["x", 1, 2.5, True, None, [1, ["a"]], {"a": {"b": [None]}}])
def test_plain_data_is_not_read_back(value, readings):
    xcom.check_storable(value)
    assert readings.call_count == 0
    xcom.check_storable((value,))
    assert readings.call_count == 1


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.sampled_from(["a", "b", 1, True, None]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(_VALUES)
def test_plain_is_what_comes_back_the_same_from_json(value):
    assert is_plain(value) == (repr(json.loads(json.dumps(value))) == repr(value))
