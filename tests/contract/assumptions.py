"""What the package takes for granted of Airflow beyond ``airflow.sdk``: each assumption is one test.

A test says its assumption in words, what in the package rests on it, and where. When it fails, the failure
says the same; ``make canary`` makes a table of them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: What stands before what Airflow does instead, in the message of a failure.
INSTEAD = "This Airflow says: "


@dataclass(frozen=True)
class Assumption:
    """Something that the package takes for granted.

    Attributes:
        words: What it takes for granted, as a sentence.
        rests: What would not work without it.
        where: The files of the package that rely on it.
        names: The names of Airflow's that it is about: what is imported, private attributes.
        since: The first Airflow of which it is taken for granted.
    """

    words: str
    rests: str
    where: tuple[str, ...]
    names: tuple[str, ...] = ()
    since: tuple[int, int] = (3, 1)

    @property
    def is_made_here(self) -> bool:
        """Whether the package takes it for granted of the Airflow that is installed."""
        return tuple(int(part) for part in version("apache-airflow-core").split(".")[:2]) >= self.since


class BrokenAssumptionError(AssertionError):
    """Airflow does not do what the package takes for granted."""


def assumes(
    words: str, *, rests: str, where: str, names: str = "", since: tuple[int, int] = (3, 1)
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a test the test of an assumption.

    Args:
        words: The assumption, as a sentence.
        rests: What in the package rests on it.
        where: The files that rely on it, below the package, with spaces between them.
        names: The names of Airflow's that it is about, likewise; those that `airflow.sdk` exports need not be
            named.
        since: The first Airflow of which it is taken for granted; older ones do not run the test.
    """
    assumption = Assumption(words, rests, tuple(where.split()), tuple(names.split()), since)

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def checked(*args: Any, **kwargs: Any) -> None:
            try:
                test(*args, **kwargs)
            except Exception as error:
                raise BrokenAssumptionError(_message(assumption, error)) from error

        checked.assumption = assumption  # type: ignore[attr-defined]
        return checked

    return decorate


def _message(assumption: Assumption, error: Exception) -> str:
    first_line = (str(error).strip() or "no message").splitlines()[0]
    return (
        f"{assumption.words}\n"
        f"On this rests: {assumption.rests} ({', '.join(assumption.where)})\n"
        f"{INSTEAD}{type(error).__name__}: {first_line}"
    )
