"""Random programs give the same results in Airflow as in an interpreter in plain Python."""

from __future__ import annotations

import pytest

from tests.differential.check import differences
from tests.differential.found import PROGRAMS
from tests.differential.generate import generate
from tests.differential.reporting import describe
from tests.differential.shrink import shrink

#: The fixed seeds of every test run, beside fresh ones. `make fuzz` runs thousands more.
SEEDS = range(60)
SIZE = 10

#: Seconds for all cases together, so that a bug in every program does not keep the tests busy for hours.
SHRINKING_SECONDS = 120


@pytest.fixture(scope="session")
def seconds_left():
    """Seconds that are left for shrinking."""
    return [SHRINKING_SECONDS]


@pytest.mark.parametrize("case", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_for_a_mistake_that_was_made_once(case):
    assert [str(each) for each in differences(case)] == []


@pytest.mark.seeds(SEEDS)
def test_a_random_program_gives_what_it_must(seed, seconds_left):
    case = generate(seed, size=SIZE)
    found = differences(case)
    if found:
        # Add the smallest failing program to found.py.
        case, found = shrink(case, found, seconds=seconds_left.pop() if seconds_left else 0)
        pytest.fail(describe(seed, SIZE, case, found), pytrace=False)
