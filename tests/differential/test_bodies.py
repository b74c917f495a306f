"""Random bodies of workflows give the same results in Airflow as in an interpreter in plain Python."""

from __future__ import annotations

import pytest

from tests.differential.bodies import programs
from tests.differential.bodies.check import decision_differences, differences
from tests.differential.bodies.generate import generate
from tests.differential.bodies.programs import Body, Call, Case, Of, is_later
from tests.differential.bodies.shrink import smaller
from tests.differential.found import BODIES
from tests.differential.reporting import describe
from tests.differential.shrink import shrink

#: The fixed seeds of every test run, beside fresh ones. `make fuzz-workflows` runs thousands more.
SEEDS = range(20)
SIZE = 10
#: Fewer fresh ones, because a run in Airflow takes a hundred times as long as the decisions alone.
FRESH = 20

#: The decisions are tested without Airflow, in larger bodies.
DECISION_SEEDS = range(100_000, 100_400)
DECISION_SIZE = 20

#: Seconds for all cases together, so that a bug in every body does not keep the tests busy for hours.
SHRINKING_SECONDS = 120


@pytest.fixture(scope="session")
def seconds_left():
    """Seconds that are left for shrinking."""
    return [SHRINKING_SECONDS]


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
def test_a_body_for_a_mistake_that_was_made_once(case):
    assert [str(each) for each in differences(case)] == []


@pytest.mark.seeds(SEEDS, fresh=FRESH)
def test_a_random_body_gives_what_it_must(seed, seconds_left):
    _check(seed, SIZE, differences, seconds_left)


@pytest.mark.seeds(DECISION_SEEDS)
def test_what_runs_in_a_random_body_is_decided_as_it_must(seed, seconds_left):
    _check(seed, DECISION_SIZE, decision_differences, seconds_left)


def _check(seed, size, run, seconds_left):
    case = generate(seed, size=size)
    found = run(case)
    if found:
        seconds = seconds_left.pop() if seconds_left else 0
        case, found = shrink(case, found, seconds=seconds, run=run, cut=smaller)
        pytest.fail(describe(seed, size, case, found, "fuzz-workflows"), pytrace=False)


@pytest.mark.parametrize("seed", range(20))
def test_a_body_is_shown_as_the_code_that_makes_it(seed):
    case = generate(seed)
    assert eval(repr(case), vars(programs)) == case
    assert generate(seed) == case


def test_a_body_is_cut_down_to_what_matters():
    """Only a workflow that is planned later matters here."""
    case = next(case for case in map(generate, range(1000)) if plans_later(case))
    while (candidate := next(filter(plans_later, smaller(case)), None)) is not None:
        case = candidate
    first, call = case.body.statements
    assert set(call.args) <= {Of(first.name), "x"}
    assert set(first.args) <= {"x"}
    assert (first.after, call.after, call.body) == ((), (), Body((), "x"))
    assert case == Case(Body((first, call), "x"), {})


def plans_later(case):
    return any(isinstance(each, Call) and is_later(each) for each in case.body.statements)
