"""What a clone collects below its key is the same whether it reads only that, or all keys.

A reader of the keys below one key uses what the task that lists keys has stored for it. Without that, all
keys are read, as an earlier release did. So each task runs twice, with and without it.
"""

from __future__ import annotations

import copy
import random

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out
from airflow_dynamic_provider.execution import layout
from tests.task.cost_table import AT, BELOW, Prepared, nested
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
        LISTS.clear()
        LISTS.update((key, self.random.sample("uvwxyz", self.random.randint(0, 4))) for key in outers)
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


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_same_as_if_all_keys_were_read(seed):
    scenario = Scenario(seed)
    for position in {0, len(scenario.outers) - 1}:
        for task_id in [*COLLECTORS, *GATES]:
            alone = scenario.outcome(task_id, position, with_blocks=True)
            whole = scenario.outcome(task_id, position, with_blocks=False)
            assert alone == whole, (task_id, position)
