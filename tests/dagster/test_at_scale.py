"""Programs whose maps run many keys in batches, which is the one change, give what plain Python gives."""

from __future__ import annotations

import contextlib
from functools import partialmethod

import pytest

from airflow_dynamic_provider.dags_from.dagster.captured import Capture, capturing
from airflow_dynamic_provider.dags_from.dagster.handles import DynamicHandle
from airflow_dynamic_provider.dags_from.dagster.in_process import InProcessResult
from airflow_dynamic_provider.dags_from.dagster.resources import Opened
from airflow_dynamic_provider.embedded import EmbeddedRun
from airflow_dynamic_provider.local import run_local
from tests.dagster.running import jobs_of, load, source_of

KEYS = 1000
NUMBERS = {f"k{i}": i for i in range(KEYS)}


def each(function, numbers=NUMBERS):
    return {key: function(i) for key, i in numbers.items()}


#: (file, job) -> what gives the number of keys in the source and what takes its place, and node -> output.
EXPECTED = {
    ("mapping", "chained"): (
        ("for i in range(3)", f"for i in range({KEYS})"),
        {"inc": each(lambda i: i + 1), "echo": each(lambda i: i + 1), "listed": list(range(1, KEYS + 1))},
    ),
    ("mapping", "diamond"): (
        ("for i in range(3)", f"for i in range({KEYS})"),
        {"inc": each(lambda i: i + 1), "echo": NUMBERS, "add": each(lambda i: 2 * i + 1)},
    ),
    ("failures", "one_key_fails"): (
        ("for i in range(3)", f"for i in range({KEYS})"),
        {name: {key: i for key, i in NUMBERS.items() if i != 1} for name in ("fails_at_one", "echo")},
    ),
    ("optional", "skipped_keys"): (
        ("for i in range(4)", f"for i in range({KEYS})"),
        {
            "only_even": {key: i for key, i in NUMBERS.items() if i % 2 == 0},
            "inc": {key: i + 1 for key, i in NUMBERS.items() if i % 2 == 0},
            "listed": list(range(1, KEYS, 2)),
        },
    ),
    ("documented", "pieces_of_data"): (
        ("range(10)", f"range({4 * KEYS})"),
        {
            "compute": {str(s): [i * i for i in range(s, s + 4)] for s in range(0, 4 * KEYS, 4)},
            "merge": [i * i for i in range(4 * KEYS)],
        },
    ),
}


@pytest.mark.parametrize(("name", "job"), EXPECTED)
def test_a_program_with_many_keys(name, job, tmp_path, monkeypatch):
    """All keys of a map run in two task instances, in plain Python: this is about keys alone."""
    (old, new), outputs = EXPECTED[name, job]
    assert old in source_of(name)
    monkeypatch.setattr(DynamicHandle, "map", partialmethod(DynamicHandle.map, batch=500))
    made = jobs_of(load(name, tmp_path, source_of(name).replace(old, new)))[job]
    with contextlib.closing(Opened({}, {})) as opened, capturing(Capture(opened, stops=False)) as capture:
        finished = run_local(made.dag)
    result = InProcessResult(made, EmbeddedRun(job, "local", finished.state, 0.0, ()), capture)
    assert {node: result.output_for_node(node) for node in outputs} == outputs
    is_failing = job == "one_key_fails"
    assert finished.state == ("failed" if is_failing else "success")
    if is_failing:
        assert [key for key, state in finished.task("echo").states.items() if state != "success"] == ["k1"]
        assert finished.task("listed").once.state == "upstream_failed"
