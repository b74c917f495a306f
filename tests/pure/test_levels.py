"""Levels put tasks of a key space into groups that never depend on themselves."""

from __future__ import annotations

from graphlib import TopologicalSorter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.authoring.arranging.levels import Dependencies, UnsettledUnitError, find_levels

pytestmark = pytest.mark.pure


def dependencies(upstream, spaces, collects=(), units=None):
    tasks = set(upstream) | set(spaces) | {up for ups in upstream.values() for up in ups}
    return Dependencies(
        upstream={task: set(upstream.get(task, ())) for task in tasks},
        space_of=spaces,
        unit_of={task: task for task in spaces} | (units or {}),
        collects=set(collects),
    )


def test_a_chain_inside_one_key_space_stays_on_one_level():
    graph = dependencies({"g": ["f"], "h": ["g"]}, dict.fromkeys("fgh", "s"))
    assert find_levels(graph) == {"f": 0, "g": 0, "h": 0}


def test_a_way_through_the_outside_begins_a_level():
    graph = dependencies({"total": ["f"], "g": ["f", "total"]}, dict.fromkeys("fg", "s"))
    assert find_levels(graph) == {"f": 0, "g": 1}


def test_what_merely_depends_on_the_outside_begins_none():
    graph = dependencies({"g": ["f", "setting"]}, dict.fromkeys("fg", "s"))
    assert find_levels(graph) == {"f": 0, "g": 0}


def test_a_collection_inside_the_key_space_begins_a_level():
    graph = dependencies({"g": ["f"]}, dict.fromkeys("fg", "s"), collects=[("g", "f")])
    assert find_levels(graph) == {"f": 0, "g": 1}


def test_a_unit_is_on_one_level():
    graph = dependencies(
        {"total": ["f"], "g": ["total"]}, dict.fromkeys("fgh", "s"), units={"g": "unit", "h": "unit"}
    )
    assert find_levels(graph) == {"f": 0, "g": 1, "h": 1}


def test_a_unit_that_needs_its_own_collection_is_refused():
    graph = dependencies(
        {"total": ["f"], "g": ["total"]}, dict.fromkeys("fg", "s"), units={"f": "unit", "g": "unit"}
    )
    with pytest.raises(UnsettledUnitError) as caught:
        find_levels(graph)
    assert caught.value.task_id in "fg"


def test_two_key_spaces_back_and_forth_get_levels_that_count_each_other():
    upstream = {"of_a": ["a1"], "b1": ["of_a"], "of_b": ["b2"], "a2": ["of_b"]}
    levels = find_levels(dependencies(upstream, {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}))
    assert levels == {"a1": 0, "a2": 1, "b1": 1, "b2": 0}


def test_a_chain_outside_may_be_longer_than_calls_can_be_deep():
    names = [f"t{number}" for number in range(5000)]
    chain = {name: [before] for before, name in pairwise(names)}
    graph = dependencies({**chain, "t0": ["f"], "g": ["t4999"], "h": ["g"]}, dict.fromkeys("fgh", "s"))
    assert find_levels(graph) == {"f": 0, "g": 1, "h": 1}


def test_a_ring_outside_is_left_for_airflow_to_refuse():
    graph = dependencies({"a": ["b", "f"], "b": ["a"], "g": ["b"]}, dict.fromkeys("fg", "s"))
    assert find_levels(graph) == {"f": 0, "g": 1}


@st.composite
def graphs(draw):
    names = [f"t{number}" for number in range(draw(st.integers(1, 12)))]
    spaces = {name: draw(st.sampled_from(["", "s", "r"])) for name in names}
    upstream, collects = {}, set()
    for position, name in enumerate(names):
        upstream[name] = set(
            draw(st.lists(st.sampled_from(names[:position]), max_size=3)) if position else ()
        )
        collects |= {
            (name, up)
            for up in upstream[name]
            if spaces[name] and spaces[up] == spaces[name] and draw(st.booleans())
        }
    return dependencies(upstream, {name: space for name, space in spaces.items() if space}, collects)


@given(graphs())
def test_groups_never_depend_on_themselves(graph):
    levels = find_levels(graph)

    def node(task):
        return (graph.space_of[task], levels[task]) if task in levels else task

    sorter = TopologicalSorter()
    for task, upstream in graph.upstream.items():
        sorter.add(node(task), *(node(up) for up in upstream if node(up) != node(task)))
    sorter.prepare()


@given(graphs())
def test_levels_rise_along_every_dependency_and_with_every_collection(graph):
    levels = find_levels(graph)
    assert set(levels) == set(graph.space_of)
    for task, upstream in graph.upstream.items():
        for up in upstream:
            if task in levels and graph.space_of.get(up) == graph.space_of[task]:
                assert levels[task] >= levels[up] + ((task, up) in graph.collects)
