"""``Output`` and ``DynamicOutput``: the events of a producing task."""

from __future__ import annotations

import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import DynamicOutput, MetadataValue, Output
from airflow_dynamic_provider.errors import InvalidMappingKeyError, InvalidMetadataError
from tests.pure.refusals import refused
from tests.pure.strategies import json_values, mapping_keys

pytestmark = pytest.mark.pure


def make_dynamic(value, output_name="result", metadata=None):
    return DynamicOutput(value, "k", output_name, metadata)


both = pytest.mark.parametrize("make", [Output, make_dynamic])


@both
def test_an_event_is_of_the_output_result_and_has_no_metadata(make):
    event = make(1)
    assert (event.value, event.output_name, event.metadata) == (1, "result", {})


def test_the_order_of_arguments():
    one = Output(1, "total", {"a": 2})
    assert (one.value, one.output_name, one.metadata) == (1, "total", {"a": MetadataValue.int(2)})
    many = DynamicOutput(1, "k", "files", {"a": 2})
    assert (many.value, many.mapping_key, many.output_name) == (1, "k", "files")
    assert many.metadata == {"a": MetadataValue.int(2)}


def test_a_dynamic_output_needs_a_key():
    with pytest.raises(TypeError, match="mapping_key"):
        DynamicOutput(1)


@given(mapping_keys)
def test_the_key_is_kept_as_it_is(key):
    assert DynamicOutput(None, key).mapping_key == key


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("", "must not be empty"),
        (7, "must be a str"),
        ("a\n", "control characters"),
        ("x" * 251, "at most 250"),
    ],
)
def test_a_bad_key_is_refused_with_its_output(key, rule):
    with pytest.raises(InvalidMappingKeyError, match=rf"^Output 'files': a mapping key .*{rule}") as caught:
        DynamicOutput(1, key, "files")
    assert caught.value.output_name == "files"


def test_a_key_that_is_far_too_long_does_not_fill_the_log():
    with pytest.raises(InvalidMappingKeyError, match="at most 250 characters") as caught:
        DynamicOutput(1, "x" * 100_000)
    assert len(str(caught.value)) < 300


def test_bad_metadata_is_refused_with_its_output_and_key():
    with refused(InvalidMetadataError, "Output 'total': metadata 'x': no metadata kind fits {1}"):
        Output(1, "total", {"x": {1}})
    with refused(
        InvalidMetadataError, "Output 'files', key 'k': metadata 'x': no metadata kind fits {1}"
    ) as caught:
        DynamicOutput(1, "k", "files", {"x": {1}})
    assert (caught.value.output_name, caught.value.mapping_key) == ("files", "k")


@both
@given(value=json_values | st.builds(object))
def test_the_value_is_the_very_object(make, value):
    assert make(value).value is value


@both
def test_an_event_cannot_be_changed(make):
    with pytest.raises(dataclasses.FrozenInstanceError):
        make(1).value = 2


@both
def test_metadata_changed_after_the_event_changes_nothing(make):
    rows = [{"a": 1}]
    metadata = {"list": [1, [2]], "dict": {"a": {"b": 1}}, "table": MetadataValue.table(rows)}
    event = make(1, metadata=metadata)
    metadata["list"][1].append(3)
    metadata["dict"]["a"]["b"] = 2
    metadata["more"] = 1
    rows[0]["a"] = 2
    rows.append({"a": 3})
    assert event.metadata == {
        "list": MetadataValue.json([1, [2]]),
        "dict": MetadataValue.json({"a": {"b": 1}}),
        "table": MetadataValue.table([{"a": 1}]),
    }


@pytest.mark.parametrize("event", [Output(1), DynamicOutput(1, "k")], ids=["Output", "DynamicOutput"])
def test_a_copy_and_a_pickle_keep_every_field(event):
    others = {
        "value": 2,
        "mapping_key": "other",
        "output_name": "other",
        "metadata": {"a": MetadataValue.int(1)},
    }
    names = [field.name for field in dataclasses.fields(event)]
    for name in names:
        changed = dataclasses.replace(event, **{name: others[name]})
        expected = {**{name: getattr(event, name) for name in names}, name: others[name]}
        assert {name: getattr(changed, name) for name in names} == expected
        assert changed != event
        assert pickle.loads(pickle.dumps(changed)) == changed


@both
def test_events_of_different_kinds_are_never_equal(make):
    assert make(1) == make(1)
    assert Output(1) != make_dynamic(1)


def test_a_subclass_of_str_as_key_becomes_plain_text():
    class Text(str):
        pass

    assert type(DynamicOutput(1, Text("a")).mapping_key) is str


def test_the_parametrised_classes_make_events_too():
    assert DynamicOutput[str]("v", mapping_key="k") == DynamicOutput("v", "k")
    assert Output[int](1) == Output(1)
