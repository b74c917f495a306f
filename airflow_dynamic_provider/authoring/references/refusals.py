"""How a reference says that it was used for what it is not."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.definitions.operators import VALUE_OPERATORS
from airflow_dynamic_provider.errors import HandleUsageError, is_asked_by_author

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.sources import Source


# Whose code may make a text of a reference and compare it: it shows and keeps references, and does not
# take them for values.
_KEEPERS = frozenset({"airflow", "airflow_dynamic_provider", "logging", "structlog", "traceback", "rich"})


class MissingAttributeError(HandleUsageError, AttributeError):
    """A reference was asked for an attribute that it does not have."""


class NotAValue(ABC):
    """What every reference to outputs that do not exist yet refuses: all that needs the value."""

    #: What the author may ask a reference for.
    METHODS: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def _refuse(self, misuse: str) -> HandleUsageError:
        """Return the error for a misuse, such as ``"was iterated or unpacked"``."""

    @abstractmethod
    def _refuse_call(self, method: str, problem: str, remedy: str) -> HandleUsageError:
        """Return the error for a call of a method with wrong arguments."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not vars(self):
            # How Python and libraries ask what an object is, and how one that is half made looks.
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise missing_attribute(self._refuse(f"was asked for its attribute {name!r}"), name, self.METHODS)

    def keys(self) -> NoReturn:
        """Refused: Python asks for the keys of what stands behind ``**``."""
        raise self._refuse("was unpacked with **, or asked for its keys")

    def __iter__(self) -> NoReturn:
        raise self._refuse("was iterated or unpacked")

    def __len__(self) -> NoReturn:
        raise self._refuse("was asked for its length")

    def __bool__(self) -> bool:
        if not (is_kept() or task_graph.is_constructing()):
            raise self._refuse("was used as a truth value")
        # An argument that is given: a constructor asks ``argument or {}``.
        return True

    def __contains__(self, item: object) -> NoReturn:
        raise self._refuse("was searched with `in`")

    def __format__(self, spec: str) -> NoReturn:
        raise self._refuse("was formatted into a text")

    def __str__(self) -> str:
        if not is_kept():
            raise self._refuse("was made a text")
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not is_kept():
            raise self._refuse("was compared with ==")
        return self is other

    def __ne__(self, other: object) -> bool:
        if not is_kept():
            raise self._refuse("was compared with !=")
        return self is not other

    def __hash__(self) -> int:
        if is_asked_by_author():
            # `item in {"a", "b"}` would be false for all keys, without a word.
            raise self._refuse("was looked up in a set or a dict, or put into one")
        return object.__hash__(self)


def is_kept() -> bool:
    """Whether the code that asked is none that would take the answer for one about the value."""
    frame = sys._getframe(2)
    return str(frame.f_globals.get("__name__", "attrs")).split(".")[0] in _KEEPERS | {"attrs"}


def _refusing(tried: str) -> Any:
    def refused(self: NotAValue, *_others: Any) -> NoReturn:
        raise self._refuse(f"was {tried}")

    return refused


for _name, (_tried, _decides) in VALUE_OPERATORS.items():
    setattr(NotAValue, _name, _refusing(_tried))


def missing_attribute(
    error: HandleUsageError, name: str, methods: tuple[str, ...] = ()
) -> MissingAttributeError:
    """Return the error for an attribute that is not there, with the name that was probably meant."""
    # Only now: a Dag file that is right does without it.
    import difflib

    meant = difflib.get_close_matches(name, methods, n=1)
    remedy = f"Did you mean {meant[0]!r}? {error.remedy}" if meant else error.remedy
    return MissingAttributeError(
        error.message, task_id=error.task_id, output_name=error.output_name, remedy=remedy
    )


def refusal(source: Source, message: str, remedy: str) -> HandleUsageError:
    """Return the error, naming the task and the output."""
    return HandleUsageError(message, task_id=source.task_id, output_name=source.output, remedy=remedy)


def render_path(path: tuple[Any, ...]) -> str:
    """Return what is selected from a value, as the author wrote it."""
    return "".join(f"[{part!r}]" for part in path)
