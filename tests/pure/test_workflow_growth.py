"""How the lists of a workflow grow. Each node runs once, and no reserved slot that asked takes a node."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.listing.slots import RootPlan, first_lists
from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode, pack_plan
from airflow_dynamic_provider.workflows.progress.growth import (
    RESERVED_SLOTS,
    Reserved,
    Snapshot,
    decide_reserved,
    list_again,
)
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.run_graph import Verdict
from airflow_dynamic_provider.workflows.progress.stored import PLAN_XCOM, RESERVED, Slot

pytestmark = pytest.mark.pure

LANES = {
    "work": Lane("work", "wf.work", "wf.nodes.work", grows=True),
    "planner": Lane("planner", "wf.planner", "wf.nodes.planner", plans=True, grows=True),
}
SPEC = WorkflowSpec("wf", "wf.plan", "wf.result", LANES)


class Stored:
    """The data of a run in Airflow's database."""

    def __init__(self, own_states, xcoms):
        self.own_states, self.xcoms = own_states, xcoms
        self.seen, self.snapshot = None, None

    def look(self):
        """Return what is stored now: the same snapshot as long as nothing changes, which is most looks."""
        now = dict(self.own_states), dict(self.xcoms)
        if now != self.seen:
            self.seen, self.snapshot = now, Snapshot(WorkflowReader("dag", "run", SPEC, Stored(*now)))
        return self.snapshot

    def states(self, task_ids):
        return {at: state for at, state in self.own_states.items() if at[0] in task_ids}

    def pull(self, task_id, xcom_key, map_index):
        return self.xcoms.get((task_id, xcom_key, map_index))

    def slots(self, lane):
        return [Slot.unpack(each) for each in self.pull(LANES[lane].list_task_id, "return_value", -1)]

    def store(self, lane, slots):
        self.xcoms[LANES[lane].list_task_id, "return_value", -1] = [slot.pack() for slot in slots]


def plan_of(name, tree):
    """A planning node plans some nodes that plan nothing, and one planning node for each tree."""
    count, trees = tree
    prefix = f"{name}/" if name else ""
    works = [PlannedNode(f"{prefix}w{at}", "work") for at in range(count)]
    return Plan("wf", (*works, *(PlannedNode(f"{prefix}p{at}", "planner") for at, _ in enumerate(trees))))


def subtree(tree, name):
    for part in name.split("/"):
        tree = tree[1][int(part.removeprefix("p"))]
    return tree


def names(tree, name=""):
    plan = plan_of(name, tree)
    below = [names(each, plan.nodes[tree[0] + at].name) for at, each in enumerate(tree[1])]
    return [*(node.name for node in plan.nodes), *(found for each in below for found in each)]


class Run:
    """The actions of the scheduler, the triggerer and the workers, in any order."""

    def __init__(self, tree, chosen, reserved=RESERVED_SLOTS):
        self.tree, self.random = tree, chosen
        root = plan_of("", tree)
        self.stored = Stored({("wf.plan", -1): "success"}, {("wf.plan", PLAN_XCOM, -1): pack_plan(root)})
        for lane, listed in first_lists(SPEC, [RootPlan(root)]).items():
            slots = [slot for slot in listed.slots if slot.name != RESERVED]
            self.stored.store(lane, [*slots, *[Slot(RESERVED)] * (reserved if tree[1] else 0)])
            self.stored.own_states[LANES[lane].list_task_id, -1] = "deferred"
        # By task instance: the read from which on it may decide, what it runs, and how often it asked.
        self.since, self.running = {}, {}
        self.asked, self.ran = Counter(), Counter()
        self.looks = [self.stored.look()]

    def step(self):
        events = [
            *((self.expand, lane) for lane in LANES if not self.instances(lane)),
            *((self.keep, lane) for lane in LANES if self.state(lane, None) not in FINAL),
            *((self.decide, lane, at) for lane in LANES for at in self.instances(lane, "deferred")),
            *((self.work, lane, at) for lane in LANES for at in self.instances(lane, "running")),
        ]
        if not events:
            return False
        event, *arguments = self.random.choice(events)
        event(*arguments)
        if self.random.random() < 0.7:
            self.looks.append(self.stored.look())
        return True

    def state(self, lane, at):
        tasks = LANES[lane]
        return self.stored.own_states.get((tasks.list_task_id, -1) if at is None else (tasks.task_id, at))

    def instances(self, lane, state=None):
        task_id = LANES[lane].task_id
        return [
            at
            for (each, at), known in self.stored.own_states.items()
            if each == task_id and state in (None, known)
        ]

    def expand(self, lane):
        for at in range(len(self.stored.slots(lane))):
            if self.state(lane, at) is None:
                self.start(lane, at)

    def start(self, lane, at):
        self.stored.own_states[LANES[lane].task_id, at] = "deferred"
        self.since[lane, at] = len(self.looks)

    def end(self, lane, at, state="success"):
        self.stored.own_states[LANES[lane].task_id, at] = state

    def keep(self, lane):
        snapshot = self.random.choice(self.looks[-5:])
        seen = snapshot.reader.slots(lane)
        if seen != self.stored.slots(lane):
            return
        self.stored.store(lane, list_again(snapshot, lane, seen))
        if not snapshot.may_grow:
            self.stored.own_states[LANES[lane].list_task_id, -1] = "success"

    def decide(self, lane, at):
        looks = self.looks[max(self.since[lane, at], len(self.looks) - 5) :]
        if looks:
            self.decide_by(self.random.choice(looks), lane, at)

    def decide_by(self, snapshot, lane, at):
        slot = snapshot.reader.slots(lane)[at]
        if not slot.name:
            reserved = decide_reserved(snapshot, lane, at)
            if reserved is Reserved.END:
                self.end(lane, at)
            elif reserved is Reserved.ASK:
                self.end(lane, at, "running")
                self.running[lane, at] = None
        elif snapshot.graphs[()].decide(slot.name).verdict is Verdict.READY:
            self.end(lane, at, "running")
            self.running[lane, at] = slot.name

    def work(self, lane, at):
        name = self.running.pop((lane, at))
        if name is None:
            self.ask(lane, at)
            return
        assert not self.asked[lane, at]
        self.ran[name] += 1
        if lane == "planner":
            plan = plan_of(name, subtree(self.tree, name))
            self.stored.xcoms[LANES[lane].task_id, PLAN_XCOM, at] = pack_plan(plan)
        self.end(lane, at)

    def ask(self, lane, at):
        # The worker reads again before it decides, because another reserved slot may have asked meanwhile.
        reserved = decide_reserved(self.stored.look(), lane, at)
        if reserved is Reserved.END:
            self.end(lane, at)
            return
        if reserved is Reserved.ASK:
            self.asked[lane, at] += 1
            self.expand(lane)
        self.start(lane, at)


trees = st.recursive(
    st.tuples(st.integers(0, 3), st.just([])),
    lambda below: st.tuples(st.integers(0, 3), st.lists(below, max_size=3)),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(trees, st.integers(0, 2**32), st.sampled_from([RESERVED_SLOTS, 1]))
def test_each_node_runs_once_and_no_reserved_slot_asks_twice(tree, seed, reserved):
    run = Run(tree, random.Random(seed), reserved)
    for _ in range(5000):
        if not run.step():
            break
    assert set(run.stored.own_states.values()) == {"success"}
    assert run.ran == Counter(names(tree))
    assert set(run.asked.values()) <= {1}
    # Each listed slot has a task instance, so that a later clear creates no more.
    for lane in LANES:
        assert len(run.instances(lane)) == len(run.stored.slots(lane))


def grown(depth, reserved=RESERVED_SLOTS):
    """A run of levels. Each has one node that plans nothing and one that plans the next level."""
    tree = (0, [])
    for _ in range(depth):
        tree = (1, [tree])
    return Run(tree, random.Random(1), reserved)


def test_a_level_takes_the_reserved_slots_that_are_there():
    run = grown(3)
    for lane in LANES:
        run.expand(lane)
        assert run.stored.slots(lane)[1:] == [Slot(RESERVED), Slot(RESERVED)]
    run.decide_by(run.stored.look(), "planner", 0)
    run.work("planner", 0)
    snapshot = run.stored.look()
    for lane, name in (("work", "p0/w0"), ("planner", "p0/p0")):
        slots = list_again(snapshot, lane, run.stored.slots(lane))
        assert slots[1].name == name
        # The next reserved slot asks, and then there are two for the next level.
        assert slots[2:] == [Slot(RESERVED, asks=True), Slot(RESERVED), Slot(RESERVED)]
        run.stored.store(lane, slots)
    # The node in a reserved slot starts, although no slot has asked yet.
    run.decide_by(run.stored.look(), "work", 1)
    assert run.running["work", 1] == "p0/w0"


def test_a_list_of_an_earlier_release_has_one_reserved_slot_that_asks():
    run = grown(2, reserved=1)
    for lane in LANES:
        run.expand(lane)
    run.decide_by(run.stored.look(), "planner", 0)
    run.work("planner", 0)
    slots = list_again(run.stored.look(), "work", run.stored.slots("work"))
    assert [slot.name for slot in slots] == ["w0", RESERVED, "p0/w0", RESERVED, RESERVED]
    assert slots[1].asks


def test_where_an_earlier_release_has_ended_the_list_its_last_reserved_slot_asks():
    run = grown(1, reserved=1)
    run.expand("work")
    run.stored.store("work", [*run.stored.slots("work"), Slot("p0/w0", plan="1"), Slot(RESERVED)])
    assert decide_reserved(run.stored.look(), "work", 1) is Reserved.WAIT
    run.stored.own_states["wf.nodes.work", -1] = "success"
    assert decide_reserved(run.stored.look(), "work", 1) is Reserved.ASK


def test_where_no_reserved_slot_is_left_nothing_is_listed_that_would_never_run():
    run = grown(2)
    for lane in LANES:
        run.expand(lane)
    run.decide_by(run.stored.look(), "planner", 0)
    run.work("planner", 0)
    for at in (1, 2):
        run.end("work", at)
    snapshot = run.stored.look()
    assert list_again(snapshot, "work", run.stored.slots("work")) == run.stored.slots("work")
    assert snapshot.graphs[()].failures == ["p0", "p0/w0"]
