"""Programs in batches against the same programs without."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, TaskGroup, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from airflow_dynamic_provider.errors import HandleUsageError
from airflow_dynamic_provider.local import run_local
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag_runs import run_dag

pytestmark = pytest.mark.dag


def build(cuts, n, fail=(), skip=(), fail2=(), shape="chain"):
    """Call the tasks of a program in the Dag, or in the group, that is being built."""

    @dynamic_task(out=DynamicOut(int))
    def produce():
        for i in range(n):
            yield DynamicOutput(i, f"k{i}", metadata={"i": i})

    @task
    def work(x):
        if x in fail:
            raise ValueError(f"bad {x}")
        if x in skip:
            raise AirflowSkipException("no")
        return [x * 10, get_mapping_key()]

    @task
    def more(x, y, mapping_key=None, note="{{ mapping_key }}!"):
        if x in fail2:
            raise ValueError(f"bad {x}")
        return f"{y} {mapping_key} {note}"

    @task
    def last(z):
        return z + "."

    @task
    def total(values):
        return values

    @task
    def states(a, b, c):
        return [a, b, c]

    first, second, third = cuts
    items = produce()
    ys = items.map(work, batch=first)
    zs = items.map(lambda x: more(x, ys), batch=second)
    ws = zs.map(last, batch=third)
    if shape != "leaf":
        total.override(task_id="total_y")(ys.collect(min_success_ratio=0.0))
        total(ws.collect(keyed=True))
        total.override(task_id="lazy")(ws.collect(lazy=True, min_success_ratio=0.5))
        states(ys.states(), zs.states(), ws.states())

        @task
        def after():
            pass

        zs >> after()


def alone(cuts, **case):
    with DAG("batched_dag", schedule=None) as dag:
        build(cuts, **case)
    return dag


RULES = ["all_success", "all_done", "always", "none_failed", "one_failed"]


def ordered(rules, batch, skip=()):
    """Two maps in a chain, and tasks after them with rules of their own. One key fails in the first map."""

    @dynamic_task(out=DynamicOut(int))
    def produce():
        for number in range(4):
            yield DynamicOutput(number, f"k{number}")

    @task
    def work(number):
        if number in skip:
            raise AirflowSkipException("as the test says")
        if number == 1 and not skip:
            raise ValueError("as the test says")
        return number

    @task
    def more(number):
        return number

    @task
    def after():
        return "ran"

    ends = produce().map(lambda number: more(work(number)), batch=batch)
    for rule in rules:
        ends >> after.override(task_id=f"after_{rule}", trigger_rule=rule)()


def test_rules_of_tasks_after_batches():
    with DAG("batched_dag", schedule=None) as dag:
        for name, skip in {"one_fails": (), "two_are_skipped": (1, 2)}.items():
            for kind, batch in {"single": None, "batched": 2}.items():
                with TaskGroup(f"{name}_{kind}"):
                    ordered(RULES, batch, skip)
    run = run_dag(dag)
    for name in ("one_fails", "two_are_skipped"):
        # No task follows these, so their states are also the state of a run.
        single, batched = (
            [run.state_of(f"{name}_{kind}.after_{rule}") for rule in RULES] for kind in ("single", "batched")
        )
        assert batched == single
        assert len(set(single)) > 1


def counting(batch):
    with DAG("batched_dag", schedule=None) as dag:
        ordered(["one_success"], batch)
    return dag


def test_rules_that_count_clones_are_refused_after_batches():
    with pytest.raises(HandleUsageError) as refused:
        counting(2).validate()
    assert (
        "Task 'more': runs in batches, and 'after_one_success' runs after it with the trigger rule "
        "'one_success', which would apply to the batches and not to the keys. Map it without batch=, or pass "
        "handle.states() to a task and decide there."
    ) in str(refused.value)
    counting(None).validate()


CASES = [
    {"n": 5},
    {"n": 0},
    {"n": 1},
    {"n": 5, "fail": (1,)},
    {"n": 5, "fail": (0, 1, 2, 3, 4)},
    {"n": 5, "skip": (0, 1, 2, 3, 4)},
    {"n": 5, "skip": (1,), "fail": (2,), "fail2": (3,)},
    {"n": 4, "fail": (1,), "skip": (0,)},
    {"n": 3, "fail": (1,), "shape": "leaf"},
    {"n": 3, "skip": (1,), "shape": "leaf"},
]

SINGLE = (None, None, None)

#: The sizes of the batches of three maps of a chain; ``None`` for a task instance for each key.
CUTS = [(2, 2, 2), (3, 1, None), (None, 2, 2)]

COLLECTORS = ["total_y", "total", "lazy", "states", "after"]


def observed(cuts, **case):
    run = run_local(alone(cuts, **case))
    names = [] if case.get("shape") == "leaf" else COLLECTORS
    ends = {name: run.task(name).once for name in names}
    return run.state, {name: (end.state, end.value) for name, end in ends.items()}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_same(case):
    expected = observed(SINGLE, **case)
    for cuts in CUTS:
        assert observed(cuts, **case) == expected, cuts


def test_airflow_decides_the_same():
    """Airflow's scheduler decides by the states of batches, and ends a map without keys by itself."""
    cases = {
        "mixed": ({"n": 4, "skip": (1,), "fail": (2,), "fail2": (3,)}, CUTS),
        "no_keys": ({"n": 0}, CUTS[:1]),
        "all_fail": ({"n": 2, "fail": (0, 1)}, CUTS[:1]),
        "all_are_skipped": ({"n": 2, "skip": (0, 1)}, CUTS[:1]),
    }
    with DAG("batched_dag", schedule=None) as dag:
        for name, (case, all_cuts) in cases.items():
            for number, cuts in enumerate((SINGLE, *all_cuts)):
                with TaskGroup(f"{name}_{number}"):
                    build(cuts, **case)
    run = run_dag(dag)
    for name, (case, all_cuts) in cases.items():
        _, expected = observed(SINGLE, **case)
        for number in range(1 + len(all_cuts)):
            found = {each: run_of(run, f"{name}_{number}.{each}") for each in COLLECTORS}
            assert found == expected, (name, number)


def run_of(run, task_id):
    state = run.state_of(task_id)
    return state, run.xcom(task_id) if state == "success" else None


@pytest.mark.parametrize("case", CASES[-2:], ids=str)
def test_the_last_batches_decide_about_the_run(case):
    assert run_dag(alone(CUTS[-1], **case)).state == observed(SINGLE, **case)[0]


def test_the_state_of_a_gate_is_read_once_for_all_keys_of_its_batch():
    @dynamic_task(out=DynamicOut(int))
    def produce(count):
        for number in range(count):
            yield DynamicOutput(number, f"k{number}")

    @task
    def work(number):
        raise ValueError("as the test says")

    @task
    def more(number):
        return number

    @task
    def keep(states):
        return states

    with DAG("batched_dag", schedule=None) as dag:
        for count in (3, 12):
            with TaskGroup(f"of_{count}"):
                keep(produce(count).map(lambda number: more(work(number)), batch=50).states())
    run = run_dag(dag)
    for count in (3, 12):
        assert run.xcom(f"of_{count}.keep") == {f"k{number}": "upstream_failed" for number in range(count)}
    assert run.calls.messages["of_3.keep", -1] == run.calls.messages["of_12.keep", -1]
