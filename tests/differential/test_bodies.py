"""Random bodies of workflows give in Airflow what an interpreter in plain Python says they must give."""

from __future__ import annotations

import pytest

from tests.differential.bodies.check import differences
from tests.differential.bodies.generate import generate
from tests.differential.bodies.shrink import smaller
from tests.differential.reporting import describe
from tests.differential.shrink import shrink

#: What one run of the tests does; `make fuzz-workflows` goes on from other seeds.
SEEDS = range(40)
SIZE = 10

#: In all, so that a mistake that breaks every body does not keep the tests busy for hours.
SHRINKING_SECONDS = 120


@pytest.fixture(scope="session")
def seconds_left():
    """Seconds that are left for shrinking."""
    return [SHRINKING_SECONDS]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_body_gives_what_it_must(seed, seconds_left):
    case = generate(seed, size=SIZE)
    found = differences(case)
    if found:
        seconds = seconds_left.pop() if seconds_left else 0
        case, found = shrink(case, found, seconds=seconds, run=differences, cut=smaller)
        pytest.fail(describe(seed, SIZE, case, found, "fuzz-workflows"), pytrace=False)
