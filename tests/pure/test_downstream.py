"""Everything that depends on task instances, key by key, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.database.downstream import ALL, find_downstream
from airflow_dynamic_provider.database.structure import SpaceInfo, Structure
from airflow_dynamic_provider.execution.documents import TaskDocument, space_id
from airflow_dynamic_provider.execution.spaces import JoinedSpace, NestedSpace, ProducedSpace

pytestmark = pytest.mark.pure

LETTERS = ProducedSpace("letters", "return_value", None, "letters", "result", True)
DIGITS = ProducedSpace("digits", "return_value", None, "digits", "result", True)
BELOW = NestedSpace("below__keys", "return_value", None, "below", "result", True, LETTERS)
ZIPPED = JoinedSpace("zip__keys", "return_value", None, LETTERS, DIGITS, "outer")
TIMES = JoinedSpace("product__keys", "return_value", None, LETTERS, DIGITS, "product")

PATHS = {
    LETTERS: [("a",), ("b",), ("c",)],
    DIGITS: [("c",), ("d",), ("b",)],
    # Nothing is below "b".
    BELOW: [("a", "x"), ("a", "y"), ("c", "x")],
    ZIPPED: [("a",), ("b",), ("c",), ("d",)],
    TIMES: [(left, right) for left in "abc" for right in "cdb"],
}


def structure(tasks, setups=None):
    """Return a Dag from its tasks in order: task -> (space, upstream by key, other upstream)."""
    documents = {
        task_id: TaskDocument(clone_of=space, same_key=tuple(by_key))
        for task_id, (space, by_key, _) in tasks.items()
    }
    spaces = {space_id(space): SpaceInfo(space_id(space), space, None, (), (), {}) for space in PATHS}
    upstream = {task_id: frozenset([*by_key, *whole]) for task_id, (_, by_key, whole) in tasks.items()}
    return Structure("dag", documents, spaces, {}, upstream, tuple(tasks), setups or {})


def again(dag, **starts):
    return find_downstream(dag, starts, lambda info: PATHS[info.space])


def test_of_one_key_space_it_is_the_same_key():
    dag = structure(
        {"first": (LETTERS, [], []), "second": (LETTERS, ["first"], []), "other": (LETTERS, [], [])}
    )
    assert again(dag, first={1}) == {"first": {1}, "second": {1}}
    assert again(dag, second={1}) == {"second": {1}}
    assert again(dag, first=ALL) == {"first": ALL, "second": ALL}


def test_what_is_not_bound_by_key_runs_again_for_all():
    dag = structure(
        {
            "first": (LETTERS, [], []),
            "collector": (None, [], ["first"]),
            "uses": (LETTERS, ["first"], ["collector"]),
            "whole": (DIGITS, [], ["collector"]),
            "apart": (None, [], []),
        }
    )
    assert again(dag, first={0}) == {"first": {0}, "collector": ALL, "uses": ALL, "whole": ALL}


def test_keys_below_run_again_with_the_outer_one_and_the_other_way_round():
    dag = structure({"outer": (LETTERS, [], []), "inner": (BELOW, ["outer"], [])})
    assert again(dag, outer={0}) == {"outer": {0}, "inner": {0, 1}}
    assert again(dag, outer={1}) == {"outer": {1}}
    assert again(dag, outer={1, 2}) == {"outer": {1, 2}, "inner": {2}}
    up = structure({"inner": (BELOW, [], []), "outer": (LETTERS, ["inner"], [])})
    assert again(up, inner={1}) == {"inner": {1}, "outer": {0}}
    assert again(up, inner={2}) == {"inner": {2}, "outer": {2}}


@pytest.mark.parametrize(
    ("space", "of_letters", "of_digits"),
    [(ZIPPED, {0: {0}, 1: {1}, 2: {2}}, {0: {2}, 1: {3}, 2: {1}}), (TIMES, {1: {3, 4, 5}}, {1: {1, 4, 7}})],
)
def test_joined_keys_run_again_with_either_side(space, of_letters, of_digits):
    dag = structure(
        {"left": (LETTERS, [], []), "right": (DIGITS, [], []), "both": (space, ["left", "right"], [])}
    )
    for position, both in of_letters.items():
        assert again(dag, left={position}) == {"left": {position}, "both": both}
    for position, both in of_digits.items():
        assert again(dag, right={position}) == {"right": {position}, "both": both}


def test_what_was_torn_down_is_set_up_again():
    dag = structure({"work": (LETTERS, [], [])}, {"work": frozenset({"set_up", "tear_down"})})
    assert again(dag, work={2}) == {"work": {2}, "set_up": ALL, "tear_down": ALL}


def test_keys_that_are_not_known_have_nothing_below_them():
    dag = structure({"outer": (LETTERS, [], []), "inner": (BELOW, ["outer"], [])})
    assert find_downstream(dag, {"outer": {0}}, lambda _info: []) == {"outer": {0}}


def parts(space, path):
    """Return the (space, key path) of all existing keys that a key derives from, including itself."""
    if path in PATHS[space]:
        yield space, path
    for link, linked in enumerate(space.links):
        yield from parts(linked, space.path_of_link(link, path))


def test_of_keys_that_have_nothing_in_common_all_run_again():
    dag = structure({"left": (LETTERS, [], []), "right": (DIGITS, ["left"], [])})
    assert again(dag, left={0}) == {"left": {0}, "right": ALL}


def test_when_all_keys_of_one_side_run_again_those_without_that_side_do_not():
    dag = structure(
        {
            "first": (None, [], []),
            "left": (LETTERS, [], ["first"]),
            "zipped": (ZIPPED, ["left"], []),
            "pairs": (TIMES, ["left"], []),
        }
    )
    assert again(dag, first=ALL) == {"first": ALL, "left": ALL, "zipped": {0, 1, 2}, "pairs": ALL}


def are_linked(own, other):
    return any(space is other for space in spaces_in(own)) or any(space is own for space in spaces_in(other))


def spaces_in(space):
    yield space
    for linked in space.links:
        yield from spaces_in(linked)


@st.composite
def dags(draw):
    """Tasks of some spaces. Each depends on some earlier ones, by key if possible, or as a whole."""
    tasks = {}
    for number in range(draw(st.integers(1, 7))):
        space = draw(st.sampled_from([*PATHS, None]))
        by_key, whole = [], []
        for other, (other_space, _, _) in tasks.items():
            can = space is not None and other_space is not None and are_linked(space, other_space)
            match draw(st.sampled_from(["none", "none", "whole", "key"])):
                case "key" if can:
                    by_key.append(other)
                case "whole" | "key":
                    whole.append(other)
        tasks[f"t{number}"] = (space, by_key, whole)
    return tasks


def instances(tasks):
    for task_id, (space, _, _) in tasks.items():
        for position in range(len(PATHS[space])) if space else (-1,):
            yield task_id, position


def depends(tasks, after, before):
    """Return whether one task instance depends directly on another, in the simplest way."""
    (task_id, position), (other_id, other_position) = after, before
    space, by_key, whole = tasks[task_id]
    if other_id in by_key:
        other = tasks[other_id][0]
        return are_parts(space, PATHS[space][position], other, PATHS[other][other_position])
    return other_id in whole


def are_parts(own, path, other, other_path):
    return (other, other_path) in list(parts(own, path)) or (own, path) in list(parts(other, other_path))


@given(dags(), st.data())
def test_what_runs_again_is_closed_and_minimal(tasks, data):
    every = list(instances(tasks))
    chosen = data.draw(st.sets(st.sampled_from(every), min_size=1))
    starts = {}
    for task_id, position in chosen:
        starts.setdefault(task_id, set()).add(position)
    found = again(structure(tasks), **starts)
    members = {at for at in every if at[0] in found and (found[at[0]] is ALL or at[1] in found[at[0]])}
    expected = set(chosen)
    for at in every:
        if at in chosen or any(depends(tasks, at, other) for other in expected):
            expected.add(at)
    assert members == expected
