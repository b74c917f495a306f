"""What a clone collects below its key is the same whether it reads only that, or all keys.

A reader of the keys below one key uses what the task that lists keys has stored for it. Without that, all
keys are read, as an earlier release did. So each task runs twice, with and without it.
"""

from __future__ import annotations

import copy
import random
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out
from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution import layout
from tests.task_runs import CUTS, FakeSupervisor, run_task

#: Outer key -> inner keys. What the producing tasks find.
LISTS = {}


@task.dynamic(out=DynamicOut(str))
def outer():
    for key in LISTS:
        yield DynamicOutput(f"outer {key}", key)


@task.dynamic(out=DynamicOut(str))
def inner(value, mapping_key=None):
    for key in LISTS[mapping_key]:
        yield DynamicOutput(f"inner {mapping_key} {key}", key)


@task.dynamic(out=DynamicOut(str))
def other(value, mapping_key=None):
    for key in [*LISTS[mapping_key][1:], "only other"]:
        yield DynamicOutput(f"other {mapping_key} {key}", key)


@task.dynamic(out={"result": Out(str, is_required=False)})
def work(value):
    yield


@task
def both(value, other):
    return value


@task
def use(values):
    return values


@task
def use_lazy(values):
    return list(values.items())


CLONED = {
    "work": "inner__keys",
    "zipped": "inner_zip_other__keys",
    "paired": "inner_product_other__keys",
}


def body(value):
    produced, others = inner(value), other(value)
    results = produced.map(work)
    zipped = produced.zip(others, how="outer").map(both.override(task_id="zipped"))
    paired = produced.product(others).map(both.override(task_id="paired"))
    use.override(task_id="listed")(results.collect())
    use.override(task_id="tolerant")(results.collect(min_success_ratio=0, keyed=True))
    use_lazy.override(task_id="lazy")(results.collect(min_success_ratio=0, keyed=True, lazy=True))
    use.override(task_id="states")(results.states())
    use.override(task_id="produced")(produced.collect(keyed=True))
    use.override(task_id="of_zip")(zipped.collect(min_success_ratio=0.5, keyed=True))
    use.override(task_id="of_product")(paired.collect(min_success_ratio=0.5, keyed=True))
    use.override(task_id="pairs")(produced.zip(results, how="outer").collect(min_success_ratio=0, keyed=True))
    use.override(task_id="several")([results.collect(min_success_ratio=0), produced.collect()])


with DAG("below", schedule=None) as MADE:
    outer().map(body)

HELPERS = sorted((each for each in MADE.task_ids if each.endswith("__keys")), key=len)
GATES = sorted(each for each in MADE.task_ids if each.endswith("__gate"))
COLLECTORS = sorted(set(MADE.task_ids) - {"outer", "inner", "other", *CLONED, *HELPERS, *GATES})


class Scenario:
    """A run with random keys and states, whose keys may have been listed twice."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.supervisor = FakeSupervisor(cut=self.random.choice(CUTS))
        self.list(1)
        if self.random.random() < 0.5:
            self.list(2)

    def list(self, attempt):
        outers = self.random.sample("abcdef", self.random.randint(1, 5))
        self.settle({key: self.random.sample("uvwxyz", self.random.randint(0, 4)) for key in outers}, attempt)

    def settle(self, lists, attempt):
        LISTS.clear()
        LISTS.update(lists)
        outers = list(lists)
        assert run_task(MADE, "outer", supervisor=self.supervisor).state == "success"
        self.note_attempt("outer", attempt)
        for task_id in ("inner", "other"):
            self.remove(task_id, len(outers))
            for position in range(len(outers)):
                self.drop(task_id, position)
                if self.random.random() < 0.8:
                    run = run_task(MADE, task_id, position, self.supervisor)
                    assert run.state == "success", run.message
                else:
                    self.supervisor.states[task_id, position] = self.end()
                    if attempt > 1:
                        self.mark(task_id, position, (outers[position],), attempt)
        for helper in HELPERS:
            if attempt == 1 or self.random.random() < 0.9:
                self.drop(helper, -1)
                run = run_task(MADE, helper, supervisor=self.supervisor)
                assert run.state == "success" or attempt > 1, run.message
                self.note_attempt(helper, attempt)
        for task_id, listed_by in CLONED.items():
            paths = layout.unpack_keys(self.supervisor.xcoms.get((listed_by, -1, "return_value"), []))
            for position, path in enumerate(paths):
                if attempt == 1 or self.random.random() < 0.7:
                    self.finish(task_id, position, path, attempt)
            self.remove(task_id, len(paths))
        for gate in GATES:
            for position in range(len(outers)):
                self.supervisor.states[gate, position] = "success"
        self.outers = outers

    def note_attempt(self, task_id, attempt):
        for at in list(self.supervisor.xcoms):
            if at[0] == task_id and (".page." in at[2] or at[2].removeprefix("dynamic_keys.").isdecimal()):
                self.supervisor.xcoms[at] = {**self.supervisor.xcoms[at], "attempt": attempt}

    def remove(self, task_id, length):
        """End the clones of a task for which there is no longer a key, as the scheduler does."""
        for each, position in list(self.supervisor.states):
            if each == task_id and position >= length:
                self.supervisor.states[each, position] = "removed"

    def drop(self, task_id, position):
        for each in [each for each in self.supervisor.xcoms if each[:2] == (task_id, position)]:
            del self.supervisor.xcoms[each]

    def mark(self, task_id, position, path, attempt):
        mark = layout.StoredClone(path, position, attempt)
        self.supervisor.xcoms[task_id, position, layout.CLONE_XCOM] = mark.pack()

    def end(self):
        return self.random.choice(["failed", "skipped", "upstream_failed"])

    def finish(self, task_id, position, path, attempt):
        state = "success" if self.random.random() < 0.7 else self.end()
        self.supervisor.states[task_id, position] = state
        if state != "upstream_failed":
            # What the scheduler ends keeps the XComs of an earlier try.
            self.drop(task_id, position)
            if attempt > 1:
                self.mark(task_id, position, path, attempt)
        if state == "success" and self.random.random() < 0.9:
            is_produced = task_id != "work" or self.random.random() < 0.8
            value = f"{task_id} {'/'.join(path)} {attempt}" if is_produced else None
            result = layout.StoredResult(path, position, value, is_produced)
            self.supervisor.xcoms[task_id, position, "dynamic_output.result"] = result.pack()

    def outcome(self, task_id, position, *, with_blocks):
        supervisor = copy.copy(self.supervisor)
        supervisor.messages = []
        supervisor.states = dict(supervisor.states)
        supervisor.xcoms = {
            at: value
            for at, value in supervisor.xcoms.items()
            if with_blocks or not at[2].startswith("dynamic_keys.below.")
        }
        run = run_task(MADE, task_id, position, supervisor)
        return run.state, str(run.error), supervisor.xcoms.get((task_id, position, "return_value"))


def complete(**lists):
    """A run in which all clones have succeeded, by outer key -> inner keys."""
    scenario = Scenario.__new__(Scenario)
    scenario.random = SimpleNamespace(random=lambda: 0.0)
    scenario.supervisor = FakeSupervisor()
    scenario.settle({outer: list(inner) for outer, inner in lists.items()}, 1)
    return scenario


@pytest.mark.parametrize("few", [xcom.FEW, 2])
@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_same_as_if_all_keys_were_read(monkeypatch, seed, few):
    monkeypatch.setattr(xcom, "FEW", few)
    scenario = Scenario(seed + few)
    for position in {0, len(scenario.outers) - 1}:
        for task_id in [*COLLECTORS, *GATES]:
            alone = scenario.outcome(task_id, position, with_blocks=True)
            whole = scenario.outcome(task_id, position, with_blocks=False)
            assert alone == whole, (task_id, position)


def blocks_of(scenario, task_id):
    return layout.StoredBlocks.unpack(scenario.supervisor.xcoms[task_id, -1, "dynamic_keys.below.0"]).blocks


def asked(supervisor, name):
    return [message for message in supervisor.messages if type(message).__name__ == name]


def reads_all(supervisor):
    """Whether a task read a list of all keys."""
    keys = {(message.task_id, message.key) for message in asked(supervisor, "GetXCom")}
    return any(key == "return_value" and task_id in HELPERS for task_id, key in keys)


def run_once(scenario, task_id, position):
    del scenario.supervisor.messages[:]
    run = run_task(MADE, task_id, position, scenario.supervisor)
    assert run.state == "success", run.message
    return scenario.supervisor.xcoms[task_id, position, "return_value"]


def test_the_keys_that_one_side_of_an_outer_zip_has_are_below_their_key_too():
    scenario = complete(a="xy", b="yz")
    blocks = blocks_of(scenario, "inner_zip_other__keys")
    assert [(block.key_path, block.ranges) for block in blocks] == [
        (("a",), ((0, 2), (4, 5))),
        (("b",), ((2, 4), (5, 6))),
    ]
    assert set(run_once(scenario, "of_zip", 1)) == {"y", "z", "only other"}
    assert not reads_all(scenario.supervisor)


@pytest.mark.parametrize("lost", ["a page of keys", "positions", "the range"])
def test_the_positions_of_another_key_are_not_trusted(lost):
    scenario = complete(a="xy", b="yz", c="u")
    xcoms = scenario.supervisor.xcoms
    stored = layout.StoredBlocks.unpack(xcoms["inner__keys", -1, "dynamic_keys.below.0"])
    ranges = {"a page of keys": ((64, 66),), "positions": ((0, 2),), "the range": ((2, 9),)}[lost]
    changed = (stored.blocks[0], layout.StoredBlock(("b",), ranges), stored.blocks[2])
    xcoms["inner__keys", -1, "dynamic_keys.below.0"] = layout.StoredBlocks(changed, 5).pack()
    assert run_once(scenario, "tolerant", 1) == {"y": "work b/y 1", "z": "work b/z 1"}
    assert reads_all(scenario.supervisor)


@pytest.mark.parametrize(("others", "indexes"), [("stuv", [None]), ("rstuvwxyz", [0, 1, 2, 3])])
def test_states_of_many_keys_are_read_at_once_if_there_are_few_others(monkeypatch, others, indexes):
    monkeypatch.setattr(xcom, "FEW", 2)
    scenario = complete(a="wxyz", b=others)
    scenario.supervisor.states["work", 2] = "failed"
    assert set(run_once(scenario, "tolerant", 0)) == {"w", "x", "z"}
    states = [each for each in asked(scenario.supervisor, "GetTaskStates") if "work" in each.task_ids]
    assert [each.map_index for each in states] == indexes


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in range(3):
        yield DynamicOutput(number, f"key {number}")


@task
def check(value):
    return value


@task
def once():
    return 1


with DAG("beside", schedule=None) as BESIDE:
    few = numbers.override(task_id="few")().map(check.override(task_id="of_few"))
    first = once()

    def after_check(value):
        collected = use(few.collect())
        [check(value), first] >> collected

    numbers().map(after_check)


def beside():
    supervisor = FakeSupervisor()
    for task_id in ("few", "numbers", "once"):
        assert run_task(BESIDE, task_id, supervisor=supervisor).state == "success"
    for position in range(3):
        for task_id in ("of_few", "check"):
            assert run_task(BESIDE, task_id, position, supervisor).state == "success"
    return supervisor


@pytest.mark.parametrize(
    ("skipped", "state"),
    [
        (("check", 1), "skipped"),
        (("check", 0), "success"),
        (("once", -1), "skipped"),
        (("of_few", 0), "success"),
    ],
)
def test_a_clone_that_collects_is_skipped_with_its_own_upstream_alone(skipped, state):
    supervisor = beside()
    supervisor.states[skipped] = "skipped"
    del supervisor.messages[:]
    assert run_task(BESIDE, "use", 1, supervisor).state == state
    states = [(each.task_ids, each.map_index) for each in asked(supervisor, "GetTaskStates")]
    # Skipped task instances of tasks for other keys are counted. Only if there are any, they are named.
    assert states[0] == (["check"], 1)
    assert (["once"], None) in states if skipped[0] == "once" else (["once"], None) not in states


def test_the_skipped_clone_of_another_key_does_not_count_if_the_own_one_does_not_exist():
    supervisor = beside()
    del supervisor.states["check", 1]
    supervisor.states["check", 0] = "skipped"
    assert run_task(BESIDE, "use", 1, supervisor).state == "success"
