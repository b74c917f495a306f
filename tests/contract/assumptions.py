"""What the package assumes about Airflow beyond ``airflow.sdk``. Each assumption has one test.

The test states the assumption, what depends on it, and in which files. If it fails, its message states the
same. ``make canary`` prints a table of the assumptions.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: In the message of a failure, this comes before what Airflow does instead.
INSTEAD = "This Airflow says: "


@dataclass(frozen=True)
class Assumption:
    """Something that the package assumes about Airflow.

    Attributes:
        words: The assumption, as a sentence.
        rests: What depends on it.
        where: The files of the package that rely on it.
        names: The names of Airflow that it is about: imported names and private attributes.
        since: The first version of Airflow for which the package assumes it.
    """

    words: str
    rests: str
    where: tuple[str, ...]
    names: tuple[str, ...] = ()
    since: tuple[int, int] = (3, 1)

    @property
    def is_made_here(self) -> bool:
        """Whether the package assumes it of the installed Airflow."""
        return installed() >= self.since


def installed() -> tuple[int, ...]:
    """Return the minor version of the installed Airflow."""
    return tuple(int(part) for part in version("apache-airflow-core").split(".")[:2])


class BrokenAssumptionError(AssertionError):
    """Airflow does not do what the package assumes."""


def assumes(
    words: str, *, rests: str, where: str, names: str = "", since: tuple[int, int] = (3, 1)
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a test the test of an assumption.

    Args:
        words: The assumption, as a sentence.
        rests: What in the package depends on it.
        where: The files that rely on it, below the package, separated by spaces.
        names: The names of Airflow that it is about, separated by spaces, without those that `airflow.sdk`
            exports.
        since: The first version of Airflow for which it is assumed; older versions do not run the test.
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
        f"What depends on it: {assumption.rests} ({', '.join(assumption.where)})\n"
        f"{INSTEAD}{type(error).__name__}: {first_line}"
    )
