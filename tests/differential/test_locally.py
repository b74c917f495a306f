"""Random programs give the same results in plain Python as in an interpreter without Airflow."""

from __future__ import annotations

import pytest

from tests.differential.found import PROGRAMS
from tests.differential.generate import generate
from tests.differential.locally import differences_locally

#: Two hundred programs take seconds, because no Airflow runs.
SEEDS = range(60, 260)
SIZE = 10


@pytest.mark.parametrize("case", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_for_a_mistake_that_was_made_once_in_plain_python(case):
    assert [str(each) for each in differences_locally(case)] == []


def test_random_programs_in_plain_python():
    found = {seed: differences_locally(generate(seed, size=SIZE)) for seed in SEEDS}
    assert {seed: list(map(str, each)) for seed, each in found.items() if each} == {}
