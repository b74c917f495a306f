"""Collections beyond a thousand keys: complete and by key whatever happened, and one page in memory."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.execution.collected import PAGE_SIZE, CollectedMapping, CollectedSequence
from tests.task_runs import CUTS, FakeSupervisor, by_row, run_task

COUNT = 2_500
KEYS = [f"key {number:05}" for number in range(COUNT)]

received = []


@task.dynamic(out=DynamicOut(str))
def produce():
    for key in KEYS:
        yield DynamicOutput(f"produced {key}", mapping_key=key)


@task
def work(value):
    return value


@task
def look(values):
    received.append(values)


@pytest.fixture(autouse=True)
def collected():
    """What the collector received."""
    received.clear()
    return received


@pytest.fixture
def dag():
    with DAG("large", schedule=None) as made:
        produced = produce()
        handle = produced.map(work)
        look.override(task_id="listed")(handle.collect())
        look.override(task_id="keyed")(handle.collect(keyed=True))
        look.override(task_id="tolerant")(handle.collect(keyed=True, min_success_ratio=0))
        look.override(task_id="items")(produced.collect(keyed=True))
        look.override(task_id="states")(handle.states())
    return made


@pytest.fixture(params=CUTS, ids=lambda cut: cut.__name__)
def supervisor(monkeypatch, request):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", str(COUNT))
    return FakeSupervisor(cut=request.param)


def finish(supervisor, position, state="success", value=None):
    """Leave what a clone leaves."""
    supervisor.states["work", position] = state
    if state == "success":
        supervisor.xcoms["work", position, "dynamic_output.result"] = {
            "version": 1,
            "key_path": [KEYS[position]],
            "map_index": position,
            "is_produced": True,
            "value": f"worked {KEYS[position]}" if value is None else value,
        }


def use(made, supervisor, task_id, use):
    """Run a collector, and ``use`` what it received while its task runs."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        operator = made.get_task(task_id)
        patch.setattr(operator, "python_callable", lambda values: found.append(use(values)))
        run = run_task(made, task_id, supervisor=supervisor)
    assert run.state == "success", run.message
    return found[0]


def test_a_large_collection_is_complete_and_in_order(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    for position in range(COUNT):
        finish(supervisor, position)
    expected = {key: f"worked {key}" for key in KEYS}
    assert use(dag, supervisor, "listed", lambda values: (type(values), list(values))) == (
        CollectedSequence,
        list(expected.values()),
    )
    assert use(dag, supervisor, "keyed", lambda values: (type(values), dict(values))) == (
        CollectedMapping,
        expected,
    )
    assert use(dag, supervisor, "states", dict) == dict.fromkeys(KEYS, "success")


def test_the_produced_values_are_stored_and_read_in_pages(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    assert use(dag, supervisor, "items", dict) == {key: f"produced {key}" for key in KEYS}
    assert len(supervisor.xcoms["produce", -1, "dynamic_output.result.all.2"]["values"]) == 500


@pytest.mark.parametrize("seed", range(5))
def test_it_is_exact_where_clones_left_nothing_or_something_old(dag, supervisor, seed):
    chance = random.Random(seed)
    run_task(dag, "produce", supervisor=supervisor)
    share = chance.choice([0.01, 0.5, 0.97])
    expected = {}
    for position, key in enumerate(KEYS):
        if chance.random() < share:
            finish(supervisor, position, chance.choice(["failed", "skipped", "upstream_failed"]))
            if chance.random() < 0.3:
                # An earlier try's, which Airflow deletes only when the clone starts again.
                finish(supervisor, position)
                supervisor.states["work", position] = "failed"
        else:
            finish(supervisor, position)
            expected[key] = f"worked {key}"
    # Those of a longer list before, removed since.
    for position in range(3):
        supervisor.xcoms["work", COUNT + position, "dynamic_output.result"] = {
            **supervisor.xcoms[
                "work", max(i for t, i, _ in supervisor.xcoms if t == "work"), "dynamic_output.result"
            ],
            "map_index": COUNT + position,
        }
        supervisor.states["work", COUNT + position] = "removed"
    assert use(dag, supervisor, "tolerant", dict) == expected
    some = chance.sample(sorted(expected), min(20, len(expected)))
    assert use(dag, supervisor, "tolerant", lambda values: [values[key] for key in some]) == [
        expected[key] for key in some
    ]


def test_a_result_of_another_key_is_refused(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    for position in range(COUNT):
        finish(supervisor, position)
    other = supervisor.xcoms["work", 7, "dynamic_output.result"]
    supervisor.xcoms["work", 7, "dynamic_output.result"] = {**other, "key_path": ["another"]}
    with pytest.raises(
        AssertionError, match="output 'result', key 'key 00007': its clone ran for the key 'another', and not"
    ):
        use(dag, supervisor, "listed", list)


def test_marked_clones_are_left_out(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    marked = {0, 1, 700, 1_999, COUNT - 1}
    for position in range(COUNT):
        finish(supervisor, position)
        if position in marked:
            del supervisor.xcoms["work", position, "dynamic_output.result"]
    expected = {key: f"worked {key}" for position, key in enumerate(KEYS) if position not in marked}
    assert use(dag, supervisor, "listed", list) == list(expected.values())
    assert use(dag, supervisor, "keyed", dict) == expected
    assert use(dag, supervisor, "keyed", lambda values: values[KEYS[2_000]]) == f"worked {KEYS[2_000]}"
    supervisor.xcoms["work", 700, "return_value"] = "it ran to its end"
    with pytest.raises(AssertionError, match="key 'key 00700': its clone succeeded, and its result is not"):
        use(dag, supervisor, "listed", len)


def test_calls_grow_with_the_pages_and_not_with_the_keys(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    for position in range(COUNT):
        finish(supervisor, position)
    del supervisor.messages[:]
    use(dag, supervisor, "listed", list)
    assert supervisor.count("GetXComSequenceSlice") == COUNT / PAGE_SIZE
    assert supervisor.count("GetXCom", "GetTaskStates") <= 4
    del supervisor.messages[:]
    use(dag, supervisor, "listed", lambda values: values[-1])
    assert supervisor.count("GetXComSequenceSlice") == 1


def test_gaps_cost_no_calls_in_a_collection_that_is_read_in_order(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    for position in range(COUNT):
        finish(supervisor, position, "skipped" if position % 10 == 9 else "success")
    del supervisor.messages[:]
    use(dag, supervisor, "listed", list)
    # The first page is read in two parts, before holes are known.
    pages = COUNT * 9 // 10 // PAGE_SIZE + (supervisor.cut is not by_row)
    assert supervisor.count("GetXComSequenceSlice") == pages


def test_one_page_is_in_memory_at_a_time(dag, supervisor):
    run_task(dag, "produce", supervisor=supervisor)
    size = 10_000
    for position in range(COUNT):
        finish(supervisor, position, value=position)
    answer = supervisor._get_slice

    def answer_with_large_values(msg):
        # Made when asked for: what the API server holds is not the task's memory.
        found = answer(msg)
        found.root = [{**row, "value": str(row["value"] % 10) * size} for row in found.root]
        return found

    supervisor._get_slice = answer_with_large_values

    def add_up(values):
        tracemalloc.start()
        total = sum(map(len, values))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return total, peak

    total, peak = use(dag, supervisor, "listed", add_up)
    assert total == COUNT * size
    assert peak < 4 * PAGE_SIZE * size < COUNT * size / 2
