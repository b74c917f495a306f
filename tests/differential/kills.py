"""Kills the process of a batch in the first run of a program, as far as that can be done in one process.

A killed process stores nothing more, and its task instance ends as one whose process was killed. What it has
stored until then is in the XComs and in the checkpoints. If a retry is left, the keys that were not stored
run again. Without a retry, they are failed. So a kill makes no difference to the expected result

* if each kill of a task leaves it a retry, or
* if it comes while the last key of a batch runs that runs at all, and this key must fail.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from airflow_dynamic_provider.execution.batches.recording import Recorder

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from tests.differential.oracle import Expected
    from tests.differential.programs import Case, Kill, Names, Path

_MOST = 2


class Killed(BaseException):
    """Stands for the end of the process. No function catches it."""


def any_kills(rng: random.Random, case: Case, names: Names, expected: Expected) -> frozenset[Kill]:
    """Return some of the possible kills of a case."""
    possible = sorted(possible_kills(case, names, expected))
    return frozenset(rng.sample(possible, min(rng.choice((0, 0, 1, _MOST)), len(possible))))


def possible_kills(case: Case, names: Names, expected: Expected) -> set[Kill]:
    """Return the keys of batches whose process may be killed while they run."""
    return {
        (name, path)
        for name, batches in names.batches.items()
        if _calls_from_one_thread(batches)
        for keys in names.divided(name, expected.outcomes[name])
        for path in keys
        if expected.outcomes[name][path].state == "success"
        or (is_for_good(case, (name, path)) and _is_last(names, expected, name, keys, path))
    }


def _calls_from_one_thread(settings: Any) -> bool:
    """Return whether one thread of a batch calls the API, because Airflow's API in this process takes one."""
    return settings.concurrency is None or settings.runner == "processes"


def is_for_good(case: Case, kill: Kill) -> bool:
    """Return whether a key is killed each time that it runs, so that it is failed."""
    return bool(case.table.get(kill) == "fail")


def _is_last(names: Names, expected: Expected, name: str, keys: list[Path], path: Path) -> bool:
    """Return whether no other key of its batch runs at the same time or later."""
    batches = names.batches[name]
    running = [each for each in keys if expected.outcomes[name][each].has_run]
    return batches.concurrency is None and batches.runner != "processes" and running[-1:] == [path]


@contextmanager
def killing(case: Case) -> Iterator[None]:
    """Have killed processes store nothing more. A batch stores each key, or every other one, when it ends."""
    if not case.kills:
        yield
        return
    every = 1 if any(is_for_good(case, kill) for kill in case.kills) else 2
    added: dict[int, int] = {}
    add, close = Recorder.add, Recorder.close

    def add_and_store(self: Recorder, record: object) -> None:
        add(self, record)  # type: ignore[arg-type]
        if not _calls_from_one_thread(self._batch.spec.batches.settings):
            return
        added[id(self)] = added.get(id(self), 0) + 1
        if added[id(self)] % every == 0:
            self.flush()

    def close_unless_killed(self: Recorder) -> None:
        if not isinstance(sys.exc_info()[1], Killed):
            close(self)

    with (
        mock.patch.object(Recorder, "add", add_and_store),
        mock.patch.object(Recorder, "close", close_unless_killed),
    ):
        yield
