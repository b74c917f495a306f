"""The base of references, which refuses to be used as a value."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.airflow_adapter.operators import PlainXComArg
from airflow_dynamic_provider.definitions.operators import VALUE_OPERATORS
from airflow_dynamic_provider.errors import HandleUsageError, is_asked_by_author

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.sources import Source


# The packages whose code may convert a reference to a string and compare it. They show and store references,
# and do not mistake them for values.
_KEEPERS = frozenset({"airflow", "airflow_dynamic_provider", "logging", "structlog", "traceback", "rich"})


class MissingAttributeError(HandleUsageError, AttributeError):
    """A reference was asked for an attribute that it does not have."""


class NotAValue(ABC):
    """The base of references to outputs that do not exist yet. It refuses every use that needs the value."""

    #: The methods that authors may call.
    METHODS: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def _refuse(self, misuse: str) -> HandleUsageError:
        """Return the error for a misuse, such as ``"was iterated or unpacked"``."""

    @abstractmethod
    def _refuse_call(self, method: str, problem: str, remedy: str) -> HandleUsageError:
        """Return the error for a call of a method with wrong arguments."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not vars(self):
            # Python and libraries inspect objects in this way, and incomplete objects have no attributes.
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise missing_attribute(self._refuse(f"was asked for its attribute {name!r}"), name, self.METHODS)

    def keys(self) -> NoReturn:
        """Refuse the call. Python makes it for the argument after ``**``."""
        raise self._refuse("was unpacked with **, or asked for its keys")

    def __iter__(self) -> NoReturn:
        raise self._refuse("was iterated or unpacked")

    def __len__(self) -> NoReturn:
        raise self._refuse("was asked for its length")

    def __bool__(self) -> bool:
        if not (is_kept() or task_graph.is_constructing()):
            raise self._refuse("was used as a truth value")
        # True, because constructors evaluate ``argument or {}``, and this argument was passed.
        return True

    def __contains__(self, item: object) -> NoReturn:
        raise self._refuse("was searched with `in`")

    def __format__(self, spec: str) -> NoReturn:
        raise self._refuse("was formatted into a string")

    def __str__(self) -> str:
        if not is_kept():
            raise self._refuse("was converted to a string")
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
            # `item in {"a", "b"}` would be false for all keys, without an error.
            raise self._refuse("was looked up in a set or a dict, or put into one")
        return object.__hash__(self)


def is_task_output(value: Any) -> bool:
    """Return whether this is a reference to one XCom of one task, such as a call of the task returns."""
    return isinstance(value, PlainXComArg) and not isinstance(value, NotAValue)


def is_kept() -> bool:
    """Return whether the calling code shows or stores references, and does not mistake them for values."""
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
    """Return the error for a missing attribute, with the name that was probably meant."""
    # Imported here, because a correct Dag file does not need it.
    import difflib

    meant = difflib.get_close_matches(name, methods, n=1)
    remedy = f"Did you mean {meant[0]!r}? {error.remedy}" if meant else error.remedy
    return MissingAttributeError(
        error.message, task_id=error.task_id, output_name=error.output_name, remedy=remedy
    )


def refusal(source: Source, message: str, remedy: str) -> HandleUsageError:
    """Return an error that names the task and the output."""
    return HandleUsageError(message, task_id=source.task_id, output_name=source.output, remedy=remedy)


def render_path(path: tuple[Any, ...]) -> str:
    """Return the path that is selected in a value, as the author wrote it."""
    return "".join(f"[{part!r}]" for part in path)
