"""The layout of outputs in XCom: the keys, the stored documents, and their version."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import DynamicOutput, MetadataValue
from airflow_dynamic_provider.definitions.keys import RESERVED_OUTPUT_NAMES, check_output_name
from airflow_dynamic_provider.definitions.records import field_names
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.layout import (
    MadeBy,
    ProducedKey,
    StoredBlock,
    StoredBlocks,
    StoredClone,
    StoredEntries,
    StoredEntry,
    StoredItem,
    StoredItems,
    StoredMetadata,
    StoredNotStarted,
    StoredResult,
    StoredSkip,
    StoredValues,
)
from tests.pure.json_objects import stored
from tests.pure.refusals import refused
from tests.pure.strategies import key_paths, labelled, mapping_keys, output_names, xcom_values

pytestmark = pytest.mark.pure


# The keys of XCom


ADDRESSES = {
    "item": layout.item_xcom,
    "keys": lambda output, position: layout.keys_xcom(output),
    "values": layout.values_xcom,
    "result": lambda output, position: layout.result_xcom(output),
    "static": lambda output, position: output,
    "return value": lambda output, position: layout.RETURN_VALUE,
    "metadata": lambda output, position: layout.METADATA_XCOM,
    "produced": lambda output, position: layout.PRODUCED_XCOM,
    "clone": lambda output, position: layout.CLONE_XCOM,
    "not started": lambda output, position: layout.NOT_STARTED_XCOM,
    "entries": lambda output, position: layout.entries_xcom(position),
    "blocks": lambda output, position: layout.blocks_xcom(position),
}
OF_A_POSITION = {"item", "values", "entries", "blocks"}
OF_NO_OUTPUT = {"return value", "metadata", "produced", "clone", "not started", "entries", "blocks"}


@st.composite
def addresses(draw):
    """The XComs of one task instance: a kind, an output, and a position if it has one."""
    kind = draw(st.sampled_from(sorted(ADDRESSES)))
    output = None if kind in OF_NO_OUTPUT else draw(output_names)
    return kind, output, draw(st.integers(0, 2000)) if kind in OF_A_POSITION else None


@given(addresses(), addresses())
def test_two_things_never_share_an_xcom(one, other):
    xcoms = {ADDRESSES[kind](output, position) for kind, output, position in (one, other)}
    assert len(xcoms) == len({one, other})


@given(output_names, st.integers(0, 2000), st.integers(0, 2000))
def test_two_positions_of_one_output_never_share_an_xcom(output, one, other):
    assert (layout.item_xcom(output, one) == layout.item_xcom(output, other)) == (one == other)


def test_what_an_xcom_is_called_stays_as_it_is():
    assert layout.item_xcom("files", 12) == "dynamic_output.files.12"
    assert layout.keys_xcom("files") == "dynamic_output.files.keys"
    assert layout.keys_xcom("files", is_only=True) == "return_value"
    assert layout.values_xcom("files", 0) == "dynamic_output.files.all"
    assert layout.values_xcom("files", 2) == "dynamic_output.files.all.2"
    assert (layout.CLONE_XCOM, layout.entries_xcom(3)) == ("dynamic_clone", "dynamic_keys.3")
    assert layout.blocks_xcom(3) == "dynamic_keys.below.3"
    assert layout.result_xcom("files") == "dynamic_output.files"
    assert (layout.METADATA_XCOM, layout.PRODUCED_XCOM) == ("output_metadata", "produced_outputs")


def test_no_output_can_have_the_name_of_another_xcom():
    taken = {layout.RETURN_VALUE, layout.METADATA_XCOM, layout.PRODUCED_XCOM, layout.CLONE_XCOM}
    assert taken == RESERVED_OUTPUT_NAMES
    for name in taken:
        with refused(ValueError, "the XCom with this name has another use"):
            check_output_name(name)


# Round trips


positions = st.integers(0, 2000)
items = st.lists(
    st.builds(DynamicOutput, xcom_values, mapping_keys, metadata=labelled),
    unique_by=lambda each: each.mapping_key,
).flatmap(
    lambda events: st.builds(
        StoredItems.of,
        st.just(events),
        key_path=st.just(()) | key_paths,
        attempt=st.integers(1, 9),
        starts=st.lists(positions, max_size=2).map(tuple),
    )
)
clones = st.builds(StoredClone, key_paths, positions, st.integers(1, 9))
not_started = st.builds(StoredNotStarted, key_paths, positions, st.text())
entries = st.builds(
    StoredEntry,
    key_paths,
    st.lists(positions | st.none(), min_size=1, max_size=3).map(tuple),
    positions | st.none(),
    labelled,
)
pages = st.builds(StoredEntries, st.lists(entries, max_size=3).map(tuple), st.integers(1, 9))
results = st.builds(StoredResult, key_paths, st.integers(-1, 2000), xcom_values, st.booleans())
metadatas = st.builds(
    StoredMetadata,
    outputs=st.dictionaries(output_names, labelled, max_size=3),
    keys=st.dictionaries(output_names, st.dictionaries(mapping_keys, labelled, max_size=2), max_size=2),
    inherited=labelled,
    key_path=st.just(()) | key_paths,
)


@given(st.one_of(items, results, metadatas, clones, not_started, pages))
def test_what_is_stored_is_what_is_read(document):
    packed = stored(document.pack())
    assert type(document).unpack(packed) == document
    assert packed["version"] == 1


@given(st.lists(xcom_values, max_size=4), st.just(()) | key_paths, positions)
def test_values_keep_their_order(values, key_path, map_index):
    clone = (key_path, map_index) if key_path else ()
    for given_values in (values, tuple(values)):
        read = StoredValues.unpack(stored(StoredValues(given_values, *clone).pack()))
        assert read == StoredValues(values, *clone)


@given(st.dictionaries(mapping_keys, labelled, max_size=4))
def test_produced_keys_keep_their_order_and_metadata(keys):
    read = layout.unpack_produced_keys(stored(layout.pack_produced_keys(keys)))
    assert list(read.items()) == [(key, ProducedKey(metadata)) for key, metadata in keys.items()]


@given(st.lists(mapping_keys | key_paths, max_size=4))
def test_keys_are_read_as_key_paths(keys):
    paths = [(key,) if isinstance(key, str) else key for key in keys]
    assert layout.unpack_keys(stored(keys)) == paths
    assert layout.unpack_keys(tuple(keys)) == paths


SAMPLES = [
    StoredItems(("b",), [{"x": [1]}], {0: {"rows": {"type": "int", "value": 1}}}, ("a",), 2, (1,)),
    StoredClone(key_path=("a", "b"), map_index=7, attempt=2),
    StoredNotStarted(key_path=("a", "b"), map_index=7, reason="why"),
    StoredBlocks((StoredBlock(("a",), ((3, 5), (9, 10))), StoredBlock(("b",), ())), 10),
    StoredValues([1], ("a",), 7, ("x",), (1,), {0: {"n": {"type": "int", "value": 3}}}, 2),
    StoredResult(key_path=("a", "b"), map_index=7, value="v", is_produced=False, tries=2, milliseconds=12.5),
    StoredSkip(key_path=("a", "b"), map_index=7, tries=2, milliseconds=12.5),
    StoredMetadata(
        outputs={"total": {"rows": MetadataValue.int(1)}},
        keys={"files": {"a": {"path": MetadataValue.path("/a")}}},
        inherited={"note": MetadataValue.md("**b**")},
        key_path=("a", "b"),
        made_by=MadeBy("dag", "run", "task", 2, "a/b"),
    ),
]


def of_its_class(sample):
    return type(sample).__name__


@pytest.mark.parametrize("sample", SAMPLES, ids=of_its_class)
def test_no_field_is_lost(sample):
    read = type(sample).unpack(stored(sample.pack()))
    for name in field_names(sample):
        value = getattr(sample, name)
        assert value not in (getattr(type(sample), name, None), None, {}, ()), "a sample that shows nothing"
        assert getattr(read, name) == value


@pytest.mark.parametrize("sample", SAMPLES, ids=of_its_class)
def test_a_stored_document_cannot_be_changed(sample):
    with pytest.raises(AttributeError):
        sample.key_path = ("other",)


def test_the_positions_below_a_key_are_those_of_all_its_ranges():
    assert StoredBlock(("a",), ((3, 5), (9, 10))).positions == [3, 4, 9]
    assert StoredBlock(("a",), ()).positions == []


def test_what_need_not_be_said():
    item = StoredItem(("a",), 1)
    assert (item.metadata, item.attempt) == ({}, 1)
    result = StoredResult(("a",), 7)
    assert (result.value, result.is_produced, result.tries, result.milliseconds) == (None, True, None, None)
    metadata = StoredMetadata()
    assert (metadata.outputs, metadata.keys, metadata.inherited, metadata.key_path) == ({}, {}, {}, ())


def test_every_stored_class_has_a_sample():
    classes = {member for name, member in vars(layout).items() if name.startswith("Stored")}
    # Entries are documents inside a document. Their own round trips test them. Items are only read.
    assert {type(sample) for sample in SAMPLES} == classes - {
        StoredBlock,
        StoredEntry,
        StoredEntries,
        StoredItem,
    }


def test_empty_metadata_is_not_worth_storing():
    assert not StoredMetadata()
    assert not StoredMetadata(key_path=("a",))
    assert StoredMetadata().pack() == {"version": 1}
    value = {"a": MetadataValue.null()}
    assert StoredMetadata(inherited=value)
    assert StoredMetadata(outputs={"o": value})
    assert StoredMetadata(keys={"o": {"k": value}})


# Documents of version 1, as they are in databases


ITEM = """
{"version": 1, "key_path": ["orders.csv"], "value": "/data/orders.csv",
 "metadata": {"bytes": {"type": "int", "value": 12}}}
"""
RESULT = (
    '{"version": 1, "key_path": ["tenant", "orders.csv"], "map_index": 3, "is_produced": true, "value": null}'
)
CLONE = '{"version": 1, "key_path": ["tenant", "orders.csv"], "map_index": 3, "attempt": 2}'
ENTRIES = """
{"version": 1, "attempt": 2, "entries": [
    {"key_path": ["tenant", "orders.csv"], "links": [3], "item": 0,
     "metadata": {"bytes": {"type": "int", "value": 12}}}]}
"""
METADATA = """
{"version": 1,
 "key_path": ["orders.csv"],
 "outputs": {"result": {
    "text": {"type": "text", "value": "a"},
    "url": {"type": "url", "value": "https://example.org"},
    "path": {"type": "path", "value": "/a"},
    "notebook": {"type": "notebook", "value": "/a.ipynb"},
    "json": {"type": "json", "value": {"a": [1, null, "NaN"]}},
    "md": {"type": "md", "value": "**a**"},
    "int": {"type": "int", "value": 1},
    "float": {"type": "float", "value": "Infinity"},
    "bool": {"type": "bool", "value": true},
    "timestamp": {"type": "timestamp", "value": "2024-01-01T00:00:00+00:00"},
    "table": {"type": "table", "value": {"columns": ["a"], "rows": [{"a": 1}]}},
    "image": {"type": "image", "value": {"source": "https://example.org/a.png", "alt": ""}},
    "asset": {"type": "asset", "value": {"name": "a", "uri": "s3://a"}},
    "dag_run": {"type": "dag_run", "value": {"dag_id": "d", "run_id": "r"}},
    "python_artifact": {"type": "python_artifact", "value": {"module": "builtins", "name": "len"}},
    "null": {"type": "null", "value": null}}},
 "keys": {"files": {"orders.csv": {"bytes": {"type": "int", "value": 12}}}},
 "inherited": {"bytes": {"type": "int", "value": 12}}}
"""


def test_an_item_of_version_1_is_still_read():
    assert StoredItem.unpack(json.loads(ITEM)) == StoredItem(
        ("orders.csv",), "/data/orders.csv", {"bytes": MetadataValue.int(12)}
    )


def test_a_result_of_version_1_is_still_read():
    assert StoredResult.unpack(json.loads(RESULT)) == StoredResult(("tenant", "orders.csv"), 3, None, True)


def test_the_mark_of_a_clone_of_version_1_is_still_read():
    assert StoredClone.unpack(json.loads(CLONE)) == StoredClone(("tenant", "orders.csv"), 3, 2)


def test_a_list_of_keys_of_version_1_is_still_read():
    entry = StoredEntry(("tenant", "orders.csv"), (3,), 0, {"bytes": MetadataValue.int(12)})
    assert StoredEntries.unpack(json.loads(ENTRIES)) == StoredEntries((entry,), 2)


def test_metadata_of_version_1_is_still_read():
    read = StoredMetadata.unpack(json.loads(METADATA))
    assert read.key_path == ("orders.csv",)
    assert read.keys == {"files": {"orders.csv": {"bytes": MetadataValue.int(12)}}}
    assert read.inherited == {"bytes": MetadataValue.int(12)}
    assert read.outputs["result"] == {
        "text": MetadataValue.text("a"),
        "url": MetadataValue.url("https://example.org"),
        "path": MetadataValue.path("/a"),
        "notebook": MetadataValue.notebook("/a.ipynb"),
        "json": MetadataValue.json({"a": [1, None, float("nan")]}),
        "md": MetadataValue.md("**a**"),
        "int": MetadataValue.int(1),
        "float": MetadataValue.float(float("inf")),
        "bool": MetadataValue.bool(True),
        "timestamp": MetadataValue.timestamp(1704067200),
        "table": MetadataValue.table([{"a": 1}]),
        "image": MetadataValue.image("https://example.org/a.png"),
        "asset": MetadataValue("asset", {"name": "a", "uri": "s3://a"}),
        "dag_run": MetadataValue.dag_run("d", "r"),
        "python_artifact": MetadataValue.python_artifact(len),
        "null": MetadataValue.null(),
    }


@pytest.mark.parametrize(
    ("cls", "document"),
    [
        (StoredResult, RESULT),
        (StoredMetadata, METADATA),
        (StoredClone, CLONE),
        (StoredEntries, ENTRIES),
    ],
    ids=["result", "metadata", "clone", "entries"],
)
def test_a_document_of_version_1_is_still_written_as_it_was(cls, document):
    assert cls.unpack(json.loads(document)).pack() == json.loads(document)


def test_values_and_keys_of_version_1_are_still_read():
    assert StoredValues(("a", None)).pack() == {"version": 1, "values": ["a", None]}
    assert StoredValues.unpack({"version": 1, "values": ["a", None]}) == StoredValues(["a", None])
    assert layout.unpack_keys(["a", "b"]) == [("a",), ("b",)]
    assert layout.unpack_keys([["outer", "inner"]]) == [("outer", "inner")]


# What is refused


UNPACKERS = [
    pytest.param(StoredItem.unpack, "a dynamic output", id="item"),
    pytest.param(StoredResult.unpack, "a clone's output", id="result"),
    pytest.param(StoredMetadata.unpack, "output metadata", id="metadata"),
    pytest.param(StoredValues.unpack, "the values of a dynamic output", id="values"),
    pytest.param(StoredClone.unpack, "the mark of a clone", id="clone"),
    pytest.param(StoredNotStarted.unpack, "the mark of a clone that did not start", id="not started"),
    pytest.param(StoredEntries.unpack, "a list of keys", id="entries"),
    pytest.param(StoredBlocks.unpack, "the positions of keys below others", id="blocks"),
]


@pytest.mark.parametrize(("unpack", "noun"), UNPACKERS)
@pytest.mark.parametrize("version", [0, 2, "1", None])
@pytest.mark.parametrize("others", [{}, {"renamed": 1}, json.loads(ITEM), json.loads(RESULT)])
def test_another_version_is_refused_with_a_remedy_whatever_its_fields(unpack, noun, version, others):
    remedy = "Clear the producing task, so that the installed release stores its outputs again."
    if version == 2:
        remedy = (
            "Upgrade this component of Airflow to the release that stored it. "
            f"If that release was removed: {remedy[0].lower()}{remedy[1:]}"
        )
    with refused(LayoutError, f"{noun} is stored in version {version!r}, but this release reads 1. {remedy}"):
        unpack({**others, "version": version})


@pytest.mark.parametrize(("unpack", "noun"), UNPACKERS)
@pytest.mark.parametrize("document", [None, [], "text", 7, {}, {"key_path": ["a"]}])
def test_what_was_not_stored_by_this_package_is_refused(unpack, noun, document):
    with refused(LayoutError, f"this is not {noun} as it is stored: {document!r}"):
        unpack(document)


@pytest.mark.parametrize(
    ("unpack", "noun", "document"),
    [
        (StoredItem.unpack, "a dynamic output", ITEM),
        (StoredResult.unpack, "a clone's output", RESULT),
        (StoredValues.unpack, "the values of a dynamic output", '{"version": 1, "values": []}'),
        (StoredClone.unpack, "the mark of a clone", CLONE),
        (StoredEntries.unpack, "a list of keys", ENTRIES),
    ],
    ids=["item", "result", "values", "clone", "entries"],
)
def test_a_document_that_lacks_a_field_is_refused(unpack, noun, document):
    for name in set(json.loads(document)) - {"version"}:
        incomplete = json.loads(document)
        del incomplete[name]
        with refused(LayoutError, f"this is not {noun} as it is stored: {incomplete!r}"):
            unpack(incomplete)


@pytest.mark.parametrize("path", [[], "a", None, 7, [1], ["a", None], {"a": 1}])
def test_a_key_path_of_another_form_is_refused(path):
    for unpack, document in (
        (StoredItem.unpack, ITEM),
        (StoredResult.unpack, RESULT),
        (StoredMetadata.unpack, METADATA),
    ):
        with refused(LayoutError, f"this is not a stored key path: {path!r}"):
            unpack({**json.loads(document), "key_path": path})


@pytest.mark.parametrize("keys", [None, "a", 7, {"a": 1}])
def test_keys_that_are_no_list_are_refused(keys):
    with refused(LayoutError, f"this is not a list of mapping keys: {keys!r}"):
        layout.unpack_keys(keys)


@pytest.mark.parametrize("key", [1, None, [], [1], {"a": 1}])
def test_a_list_that_holds_something_else_than_keys_is_refused(key):
    with refused(LayoutError, f"this is not a stored key path: {key!r}"):
        layout.unpack_keys(["a", key])


def test_values_that_are_no_list_are_refused():
    with refused(LayoutError, "this is not the values of a dynamic output as it is stored"):
        StoredValues.unpack({"version": 1, "values": "text"})


@pytest.mark.parametrize(
    "entry", [None, {}, {"key_path": ["a"]}, {**json.loads(ENTRIES)["entries"][0], "links": 1}]
)
def test_an_entry_of_another_form_is_refused(entry):
    with refused(LayoutError, f"this is not an entry of a list of keys as it is stored: {entry!r}"):
        StoredEntries.unpack({"version": 1, "attempt": 1, "entries": [entry]})


@pytest.mark.parametrize("keys", [None, 1, [{}], ["a"]])
def test_produced_keys_of_another_form_are_refused(keys):
    with refused(LayoutError, f"this is not a list of produced keys as it is stored: {keys!r}"):
        layout.unpack_produced_keys(keys)


@pytest.mark.parametrize(
    "part",
    [
        {"outputs": []},
        {"outputs": {"o": []}},
        {"keys": []},
        {"keys": {"o": []}},
        {"keys": {"o": {"k": []}}},
        {"inherited": []},
    ],
)
def test_metadata_whose_parts_are_of_another_form_is_refused(part):
    with refused(LayoutError, "this is not stored metadata: []"):
        StoredMetadata.unpack({"version": 1, **part})


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "b", "c"], ["a", 1], "ab", {"a": 1}, 5])
def test_values_have_a_key_each(keys):
    with pytest.raises(LayoutError, match="this is not"):
        StoredValues.unpack({"version": 1, "values": [1, 2], "keys": keys})
