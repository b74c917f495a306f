"""Programs in batches against the same programs without."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from airflow_dynamic_provider.errors import HandleUsageError
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag_runs import run_dag

pytestmark = pytest.mark.dag


def make(first, second, third, n, fail=(), skip=(), fail2=(), shape="chain"):
    with DAG("batched_dag", schedule=None) as dag:

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
    return dag


def ordered(rule, batch, skip=()):
    """Two maps in a chain and a task after them with a rule of its own. One key fails in the first map."""
    with DAG("batched_dag", schedule=None) as dag:

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

        @task(trigger_rule=rule)
        def after():
            return "ran"

        produce().map(lambda number: more(work(number)), batch=batch) >> after()
    return dag


@pytest.mark.parametrize("rule", ["all_success", "all_done", "always", "none_failed", "one_failed"])
@pytest.mark.parametrize("skip", [(), (1, 2)], ids=["one fails", "two are skipped"])
def test_rules_of_tasks_after_batches(rule, skip):
    single, batched = (run_dag(ordered(rule, batch, skip)) for batch in (None, 2))
    assert batched.states("after") == single.states("after")
    assert batched.state == single.state


def test_rules_that_count_clones_are_refused_after_batches():
    with pytest.raises(HandleUsageError) as refused:
        ordered("one_success", 2).validate()
    assert (
        "Task 'more': runs in batches, and 'after' runs after it with the trigger rule 'one_success', which "
        "would apply to the batches and not to the keys. Map it without batch=, or pass handle.states() to a "
        "task and decide there."
    ) in str(refused.value)
    ordered("one_success", None).validate()


def observed(cuts, **case):
    run = run_dag(make(*cuts, **case))
    ids = [] if case.get("shape") == "leaf" else ["total_y", "total", "lazy", "states", "after"]
    return run.state, {
        task_id: (run.states(task_id), run.xcom(task_id) if run.state_of(task_id) == "success" else None)
        for task_id in ids
    }


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

#: The sizes of the batches of three maps of a chain; ``None`` for a task instance for each key.
CUTS = [(2, 2, 2), (3, 1, None), (None, 2, 2)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_same(case):
    expected = observed((None, None, None), **case)
    for cuts in CUTS:
        assert observed(cuts, **case) == expected, cuts


def test_the_state_of_a_gate_is_read_once_for_all_keys_of_its_batch():
    def calls(count):
        fails = tuple(range(count))
        with DAG("batched_dag", schedule=None) as dag:

            @dynamic_task(out=DynamicOut(int))
            def produce():
                for number in fails:
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

            keep(produce().map(lambda number: more(work(number)), batch=50).states())
        run = run_dag(dag)
        assert run.xcom("keep") == {f"k{number}": "upstream_failed" for number in fails}
        return run.calls.messages["keep", -1]

    assert calls(3) == calls(12)
