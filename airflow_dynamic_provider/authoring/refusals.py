"""How a reference says that it was used for what it is not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.errors import HandleUsageError

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.sources import Source


class NotAValue(ABC):
    """What every reference to outputs that do not exist yet refuses: all that needs the value."""

    @abstractmethod
    def _refuse(self, misuse: str) -> HandleUsageError:
        """Return the error for a misuse, such as ``"was iterated"``."""

    def __iter__(self) -> NoReturn:
        raise self._refuse("was iterated")

    def __len__(self) -> NoReturn:
        raise self._refuse("was asked for its length")

    def __bool__(self) -> NoReturn:
        raise self._refuse("was tested for truth")

    def __format__(self, spec: str) -> NoReturn:
        raise self._refuse("was put into a text")

    def __str__(self) -> str:
        return repr(self)


def refusal(source: Source, message: str, remedy: str) -> HandleUsageError:
    """Return the error, naming the task and the output."""
    return HandleUsageError(message, task_id=source.task_id, output_name=source.output, remedy=remedy)


def render_path(path: tuple[Any, ...]) -> str:
    """Return what is selected from a value, as the author wrote it."""
    return "".join(f"[{part!r}]" for part in path)
