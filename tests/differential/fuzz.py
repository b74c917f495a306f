"""Runs many random programs, starting where the last run ended: ``make fuzz PROGRAMS=1000 MINUTES=60``.

``make fuzz-workflows`` does the same with random bodies of workflows.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# It gives this process its own Airflow, so it comes before all imports of Airflow.
from tests.conftest import HOME

os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"

from airflow.utils.db import initdb

from airflow_dynamic_provider.embedded import one_execution_api
from tests.differential import check, generate, shrink
from tests.differential.bodies import check as bodies_check
from tests.differential.bodies import generate as bodies_generate
from tests.differential.bodies import shrink as bodies_shrink
from tests.differential.reporting import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.differential.findings import Difference

FOLDER = Path(".fuzz")

#: The first seed. Lower seeds belong to the tests.
FIRST_SEED = 1_000

SECONDS_BETWEEN_LINES = 10


@dataclass(frozen=True)
class Subject:
    """A kind of random program: how it is generated, run and cut down.

    Attributes:
        target: The target of `make` that runs it.
        size: The default maximum size.
        generate: Generates the case of a seed.
        differences: Runs a case, and returns its differences from the oracle.
        smaller: Returns smaller cases, each with one part left out.
    """

    target: str
    size: int
    generate: Callable[..., Any]
    differences: Callable[[Any], list[Difference]]
    smaller: Callable[[Any], Any]

    @property
    def next_seed(self) -> Path:
        """The file with the seed from which the next run goes on."""
        return FOLDER / f"next-seed-{self.target}"


PROGRAMS = Subject("fuzz", 25, generate.generate, check.differences, shrink.smaller)
WORKFLOWS = Subject(
    "fuzz-workflows", 14, bodies_generate.generate, bodies_check.differences, bodies_shrink.smaller
)


def main() -> int:
    """Return 0 if all programs gave the expected result."""
    options = _options()
    FOLDER.mkdir(exist_ok=True)
    try:
        initdb()
        with one_execution_api():
            return 1 if _fuzz(WORKFLOWS if options.workflows else PROGRAMS, options) else 0
    except KeyboardInterrupt:
        print("\nInterrupted; the next run goes on from here.")
        return 130
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=2_000, help="how many at most")
    parser.add_argument("--minutes", type=float, default=60, help="how long at most")
    parser.add_argument("--seed", type=int, help="where to begin, instead of where the last run ended")
    parser.add_argument("--size", type=int, help="task instances in a program at most")
    parser.add_argument("--workflows", action="store_true", help="random bodies of workflows instead")
    parser.add_argument("--shrink-seconds", type=float, default=120, help="for cutting down each failing one")
    return parser.parse_args()


def _fuzz(subject: Subject, options: argparse.Namespace) -> int:
    """Return the number of programs that gave a wrong result."""
    first = options.seed if options.seed is not None else _next_seed(subject)
    started = shown = time.monotonic()
    failed = done = 0
    for done, seed in enumerate(range(first, first + options.programs), start=1):
        failed += not _passes(subject, seed, options)
        if options.seed is None:
            subject.next_seed.write_text(str(seed + 1))
        now = time.monotonic()
        if now - started > options.minutes * 60:
            break
        if now - shown > SECONDS_BETWEEN_LINES:
            shown = now
            print(
                f"{done} programs, {failed} failed, {(now - started) / done:.2f} s each, seed {seed}",
                flush=True,
            )
    print(f"{done} programs ran, {failed} failed, from seed {first} on.")
    return failed


def _next_seed(subject: Subject) -> int:
    return int(subject.next_seed.read_text()) if subject.next_seed.exists() else FIRST_SEED


def _passes(subject: Subject, seed: int, options: argparse.Namespace) -> bool:
    size = options.size or subject.size
    case = subject.generate(seed, size=size)
    found = subject.differences(case)
    if found:
        print(f"Seed {seed} differs; cutting it down ...", flush=True)
        smallest = shrink.shrink(
            case, found, seconds=options.shrink_seconds, run=subject.differences, cut=subject.smaller
        )
        report = describe(seed, size, *smallest, subject.target)
        (FOLDER / f"{subject.target}-seed-{seed}.txt").write_text(report)
        print(report, flush=True)
    return not found


if __name__ == "__main__":
    sys.exit(main())
