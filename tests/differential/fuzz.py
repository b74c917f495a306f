"""Runs many random programs, from where the last time ended: ``make fuzz PROGRAMS=1000 MINUTES=60``."""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

# Gives this process an Airflow of its own, so it comes before whatever imports Airflow.
from tests.conftest import HOME

os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "CRITICAL"

from airflow.utils.db import initdb

from airflow_dynamic_provider.embedded import one_execution_api
from tests.differential.check import differences
from tests.differential.generate import generate
from tests.differential.reporting import describe
from tests.differential.shrink import shrink

FOLDER = Path(".fuzz")
NEXT_SEED = FOLDER / "next-seed"

#: The seeds below are those of the tests.
FIRST_SEED = 1_000

SECONDS_BETWEEN_LINES = 10


def main() -> int:
    """Return 0 if all programs gave what they must."""
    options = _options()
    FOLDER.mkdir(exist_ok=True)
    try:
        initdb()
        with one_execution_api():
            return 1 if _fuzz(options) else 0
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
    parser.add_argument("--size", type=int, default=25, help="task instances in a program at most")
    parser.add_argument("--shrink-seconds", type=float, default=120, help="for cutting down each failing one")
    return parser.parse_args()


def _fuzz(options: argparse.Namespace) -> int:
    """Return the number of programs that gave something else."""
    first = options.seed if options.seed is not None else _next_seed()
    started = shown = time.monotonic()
    failed = done = 0
    for done, seed in enumerate(range(first, first + options.programs), start=1):
        failed += not _passes(seed, options)
        if options.seed is None:
            NEXT_SEED.write_text(str(seed + 1))
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


def _next_seed() -> int:
    return int(NEXT_SEED.read_text()) if NEXT_SEED.exists() else FIRST_SEED


def _passes(seed: int, options: argparse.Namespace) -> bool:
    case = generate(seed, size=options.size)
    found = differences(case)
    if found:
        print(f"Seed {seed} differs; cutting it down ...", flush=True)
        report = describe(seed, options.size, *shrink(case, found, seconds=options.shrink_seconds))
        (FOLDER / f"seed-{seed}.txt").write_text(report)
        print(report, flush=True)
    return not found


if __name__ == "__main__":
    sys.exit(main())
