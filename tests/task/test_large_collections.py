"""Collections of thousands of keys, as a list or lazily, are complete and by key after any failure.

A list is a list at any length, and a lazy collection holds one page in memory at any length.
"""

from __future__ import annotations

import functools
import json
import pickle
import random
import tracemalloc

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out
from airflow_dynamic_provider.execution.collected import PAGE_SIZE, CollectedMapping, CollectedSequence
from tests.task_runs import CUTS, FakeSupervisor, by_row, run_task

COUNT = 2_500
KEYS = [f"key {number:05}" for number in range(COUNT)]


@task
def work(value):
    return value


@task
def look(values):
    raise AssertionError("use() replaces it")


@functools.cache
def make_dag(count):
    """Return a Dag that collects in every way, with a number of keys."""

    @task.dynamic(out=DynamicOut(str))
    def produce():
        for key in KEYS[:count]:
            yield DynamicOutput(f"produced {key}", mapping_key=key)

    @task.dynamic(out={"result": Out(str, is_required=False)}, task_id="may")
    def leave_some_out(value):
        raise AssertionError("finish() says what it has left")

    with DAG(f"large_{count}", schedule=None) as made:
        produced = produce()
        handle = produced.map(work)
        some, joined = produced.map(leave_some_out), produced.zip(handle)
        for lazy in (False, True):
            name = "lazy_{}".format if lazy else "{}".format
            look.override(task_id=name("listed"))(handle.collect(lazy=lazy))
            look.override(task_id=name("keyed"))(handle.collect(keyed=True, lazy=lazy))
            look.override(task_id=name("tolerant"))(
                handle.collect(keyed=True, min_success_ratio=0, lazy=lazy)
            )
            look.override(task_id=name("items"))(produced.collect(keyed=True, lazy=lazy))
            look.override(task_id=name("some"))(some.collect(keyed=True, min_success_ratio=0, lazy=lazy))
            look.override(task_id=name("pairs"))(joined.collect(keyed=True, min_success_ratio=0, lazy=lazy))
        look.override(task_id="states")(handle.states())
    return made


@pytest.fixture(scope="module")
def dag():
    return make_dag(COUNT)


#: The names of a collector and of its lazy counterpart.
HOW = pytest.mark.parametrize("name", ["{}", "lazy_{}"], ids=["at_once", "lazily"])


@pytest.fixture(params=CUTS, ids=lambda cut: cut.__name__)
def supervisor(monkeypatch, request):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", str(COUNT))
    return FakeSupervisor(cut=request.param)


def finish(supervisor, position, state="success", value=None, task_id="work", is_produced=True):
    """Store what a clone stores."""
    supervisor.states[task_id, position] = state
    if state == "success":
        supervisor.xcoms[task_id, position, "dynamic_output.result"] = {
            "version": 1,
            "key_path": [KEYS[position]],
            "map_index": position,
            "is_produced": is_produced,
            "value": f"worked {KEYS[position]}" if value is None else value,
        }


def use(made, supervisor, task_id, use):
    """Run a collector, and call ``use`` with its argument while its task runs."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        operator = made.get_task(task_id)
        patch.setattr(operator, "python_callable", lambda values: found.append(use(values)))
        run = run_task(made, task_id, supervisor=supervisor)
    assert run.state == "success", run.message
    return found[0]


#: Dag, and how sequences are cut -> pickled XComs and states that the tasks that list keys have left.
LISTED = {}


def list_keys(made, supervisor):
    """Leave what the tasks that list keys leave. They run once, because they do the same for each test."""
    known = made.dag_id, supervisor.cut
    if known not in LISTED:
        first = FakeSupervisor(cut=supervisor.cut)
        for task_id in ("produce", *(each for each in made.task_ids if each.endswith("__keys"))):
            assert run_task(made, task_id, supervisor=first).state == "success"
        LISTED[known] = pickle.dumps((first.xcoms, first.states))
    xcoms, states = pickle.loads(LISTED[known])
    supervisor.xcoms.update(xcoms)
    supervisor.states.update(states)


def run_all(made, supervisor, count=COUNT):
    list_keys(made, supervisor)
    for position in range(count):
        finish(supervisor, position)


@pytest.mark.parametrize("count", [0, 1, 10, 1_000, 1_001])
def test_a_collection_is_a_list_or_a_dict_at_any_size(supervisor, count):
    made = make_dag(count)
    run_all(made, supervisor, count)
    expected = {key: f"worked {key}" for key in KEYS[:count]}

    def look_at_list(values):
        assert isinstance(values, list)
        return json.dumps(values), values + ["more"]  # noqa: RUF005

    def look_at_dict(values):
        assert isinstance(values, dict)
        return json.dumps(values), values | {"more": 1}

    listed = list(expected.values())
    assert use(made, supervisor, "listed", look_at_list) == (json.dumps(listed), [*listed, "more"])
    assert use(made, supervisor, "keyed", look_at_dict) == (json.dumps(expected), {**expected, "more": 1})
    assert use(made, supervisor, "pairs", type) is use(made, supervisor, "items", type) is dict


@pytest.mark.parametrize("count", [0, 1, 10, 1_000, 1_001])
def test_a_lazy_collection_is_read_later_at_any_size(supervisor, count):
    made = make_dag(count)
    run_all(made, supervisor, count)
    expected = {key: f"worked {key}" for key in KEYS[:count]}

    def look_at(values):
        before = supervisor.count("GetXComSequenceSlice")
        repr(values), len(values), bool(values)
        return type(values), supervisor.count("GetXComSequenceSlice") - before

    pairs = {key: [f"produced {key}", value] for key, value in expected.items()}
    for task_id, kind, whole in (
        ("lazy_listed", CollectedSequence, list(expected.values())),
        ("lazy_keyed", CollectedMapping, expected),
        ("lazy_pairs", CollectedMapping, pairs),
    ):
        del supervisor.messages[:]
        found, calls, is_equal = use(
            made, supervisor, task_id, lambda values, whole=whole: (*look_at(values), values == whole)
        )
        assert (found, calls, is_equal) == (kind, 0, True)
        # Not before it was used either.
        assert supervisor.count("GetXComSequenceSlice") == -(-count // PAGE_SIZE)


@HOW
def test_a_large_collection_is_complete_and_in_order(dag, supervisor, name):
    run_all(dag, supervisor)
    expected = {key: f"worked {key}" for key in KEYS}
    assert use(dag, supervisor, name.format("listed"), list) == list(expected.values())
    assert use(dag, supervisor, name.format("keyed"), dict) == expected
    assert use(dag, supervisor, "states", dict) == dict.fromkeys(KEYS, "success")


@HOW
def test_the_produced_values_are_stored_and_read_in_pages(dag, supervisor, name):
    list_keys(dag, supervisor)
    assert use(dag, supervisor, name.format("items"), dict) == {key: f"produced {key}" for key in KEYS}
    assert len(supervisor.xcoms["produce", -1, "dynamic_output.result.all.2"]["values"]) == 500


@HOW
def test_keys_without_an_optional_output_are_left_out(dag, supervisor, name):
    list_keys(dag, supervisor)
    expected = {}
    for position, key in enumerate(KEYS):
        # Each clone that succeeded has stored a document. Some documents say that there is no value.
        is_produced = position % 7 not in (0, 3)
        finish(supervisor, position, "failed" if position == 1 else "success", None, "may", is_produced)
        if is_produced and position != 1:
            expected[key] = f"worked {key}"
    del supervisor.messages[:]
    assert use(dag, supervisor, name.format("some"), dict) == expected
    # The first pass finds the keys with a value. Then the keys without one are between others.
    times = 1 if name == "{}" else 3
    assert supervisor.count("GetXComSequenceSlice") <= times * (COUNT // PAGE_SIZE)


@HOW
@pytest.mark.parametrize("seed", range(5))
def test_it_is_exact_where_clones_left_nothing_or_something_old(dag, supervisor, seed, name):
    chance = random.Random(seed)
    list_keys(dag, supervisor)
    share = chance.choice([0.01, 0.5, 0.97])
    expected = {}
    for position, key in enumerate(KEYS):
        if chance.random() < share:
            finish(supervisor, position, chance.choice(["failed", "skipped", "upstream_failed"]))
            if chance.random() < 0.3:
                # From an earlier try. Airflow deletes it only when the clone starts again.
                finish(supervisor, position)
                supervisor.states["work", position] = "failed"
        else:
            finish(supervisor, position)
            expected[key] = f"worked {key}"
    # From a longer list before, removed since.
    for position in range(3):
        supervisor.xcoms["work", COUNT + position, "dynamic_output.result"] = {
            **supervisor.xcoms[
                "work", max(i for t, i, _ in supervisor.xcoms if t == "work"), "dynamic_output.result"
            ],
            "map_index": COUNT + position,
        }
        supervisor.states["work", COUNT + position] = "removed"
    tolerant = name.format("tolerant")
    assert use(dag, supervisor, tolerant, dict) == expected
    some = chance.sample(sorted(expected), min(20, len(expected)))
    assert use(dag, supervisor, tolerant, lambda values: [values[key] for key in some]) == [
        expected[key] for key in some
    ]
    assert use(dag, supervisor, name.format("pairs"), dict) == {
        key: [f"produced {key}", value] for key, value in expected.items()
    }


@HOW
def test_a_result_of_another_key_is_refused(dag, supervisor, name):
    run_all(dag, supervisor)
    other = supervisor.xcoms["work", 7, "dynamic_output.result"]
    supervisor.xcoms["work", 7, "dynamic_output.result"] = {**other, "key_path": ["another"]}
    with pytest.raises(
        AssertionError, match="output 'result', key 'key 00007': its clone ran for the key 'another', not"
    ):
        use(dag, supervisor, name.format("listed"), list)


@HOW
@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_results_are_found_where_their_clones_left_them_before_the_keys_were_reordered(
    dag, supervisor, name, order
):
    """The producing task alone was cleared, so its clones are at the former positions of the keys."""
    list_keys(dag, supervisor)
    before = KEYS[::-1]
    if order == "shuffled":
        random.Random(1).shuffle(before)
    for position, key in enumerate(before):
        finish(supervisor, position, value=f"worked {key}")
        supervisor.xcoms["work", position, "dynamic_output.result"]["key_path"] = [key]
    for task_id, _, xcom_key in supervisor.xcoms:
        if task_id == "produce" and ".page." in xcom_key:
            supervisor.xcoms[task_id, -1, xcom_key]["attempt"] = 2
    expected = {key: f"worked {key}" for key in KEYS}
    assert use(dag, supervisor, name.format("keyed"), dict) == expected
    assert use(dag, supervisor, name.format("pairs"), lambda values: values[KEYS[9]]) == [
        f"produced {KEYS[9]}",
        expected[KEYS[9]],
    ]


@HOW
def test_marked_clones_are_left_out(dag, supervisor, name):
    run_all(dag, supervisor)
    marked = {0, 1, 700, 1_999, COUNT - 1}
    for position in marked:
        del supervisor.xcoms["work", position, "dynamic_output.result"]
    expected = {key: f"worked {key}" for position, key in enumerate(KEYS) if position not in marked}
    keyed = name.format("keyed")
    assert use(dag, supervisor, name.format("listed"), list) == list(expected.values())
    assert use(dag, supervisor, keyed, dict) == expected
    assert use(dag, supervisor, keyed, lambda values: values[KEYS[2_000]]) == f"worked {KEYS[2_000]}"
    supervisor.xcoms["work", 700, "return_value"] = "it ran to its end"
    with pytest.raises(AssertionError, match="key 'key 00700': its clone succeeded, but its result"):
        use(dag, supervisor, name.format("listed"), len)


@HOW
def test_calls_grow_with_the_pages_and_not_with_the_keys(dag, supervisor, name):
    run_all(dag, supervisor)
    del supervisor.messages[:]
    use(dag, supervisor, name.format("listed"), list)
    assert supervisor.count("GetXComSequenceSlice") == COUNT / PAGE_SIZE
    assert supervisor.count("GetXCom", "GetTaskStates", "GetXComCount") <= 5
    del supervisor.messages[:]
    use(dag, supervisor, "lazy_listed", lambda values: values[-1])
    assert supervisor.count("GetXComSequenceSlice") == 1


def test_no_message_grows_with_the_keys(dag, supervisor):
    run_all(dag, supervisor)
    answer = supervisor._get_slice
    sizes = []

    def counted(msg):
        found = answer(msg)
        sizes.append(len(found.root))
        return found

    supervisor._get_slice = counted
    for task_id in ("listed", "lazy_listed", "tolerant", "lazy_tolerant"):
        use(dag, supervisor, task_id, len)
        use(dag, supervisor, task_id, list)
    assert max(sizes) == PAGE_SIZE


@HOW
def test_gaps_cost_no_calls_in_a_collection_that_is_read_in_order(dag, supervisor, name):
    list_keys(dag, supervisor)
    for position in range(COUNT):
        finish(supervisor, position, "skipped" if position % 10 == 9 else "success")
    del supervisor.messages[:]
    use(dag, supervisor, name.format("listed"), list)
    if supervisor.cut is by_row:
        pages = COUNT * 9 // 10 // PAGE_SIZE
    elif name == "{}":
        pages = COUNT // PAGE_SIZE
    else:
        # The first page is read in two parts, before holes are known.
        pages = COUNT * 9 // 10 // PAGE_SIZE + 1
    assert supervisor.count("GetXComSequenceSlice") == pages


def test_one_page_is_in_memory_at_a_time(dag, supervisor):
    list_keys(dag, supervisor)
    size = 10_000
    for position in range(COUNT):
        finish(supervisor, position, value=position)
    answer = supervisor._get_slice

    def answer_with_large_values(msg):
        # Created on request, because the data of the API server does not count as the task's memory.
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

    total, peak = use(dag, supervisor, "lazy_listed", add_up)
    assert total == COUNT * size
    assert peak < 4 * PAGE_SIZE * size < COUNT * size / 2
