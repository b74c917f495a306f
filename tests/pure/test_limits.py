"""The limit to the failed keys of a map."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.execution.limits import Limit
from airflow_dynamic_provider.execution.ratios import count_of_share
from airflow_dynamic_provider.execution.spaces import ProducedSpace

pytestmark = pytest.mark.pure

SPACE = ProducedSpace("produce", "return_value", None, "produce", "result", True)


def limit_of(after):
    return Limit(0, SPACE, sorted(after), after)


@given(st.data())
def test_a_chain_of_tasks_is_counted_exactly(data):
    """Each key fails at most once in a chain: at the task at which it stops."""
    length = data.draw(st.integers(1, 4))
    failed_at = data.draw(st.lists(st.integers(0, length), max_size=20))
    limit = limit_of({f"t{at}": {f"t{at - 1}"} if at else set() for at in range(length)})
    keys = sum(at < length for at in failed_at)

    def count_of(task_ids):
        return sum(f"t{at}" in task_ids for at in failed_at)

    for allowed in range(21):
        assert limit.is_exceeded(count_of, allowed) == (keys > allowed)


@given(st.data())
def test_a_map_is_never_stopped_too_early(data):
    """Whatever depends on what: if the limit counts as exceeded, more keys have failed than may."""
    tasks = [f"t{at}" for at in range(data.draw(st.integers(1, 5)))]
    after = {
        name: set(data.draw(st.lists(st.sampled_from(tasks[:at])))) if at else set()
        for at, name in enumerate(tasks)
    }

    def runs(name, broken):
        return all(runs(each, broken) and each not in broken for each in after[name])

    keys = []
    for _ in range(data.draw(st.integers(0, 10))):
        broken = set(data.draw(st.lists(st.sampled_from(tasks))))
        keys.append({name for name in broken if runs(name, broken)})

    def count_of(task_ids):
        return sum(len(failed & set(task_ids)) for failed in keys)

    failed = sum(map(bool, keys))
    for allowed in range(11):
        if limit_of(after).is_exceeded(count_of, allowed):
            assert failed > allowed


@pytest.mark.parametrize(
    ("share", "count", "allowed"),
    [(0.0, 10, 0), (1.0, 10, 10), (0.1, 10, 1), (0.1, 9, 0), (0.29, 100, 29), (1 / 3, 9, 3), (0.7, 0, 0)],
)
def test_a_share_is_calculated_as_it_is_written(share, count, allowed):
    assert count_of_share(share, count) == allowed
