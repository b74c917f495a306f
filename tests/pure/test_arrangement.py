"""The groups of cloned tasks, their upstream tasks, and the gates that they need, from notes alone."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.authoring.arranging.arrangement import Segment, find_arrangement
from airflow_dynamic_provider.authoring.arranging.gating import AllBelow, OneKey, waits_for
from airflow_dynamic_provider.authoring.model.notes import Gathering, Notes, Way, are_related
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.execution.spaces import (
    Cut,
    JoinedSpace,
    NestedSpace,
    ProducedSpace,
    find_routes,
)

pytestmark = pytest.mark.pure

FILES = ProducedSpace("files", "files.keys", None, "files", "result", True)
USERS = ProducedSpace("users", "users.keys", None, "users", "result", True)
#: The keys of the outputs of ``split``, which is cloned for the files.
PARTS = NestedSpace("parts", "return", FILES, "split", "result", True, FILES)
OTHER_PARTS = NestedSpace("others", "return", FILES, "split", "others", True, FILES)
PAIRS = JoinedSpace("pairs", "return", None, FILES, USERS, "product")
CUTS = {space: Cut(space, f"{space.keys_task_id}__batches") for space in (FILES, PARTS, PAIRS)}
LISTS = {
    "files": set(),
    "users": set(),
    "parts": {"split"},
    "others": {"split"},
    "pairs": {"files", "users"},
    **{cut.task_id: {space.keys_task_id} for space, cut in CUTS.items()},
}


def notes(
    upstream, spaces, *, stubborn=(), units=None, uses=(), orders=(), collects=(), gathers=None, batched=()
):
    """The notes of a Dag file. ``uses`` are pairs whose first task reads the second's value of its own key.

    ``stubborn`` are the tasks that run after any upstream failure, ``batched`` those that run many keys.
    """
    known = {**LISTS, "split": set(), **{task: set() for task in spaces}, **upstream}
    space_of = {"split": FILES, **spaces}
    for task, up in collects:
        known[task] = {*known[task], up}
    return Notes(
        upstream={task: set(ups) for task, ups in known.items()},
        passing_on=known.keys() - set(stubborn),
        space_of=space_of,
        unit_of={task: task for task in space_of} | (units or {}),
        uses={pair: {Way(space_of[pair[1]])} for pair in uses},
        orders=frozenset(orders),
        collects_all=frozenset(collects),
        gathers=gathers or {},
        cut_of={task: CUTS[space_of[task]] for task in batched},
    )


def below(*task_ids):
    return Gathering(frozenset({"split", *task_ids}), PARTS)


def own_key(task_id, space=FILES):
    return OneKey(task_id, Way(space))


# Where a task belongs.


def test_tasks_of_a_key_space_share_a_segment_and_wait_key_by_key():
    found = find_arrangement(notes({}, {"load": FILES, "use": FILES}, uses=[("use", "load")]))
    assert found.segment_of["load"] == found.segment_of["use"] == Segment(FILES, 0)
    assert found.edges == {("use", "load")}
    assert found.starts == {"load", "split"}
    assert (found.cut, found.gates, found.dissolved) == (set(), {}, set())


def test_what_needs_a_total_begins_a_segment():
    found = find_arrangement(
        notes({"use": {"total"}, "total": set()}, {"load": FILES, "use": FILES}, collects=[("total", "load")])
    )
    assert found.segment_of["use"] == Segment(FILES, 1)
    assert found.starts == {"load", "split", "use"}


def test_a_clone_that_collects_its_own_key_space_begins_a_segment_and_waits_for_all():
    found = find_arrangement(
        notes({}, {"load": FILES, "use": FILES}, uses=[("use", "load")], collects=[("use", "load")])
    )
    assert found.segment_of["use"] == Segment(FILES, 1)
    assert (found.edges, found.cut, found.gates) == (set(), set(), {})


def test_what_collects_its_peers_below_their_outer_key_begins_a_segment():
    found = find_arrangement(notes({}, {"work": PARTS, "use": PARTS}, gathers={"use": (below("work"),)}))
    assert [found.segment_of[task] for task in ("work", "use")] == [Segment(PARTS, 0), Segment(PARTS, 1)]


def test_what_is_ordered_after_the_keys_below_it_begins_a_segment():
    # The list of the parts waits for all clones of `split`, which would wait for their own group.
    found = find_arrangement(
        notes({"use": {"work"}}, {"work": PARTS, "use": FILES}, orders=[("use", "work")])
    )
    assert found.segment_of["use"] == Segment(FILES, 1)


def test_a_group_of_the_authors_stays_whole_where_it_can():
    given_notes = notes(
        {"use": {"total"}, "total": set()},
        {"load": FILES, "use": FILES, "other": FILES},
        collects=[("total", "load")],
        units={"use": "group", "other": "group"},
    )
    found = find_arrangement(given_notes)
    assert found.segment_of["use"] == found.segment_of["other"] == Segment(FILES, 1)
    assert found.dissolved == set()


def test_a_group_that_needs_its_own_collection_is_dissolved():
    given_notes = notes(
        {"use": {"total"}, "total": set()},
        {"load": FILES, "use": FILES, "other": FILES},
        collects=[("total", "load")],
        units={"load": "group", "use": "group"},
    )
    found = find_arrangement(given_notes)
    assert found.dissolved == {"group"}
    assert [found.segment_of[task].level for task in ("load", "use", "other")] == [0, 1, 0]


# What needs a gate.


def test_a_value_of_another_key_space_needs_a_gate_and_no_edge():
    found = find_arrangement(notes({"use": {"load"}}, {"load": FILES, "use": PARTS}, uses=[("use", "load")]))
    assert found.gates == {"use": (own_key("load"),)}
    assert found.cut == {("use", "load")}
    assert "use" not in found.starts


def total_between(**more):
    """``use`` reads the value of ``load`` for its key, and waits for the total of all keys."""
    return notes(
        {"use": {"total"}, "total": set()},
        {"load": FILES, "use": FILES},
        uses=[("use", "load")],
        collects=[("total", "load")],
        **more,
    )


def test_a_value_that_is_waited_for_through_a_total_needs_no_gate():
    assert find_arrangement(total_between()).gates == {}


@pytest.mark.parametrize("task", ["total", "use"])
def test_a_total_does_for_a_gate_only_where_failures_are_passed_on(task):
    assert find_arrangement(total_between(stubborn=[task])).gates == {"use": (own_key("load"),)}


def test_an_order_has_its_gate_though_a_total_is_waited_for():
    # `total` runs even if a key was skipped. By the order, the key's clone of `use` is skipped too.
    assert find_arrangement(total_between(orders=[("use", "load")])).gates == {"use": (own_key("load"),)}


def test_a_task_further_up_may_wait_for_the_total():
    given_notes = notes(
        {"first": {"total"}, "total": set()},
        {"load": FILES, "first": FILES, "use": FILES},
        uses=[("use", "load"), ("use", "first")],
        collects=[("total", "load")],
    )
    assert find_arrangement(given_notes).gates == {}
    assert find_arrangement(replace(given_notes, passing_on={"use", "total"})).gates.keys() == {"use"}


def test_a_clone_further_up_may_collect_all_clones():
    given_notes = notes(
        {},
        {"load": FILES, "first": FILES, "use": FILES},
        uses=[("use", "load"), ("use", "first")],
        collects=[("first", "load")],
    )
    assert find_arrangement(given_notes).gates == {}


def gated_before(*, stubborn=()):
    """``first`` and ``use`` read the value of ``load`` for the outer key. ``use`` runs after ``first``."""
    return notes(
        {},
        {"load": FILES, "first": PARTS, "use": PARTS},
        uses=[("first", "load"), ("use", "load"), ("use", "first")],
        stubborn=stubborn,
    )


def test_the_gate_before_an_upstream_task_of_the_key_stops_the_task_too():
    assert find_arrangement(gated_before()).gates == {"first": (own_key("load"),)}


def test_the_gate_further_up_is_found_whichever_task_was_made_first():
    given_notes = notes(
        {},
        {"load": FILES, "after": PARTS, "before": PARTS},
        uses=[("before", "load"), ("after", "load")],
        orders=[("after", "before")],
    )
    assert find_arrangement(given_notes).gates == {"before": (own_key("load"),)}


@pytest.mark.parametrize("task", ["first", "use"])
def test_a_gate_further_up_does_only_where_failures_are_passed_on(task):
    assert find_arrangement(gated_before(stubborn=[task])).gates.keys() == {"first", "use"}


def test_a_gate_further_up_has_to_look_at_the_same_key():
    left, right = Way(PAIRS, (0,)), Way(PAIRS, (1,))
    given_notes = notes({}, {"load": FILES, "first": PAIRS, "use": PAIRS}, uses=[("use", "first")])
    uses = {**given_notes.uses, ("first", "load"): {left}, ("use", "load"): {left, right}}
    found = find_arrangement(replace(given_notes, uses=uses))
    assert found.gates == {
        "first": (OneKey("load", left),),
        "use": (OneKey("load", left), OneKey("load", right)),
    }


def test_what_is_collected_below_a_key_has_a_gate():
    given_notes = notes({}, {"work": PARTS, "use": FILES}, gathers={"use": (below("work"),)})
    found = find_arrangement(given_notes)
    assert found.gates == {"use": (below("work"),)}
    assert waits_for(found.gates["use"][0]) == {"work", "split", "parts"}


def test_an_order_after_the_keys_below_has_a_gate():
    found = find_arrangement(
        notes({"use": {"work"}}, {"work": PARTS, "use": FILES}, orders=[("use", "work")])
    )
    assert found.gates == {"use": (AllBelow("work", frozenset({"work", "split"}), "parts"),)}
    assert waits_for(found.gates["use"][0]) == {"work", "split", "parts"}


def test_a_gate_looks_at_all_that_its_task_needs():
    given_notes = notes(
        {},
        {"load": FILES, "greet": USERS, "use": PAIRS},
        uses=[("use", "load"), ("use", "greet")],
        orders=[("use", "greet")],
    )
    assert find_arrangement(given_notes).gates == {"use": (own_key("greet", USERS), own_key("load"))}


def test_a_ring_of_orders_is_left_for_airflow_to_refuse():
    given_notes = notes(
        {"load": {"use"}, "use": {"load"}},
        {"load": FILES, "use": FILES},
        orders=[("load", "use"), ("use", "load")],
    )
    assert find_arrangement(given_notes).edges == {("load", "use"), ("use", "load")}


# For any notes.

SPACES = (None, FILES, USERS, PARTS, PAIRS)


@st.composite
def any_notes(draw):
    """Tasks with and without keys. Each depends on some earlier ones, in every possible way."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 9)))]
    space_of = {"split": FILES}
    upstream = {**LISTS, "split": set()}
    uses, orders, collects, gathers = {}, set(), set(), {}
    for position, name in enumerate(names):
        own = draw(st.sampled_from(SPACES))
        upstream[name] = set()
        if own is not None:
            space_of[name] = own
        for up in draw(st.lists(st.sampled_from(names[:position] or ["split"]), max_size=3, unique=True)):
            other = space_of.get(up)
            if other is None:
                upstream[name].add(up)
            elif own is None or not are_related(own, other) or draw(st.integers(0, 3)) == 0:
                if own in (FILES, PARTS) and other is PARTS:
                    gathers[name] = (*gathers.get(name, ()), below(up))
                else:
                    collects.add((name, up))
                    upstream[name].add(up)
            elif find_routes(own, other).found and draw(st.booleans()):
                uses[name, up] = {Way(other)}
            else:
                orders.add((name, up))
                upstream[name].add(up)
    stubborn = draw(st.sets(st.sampled_from(names), max_size=2))
    units = {task: task for task in space_of}
    for one, other in draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=2)):
        if one in space_of and space_of.get(other) is space_of[one]:
            units[one] = units[other] = f"group of {units[other]}"
    return Notes(
        upstream=upstream,
        passing_on=upstream.keys() - stubborn,
        space_of=space_of,
        unit_of=units,
        uses=uses,
        orders=frozenset(orders),
        collects_all=frozenset(collects),
        gathers=gathers,
    )


def applied(given_notes, found):
    """Return the tasks that each task waits for in Airflow's graph after the arrangement."""
    graph = {task: set(ups) for task, ups in given_notes.upstream.items()}
    for task, up in found.cut:
        graph[task].discard(up)
    for task, up in found.edges:
        graph[task].add(up)
    for task in found.starts:
        graph[task].add(given_notes.space_of[task].keys_task_id)
    for task, checks in found.gates.items():
        gate = gate_of(task)
        graph[task].add(gate)
        graph[gate] = {given_notes.space_of[task].keys_task_id}.union(*map(waits_for, checks))
    return graph


def gate_of(task):
    return f"gate of {task}"


def segments(found):
    return {**found.segment_of, **{gate_of(task): found.segment_of[task] for task in found.gates}}


def above(graph, task):
    """Return everything that a task waits for, directly or not."""
    reached, todo = set(), [task]
    while todo:
        new = graph[todo.pop()] - reached
        reached |= new
        todo += new
    return reached


@given(any_notes())
def test_no_mapped_group_depends_on_itself(given_notes):
    found = find_arrangement(given_notes)
    segment_of = segments(found)
    sorter = TopologicalSorter()
    for task, ups in applied(given_notes, found).items():
        node = segment_of.get(task, task)
        sorter.add(node, *(up for up in (segment_of.get(up, up) for up in ups) if up != node))
    sorter.prepare()


@given(any_notes())
def test_a_clone_waits_for_every_clone_that_matters_to_its_key(given_notes):
    graph = applied(given_notes, find_arrangement(given_notes))
    for task, up in given_notes.uses.keys() | given_notes.orders | given_notes.collects_all:
        assert up in above(graph, task)
    for task, gatherings in given_notes.gathers.items():
        assert all(each.task_ids <= above(graph, task) for each in gatherings)


@given(any_notes())
def test_between_two_groups_only_a_gate_or_a_collector_waits_for_clones(given_notes):
    found = find_arrangement(given_notes)
    segment_of = segments(found)
    for task, ups in applied(given_notes, found).items():
        for up in ups & segment_of.keys():
            is_beside = segment_of.get(task) == segment_of[up]
            is_expected = (task, up) in given_notes.collects_all or task not in found.segment_of
            assert is_beside or is_expected


# What stops a key of a batch, although the batch succeeds.


def in_a_row(**facts):
    """The notes of a Dag file in which ``load`` needs ``read`` for its key, and ``use`` needs ``load``."""
    spaces = {"read": FILES, "load": FILES, "use": FILES}
    return notes({}, spaces, uses=[("use", "load"), ("load", "read")], **facts)


def test_what_stops_a_key_of_a_batch_is_found_through_the_batches_before_it():
    found = find_arrangement(in_a_row(batched=["load", "use"], stubborn=["read"]))
    assert found.behind == {"load": {"read"}, "use": {"load", "read"}}
    assert found.undecided == set()


def test_what_stops_a_key_of_a_batch_is_not_sought_before_tasks_that_run_one_key():
    # `load` may run after a failure of `read`. Then no key of `use` is stopped.
    found = find_arrangement(in_a_row(batched=["use"], stubborn=["load"]))
    assert found.behind == {"use": {"load"}}


def test_what_is_collected_below_a_key_of_a_batch_stops_it():
    found = find_arrangement(
        notes(
            {},
            {"work": PARTS, "use": FILES},
            gathers={"use": (below("work"),)},
            batched=["use"],
        )
    )
    assert (found.behind, found.undecided) == ({"use": {"split", "work"}}, set())


@pytest.mark.parametrize(
    "facts",
    [
        {"uses": [("use", "load")]},
        {"gathers": {"use": (Gathering(frozenset({"split", "pick"}), OTHER_PARTS),)}},
    ],
    ids=["it is used", "it is collected"],
)
def test_what_fails_for_an_outer_key_stops_whole_batches(facts):
    found = find_arrangement(
        notes({}, {"load": FILES, "pick": OTHER_PARTS, "use": PARTS}, batched=["use"], **facts)
    )
    assert (found.behind, found.undecided) == ({"use": set()}, set())


@pytest.mark.parametrize(
    ("space", "facts"),
    [
        (PAIRS, {"uses": [("use", "load")]}),
        (FILES, {"gathers": {"use": (replace(below("work"), tolerates_failures=True),)}}),
        (FILES, {"gathers": {"use": (Gathering(frozenset({"work"}), PAIRS),)}}),
    ],
    ids=["a side may have no partner", "it is tolerated", "it is joined"],
)
def test_only_its_own_records_tell_whether_a_key_of_a_batch_was_stopped(space, facts):
    found = find_arrangement(
        notes({}, {"load": FILES, "work": PARTS, "use": space}, batched=["use"], **facts)
    )
    assert (found.behind, found.undecided) == ({}, {"use"})


@given(any_notes())
def test_nothing_waits_for_all_keys_of_its_own_segment(given_notes):
    found = find_arrangement(given_notes)
    segment_of = segments(found)
    graph = applied(given_notes, found)
    for task, up in given_notes.collects_all:
        assert segment_of.get(task) != segment_of[up]
    for task in found.gates:
        assert segment_of[task] not in {segment_of.get(up) for up in graph[gate_of(task)]}


@given(any_notes())
def test_an_order_and_a_collection_below_are_looked_at_by_the_tasks_own_gate(given_notes):
    found = find_arrangement(given_notes)
    for task, up in found.cut & given_notes.orders:
        assert up in {check.task_id for check in found.gates[task] if not isinstance(check, Gathering)}
    for task, gatherings in given_notes.gathers.items():
        assert set(gatherings) <= set(found.gates[task])


@given(any_notes())
def test_every_clone_begins_with_the_list_of_its_keys(given_notes):
    graph = applied(given_notes, find_arrangement(given_notes))
    for task, space in given_notes.space_of.items():
        assert space.keys_task_id in above(graph, task)


@given(any_notes())
def test_what_moves_as_a_whole_is_in_one_segment(given_notes):
    found = find_arrangement(given_notes)
    for unit in set(given_notes.unit_of.values()) - found.dissolved:
        assert (
            len({found.segment_of[task] for task, each in given_notes.unit_of.items() if each == unit}) == 1
        )


@given(any_notes(), st.randoms())
def test_the_order_in_which_things_were_noted_does_not_matter(given_notes, random):
    def shuffled(mapping):
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    other = replace(
        given_notes,
        upstream=shuffled(given_notes.upstream),
        space_of=shuffled(given_notes.space_of),
        unit_of=shuffled(given_notes.unit_of),
        uses=shuffled(given_notes.uses),
        gathers=shuffled(given_notes.gathers),
    )
    assert find_arrangement(other) == find_arrangement(given_notes)


@given(any_notes())
def test_an_edge_that_the_arrangement_takes_out_stays_an_order(given_notes):
    """A second arrangement, from the graph that the first one left, changes nothing."""
    found = find_arrangement(given_notes)
    left = {
        task: {up for up in ups if (task, up) not in found.cut} for task, ups in given_notes.upstream.items()
    }
    assert find_arrangement(replace(given_notes, upstream=left)) == found
