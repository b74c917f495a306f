"""The stored form of nodes does not depend on a database's order of an object's keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.workflows.plan.plan import ConcurrencyLimit, PlannedNode
from airflow_dynamic_provider.workflows.progress.stored import (
    ListedNode,
    PlanAddress,
    Slot,
    StoredNode,
    pack_blocked,
    pack_nodes,
    unpack_blocked,
    unpack_nodes,
    unpack_slots,
)
from airflow_dynamic_provider.workflows.tasks.values import stamp_of
from tests.pure.json_objects import stored
from tests.pure.strategies import key_paths, storable_text, xcom_values

pytestmark = pytest.mark.pure

counts = st.integers(0, 50)
paths = st.just(()) | key_paths
names = storable_text.filter(bool)
slots = st.builds(Slot, st.none() | names, paths, counts, storable_text)
nodes = st.builds(
    PlannedNode,
    names,
    names,
    st.dictionaries(names, st.builds(lambda name: {"$ref": name, "path": [0]}, names), max_size=3),
    st.lists(names, max_size=2).map(tuple),
    st.none() | counts,
    st.none() | st.builds(ConcurrencyLimit, names, counts, counts),
)
listed = st.builds(
    ListedNode,
    nodes,
    st.builds(PlanAddress, names, counts, storable_text, paths, names),
    st.dictionaries(names, st.tuples(names, counts), max_size=3),
)
left_behind = st.builds(
    StoredNode, names, paths, counts, names, names, st.dictionaries(names, names, max_size=3), xcom_values
)


@given(st.lists(slots, max_size=4))
def test_slots(given_slots):
    read = unpack_slots(stored([slot.pack() for slot in given_slots]))
    assert [slot.pack() for slot in read] == [slot.pack() for slot in given_slots]


@given(st.lists(st.none() | listed, max_size=3))
def test_nodes(given_nodes):
    assert list(unpack_nodes(stored(pack_nodes(given_nodes, 1.5))).nodes) == given_nodes


@given(left_behind)
def test_what_a_node_leaves(left):
    assert StoredNode.unpack(stored(left.pack())) == left


@given(names, storable_text)
def test_why_a_node_was_not_run(name, reason):
    assert unpack_blocked(stored(pack_blocked(name, reason))) == (name, reason)


@given(xcom_values)
def test_a_value_has_one_stamp(value):
    assert stamp_of(stored(value)) == stamp_of(value)
