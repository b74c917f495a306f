"""Records: classes with fields, without generated code."""

from __future__ import annotations

import copy
import pickle
from functools import cached_property
from typing import ClassVar

import pytest

from airflow_dynamic_provider.definitions.records import Record, as_dict, field, field_names, replace

pytestmark = pytest.mark.pure


class Point(Record):
    x: int
    y: int = 0
    names: ClassVar[str] = "not a field"

    @cached_property
    def total(self):
        return self.x + self.y


class Labelled(Point):
    label: str = ""


class Noted(Record):
    key: str
    note: object = field(default_factory=list, compare=False)


class Counter(Record, frozen=False):
    counts: dict = field(default_factory=dict)


class Identity(Record, eq=False):
    x: int


def test_fields_are_given_by_position_and_by_name():
    assert (Point(1, 2).x, Point(1, y=2).y, Point(x=1).y) == (1, 2, 0)
    assert field_names(Labelled) == ("x", "y", "label")
    assert repr(Labelled(1, label="a")) == "Labelled(x=1, y=0, label='a')"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})],
    ids=["none", "too many", "twice", "unknown", "missing"],
)
def test_other_arguments_are_refused(arguments, named):
    with pytest.raises(TypeError, match="Point"):
        Point(*arguments, **named)


def test_equal_records_have_equal_fields_and_one_class():
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(2, 1)
    assert Point(1) != Labelled(1)
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_a_cached_property_does_not_count():
    point = Point(1, 2)
    assert point.total == 3
    assert point == Point(1, 2)


def test_a_field_may_be_left_out_of_comparisons():
    assert Noted("a", [1]) == Noted("a", [2])
    assert hash(Noted("a", [1])) == hash(Noted("a", [2]))


def test_records_may_be_compared_by_identity():
    one = Identity(1)
    assert one != Identity(1)
    assert len({one, one, Identity(1)}) == 2


def test_a_record_cannot_be_changed():
    with pytest.raises(AttributeError, match="'x'"):
        Point(1).x = 2
    with pytest.raises(AttributeError, match="'x'"):
        del Point(1).x


def test_a_record_that_can_be_changed_has_no_hash_and_defaults_of_its_own():
    one, other = Counter(), Counter()
    one.counts["a"] = 1
    assert other.counts == {}
    one.counts = {}
    assert one == other
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_copies():
    point = Labelled(1, 2, "a")
    assert [copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point))] == [point] * 3
    assert replace(point, label="b") == Labelled(1, 2, "b")
    assert as_dict(Noted("a", Point(1))) == {"key": "a", "note": {"x": 1, "y": 0}}
