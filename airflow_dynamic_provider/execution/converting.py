"""Converts an argument to what the parameter of a function is annotated as.

A value that is of the annotated type stays as it is. Plain JSON, as a task without declared types returns it,
becomes an object of the type. A list or a dict may have parts of both sorts. The values of a lazy collection
are converted when they are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import is_plain as is_json
from airflow_dynamic_provider.definitions.codecs.codec import shown
from airflow_dynamic_provider.definitions.codecs.making import codec_of
from airflow_dynamic_provider.definitions.codecs.parts import PartTypes
from airflow_dynamic_provider.definitions.declarations import is_plain
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.types import check_type, from_json
from airflow_dynamic_provider.errors import DeclarationError, OutputTypeError, ParameterTypeError
from airflow_dynamic_provider.execution.collected import CollectedMapping, CollectedSequence, converted

if TYPE_CHECKING:
    from collections.abc import Iterator


class Parameter(Record):
    """A parameter of a running task, as errors name it."""

    name: str
    task_id: str

    def take(self, value: Any, annotation: Any) -> Any:
        """Return an argument as the annotation says.

        Raises:
            ParameterTypeError: It is not of the annotated type, and not JSON from which one can be made.
        """
        try:
            return self._convert(value, annotation)
        except OutputTypeError as error:
            raise ParameterTypeError(
                f"the parameter {self.name!r}: {error.message}",
                task_id=self.task_id,
                remedy="Correct the annotation, or the type that the task before declares.",
            ) from error
        except ValueError as error:
            raise ParameterTypeError(
                f"the parameter {self.name!r} is annotated as {codec_of(annotation).name}, but receives "
                f"{shown(value)} ({error})",
                task_id=self.task_id,
                remedy="Correct the annotation, or declare the type in the task that produces the value.",
            ) from error

    def _convert(self, value: Any, annotation: Any) -> Any:
        if is_plain(annotation):
            return value
        if _holds_lazy(value):
            return self._convert_lazy(value, annotation)
        try:
            check_type(value, annotation)
        except DeclarationError:
            # The annotation cannot be checked.
            return value
        except OutputTypeError:
            if is_json(value):
                return from_json(value, annotation)
            if (back := self._convert_parts(value, annotation)) is None:
                raise
            check_type(back, annotation)
            return back
        return value

    def _convert_lazy(self, value: Any, annotation: Any) -> Any:
        """Convert a lazy collection, or a list or dict that holds some, without reading values."""
        if not isinstance(value, (CollectedSequence, CollectedMapping)):
            back = self._convert_parts(value, annotation)
            return value if back is None else back
        types = PartTypes.of(annotation, list if isinstance(value, CollectedSequence) else dict)
        if types is None:
            return value
        # All values of a collection have one type.
        declared = types.at(0)
        return converted(value, lambda each: self.take(each, declared))

    def _convert_parts(self, value: Any, annotation: Any) -> Any:
        """Convert each part of a list or dict, ``None`` if the annotation says nothing about the parts."""
        if type(value) is dict:
            types = PartTypes.of(annotation, dict)
            if types is None:
                return None
            return {key: self._convert(each, types.at(key)) for key, each in value.items()}
        if type(value) is not list:
            return None
        # A tuple travels as a list, and so does a pair of a join.
        for kind in (list, tuple):
            if (types := PartTypes.of(annotation, kind)) is not None:
                return kind(self._convert(each, types.at(at)) for at, each in enumerate(value))
        return None


def _holds_lazy(value: Any) -> bool:
    if isinstance(value, (CollectedSequence, CollectedMapping)):
        return True
    return any(map(_holds_lazy, _parts(value)))


def _parts(value: Any) -> Iterator[Any]:
    if type(value) is dict:
        yield from value.values()
    elif type(value) in (list, tuple):
        yield from value
