"""Orders of whole calls in a body, applied to their nodes. Letters stand for nodes and calls."""

from __future__ import annotations

import pytest

from airflow_dynamic_provider.workflows.planning.orders import see_through, start_calls, waits

pytestmark = pytest.mark.pure


def test_who_waits_for_a_call_without_nodes_waits_for_what_that_waits_for():
    after = {"a": [], "b": [], "E": ["a", "b"], "F": ["E"], "c": ["F"], "d": ["c", "E"]}
    found = see_through(after, {"E", "F"})
    assert (found["c"], found["d"]) == (["a", "b"], ["c", "a", "b"])


def test_each_is_waited_for_once():
    after = {"a": [], "E": ["a"], "F": ["a"], "c": ["a", "E", "F"]}
    assert see_through(after, {"E", "F"})["c"] == ["a"]


def test_calls_without_nodes_that_wait_for_one_another_hold_nobody_up():
    after = {"a": [], "E": ["F", "a"], "F": ["E"], "c": ["F"]}
    assert see_through(after, {"E", "F"})["c"] == ["a"]


def test_the_first_nodes_of_a_call_wait_for_what_the_call_waits_for():
    after = {"a": [], "C": ["a"], "c1": [], "c2": ["c1"], "c3": []}
    found = start_calls(after, {"c3": ["c1"]}, {"C": ["c1", "c2", "c3"]}, {"C": {"c1", "c2", "c3"}})
    assert (found["c1"], found["c2"], found["c3"]) == (["a"], ["c1"], [])


def test_a_node_that_waits_for_something_outside_is_a_first_one_too():
    after = {"a": [], "b": [], "C": ["a"], "c": ["b"]}
    assert start_calls(after, {"c": ["b"]}, {"C": ["c"]}, {"C": {"c"}})["c"] == ["b", "a"]


def test_calls_inside_calls():
    after = {"a": [], "b": [], "C": ["a"], "D": ["b"], "c": [], "d": []}
    members = {"C": ["c", "d"], "D": ["d"]}
    found = start_calls(after, {}, members, {"C": {"c", "D", "d"}, "D": {"d"}})
    assert (found["c"], found["d"]) == (["a"], ["a", "b"])
    # The inner one waits for a node of the outer one, so that node is the first.
    found = start_calls({**after, "D": ["c"], "d": ["c"]}, {}, members, {"C": {"c", "D", "d"}, "D": {"d"}})
    assert (found["c"], found["d"]) == (["a"], ["c"])


def test_a_call_before_itself_is_a_ring_of_all_its_nodes():
    after = {"C": ["C"], "c1": [], "c2": ["c1"]}
    found = start_calls(after, {}, {"C": ["c1", "c2"]}, {"C": {"c1", "c2"}})
    assert (found["c1"], found["c2"]) == (["C"], ["c1", "C"])


def test_what_uses_a_call_without_nodes_waits_for_what_that_waits_for():
    """``a >> E``, and ``c`` receives the return value of ``E``, a constant."""
    after = {"a": [], "E": ["a"], "c": []}
    assert waits(after, {"c": ["E"]}, {"E": []}, {"E": set()})["c"] == ["a"]


def test_a_node_that_uses_a_call_without_nodes_inside_its_own_call_is_a_first_one():
    after = {"a": [], "C": ["a"], "E": [], "c": []}
    found = waits(after, {"c": ["E"]}, {"C": ["c"], "E": []}, {"C": {"E", "c"}, "E": set()})
    assert found["c"] == ["a"]
