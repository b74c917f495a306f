"""Whether a clone's state belongs to the attempt that listed the current keys."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.definitions.states import NEVER_STARTED, WITHOUT_RESULT
from airflow_dynamic_provider.execution.attempts import History, outdated_positions, tasks_concerned
from airflow_dynamic_provider.execution.clones import CloneSpec
from airflow_dynamic_provider.execution.layout import StoredClone
from airflow_dynamic_provider.execution.spaces import ProducedSpace

pytestmark = pytest.mark.pure

SPACE = ProducedSpace("produce", "return_value", None, "produce", "result", True)
NOW = 3


def clone(task_id, *same_key, other=(), needs_success=True):
    return CloneSpec(
        task_id, SPACE, same_key=list(same_key), other_upstream=list(other), needs_success=needs_success
    )


class World:
    """The states that Airflow knows, the notes of clones, and the number of reads of each."""

    def __init__(self, states, noted=()):
        self.states = {(task_id, 0): state for task_id, state in states.items()}
        self.noted = dict(noted)
        self.asked = Counter()

    def history(self):
        return History(NOW, self.read_states, self.read_marks)

    def read_states(self):
        self.asked["states"] += 1
        return self.states

    def read_marks(self, task_id):
        self.asked[task_id] += 1
        return [StoredClone(("a",), 0, self.noted[task_id]).pack()] if task_id in self.noted else []


def is_current(spec, states, noted=()):
    return World(states, noted).history().is_current(spec, 0)


@pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed", "running", None])
def test_what_a_clone_has_noted_in_this_attempt_decides_alone(state):
    world = World({"t": state}, {"t": NOW})
    assert world.history().is_current(clone("t"), 0)
    assert world.asked == {"t": 1}


@pytest.mark.parametrize("noted", [{}, {"t": NOW - 1}], ids=["nothing", "earlier"])
@pytest.mark.parametrize("state", ["success", "failed", "removed", "running", None])
def test_one_that_began_in_an_earlier_attempt_is_not_current(state, noted):
    assert not is_current(clone("t", other=["u"]), {"t": state, "u": "failed"}, noted)


@pytest.mark.parametrize("state", sorted(NEVER_STARTED))
@pytest.mark.parametrize("noted", [{}, {"t": NOW - 1}], ids=["nothing", "earlier"])
def test_one_that_never_began_is_told_by_what_kept_it_from_running(state, noted):
    alone, behind = clone("t"), clone("t", clone("u"))
    # None did. The clone skipped itself, or was ended, for an earlier key.
    assert not is_current(alone, {"t": state}, noted)
    assert not is_current(behind, {"t": state, "u": "success"}, {**noted, "u": NOW})
    # A task for all keys did, which does not depend on the keys.
    assert is_current(clone("t", other=["w"]), {"t": state, "w": "skipped"}, noted)
    assert not is_current(clone("t", other=["w"]), {"t": state, "w": "success"}, noted)
    # The clone of its key did, in this attempt or in an earlier one.
    assert is_current(behind, {"t": state, "u": "failed"}, {**noted, "u": NOW})
    assert not is_current(behind, {"t": state, "u": "failed"}, {**noted, "u": NOW - 1})
    # A clone did that never began either, and before it one that began.
    chain = clone("t", clone("u", clone("v")))
    assert is_current(chain, {"t": state, "u": state, "v": "skipped"}, {**noted, "v": NOW})
    assert not is_current(chain, {"t": state, "u": state, "v": "skipped"}, noted)


@pytest.mark.parametrize(
    ("noted", "expected"), [({"u": NOW, "v": NOW}, True), ({"u": NOW}, False), ({}, False)]
)
def test_with_a_trigger_rule_of_its_own_all_of_its_key_tell(noted, expected):
    ruled = clone("t", clone("u"), clone("v"), needs_success=False)
    assert is_current(ruled, {"t": "skipped", "u": "success", "v": "failed"}, noted) is expected
    assert not is_current(clone("t", needs_success=False), {"t": "skipped"})


def test_a_chain_may_be_longer_than_pythons_stack_and_each_clone_is_judged_once():
    chain = clone("t0")
    for number in range(1, 3_000):
        chain = clone(f"t{number}", chain)
    world = World(
        {**{f"t{number}": "upstream_failed" for number in range(3_000)}, "t0": "failed"}, {"t0": NOW}
    )
    history = world.history()
    assert history.is_current(chain, 0)
    asked = world.asked.copy()
    assert set(asked.values()) == {1}
    assert history.is_current(chain.same_key[0], 0)
    assert world.asked == asked


def test_ways_that_meet_again_are_not_gone_twice():
    """There are 2 ** 40 of them."""
    top = clone("top")
    task_ids = ["top"]
    for number in range(40):
        sides = [clone(f"{side}{number}", top) for side in "lr"]
        top = clone(f"t{number}", *sides)
        task_ids += [*(each.task_id for each in sides), top.task_id]
    states = {**dict.fromkeys(task_ids, "skipped"), "top": "failed"}
    assert is_current(top, states, {"top": NOW})
    assert not is_current(top, states, {"top": NOW - 1})
    assert tasks_concerned(top) == set(task_ids)


def by_definition(spec, states, noted):
    """Return the result of the rule as it is documented."""
    state = states.get(spec.task_id)
    if noted.get(spec.task_id) == NOW:
        return True
    if state not in NEVER_STARTED:
        return False
    if any(states.get(other) in WITHOUT_RESULT for other in spec.other_upstream):
        return True
    verdicts = [(each, by_definition(each, states, noted)) for each in spec.same_key]
    if not spec.needs_success:
        return bool(verdicts) and all(verdict for _, verdict in verdicts)
    return any(verdict and states.get(each.task_id) in WITHOUT_RESULT for each, verdict in verdicts)


@st.composite
def runs(draw):
    clones = []
    for number in range(draw(st.integers(1, 7))):
        upstream = [each for each in clones if draw(st.booleans())]
        other = draw(st.sampled_from([(), ("w",)]))
        clones.append(clone(f"t{number}", *upstream, other=other, needs_success=draw(st.booleans())))
    task_ids = [*(each.task_id for each in clones), "w"]
    each_state = st.sampled_from(["success", "failed", "skipped", "upstream_failed"])
    states = {task_id: draw(each_state) for task_id in task_ids}
    noted = {task_id: draw(st.sampled_from([NOW, NOW - 1])) for task_id in task_ids if draw(st.booleans())}
    return clones, states, noted


@given(runs())
def test_it_is_the_rule(run):
    clones, states, noted = run
    history = World(states, noted).history()
    for spec in reversed(clones):
        assert history.is_current(spec, 0) is by_definition(spec, states, noted)


def test_a_clone_of_another_key_may_have_stopped_the_one_that_is_looked_at(mocker):
    """A task of another key space stops all clones by any of its own, at whatever position that one is."""
    states = {("work", 0): "upstream_failed", ("other", 0): "success", ("other", 3): "failed"}

    def read_states(_context, task_ids):
        return {at: state for at, state in states.items() if at[0] in task_ids}

    def read_states_at(_context, task_ids, map_index):
        return {at: state for at, state in read_states(None, task_ids).items() if at[1] == map_index}

    path = "airflow_dynamic_provider.execution.attempts"
    mocker.patch(f"{path}.attempt_of_keys", return_value=NOW)
    mocker.patch(f"{path}.xcom.pull", return_value=None)
    mocker.patch(f"{path}.xcom.read_states", read_states)
    mocker.patch(f"{path}.xcom.read_states_at", read_states_at)
    assert outdated_positions({}, clone("work", other=["other"]), [0]) == set()
    assert outdated_positions({}, clone("work"), [0]) == {0}
