"""The names of ``flytekit.core.utils``."""

from __future__ import annotations

import os
import time
from types import TracebackType


class timeit:  # noqa: N801
    """Prints how long a block takes.

    Args:
        name: The name of the block.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> timeit:
        self._start, self._process_start = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        wall, process = time.perf_counter() - self._start, time.process_time() - self._process_start
        print(f"{self._name}: {wall:.3f} s, {process:.3f} s of the processor, process {os.getpid()}")  # noqa: T201
