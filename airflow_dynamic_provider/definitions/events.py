"""The outputs that a task produces: ``Output`` and ``DynamicOutput``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, check_mapping_key
from airflow_dynamic_provider.errors import DynamicOutputsError, UnexpectedOutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.definitions.metadata import MetadataValue

T = TypeVar("T")


@dataclass(frozen=True, init=False)
class Output(Generic[T]):
    """One value that a task produces. Create it in the task's process.

    Args:
        value: The value.
        output_name: The declared output that it belongs to, ``"result"`` by default.
        metadata: Label -> value, shown on the task instance.

    Raises:
        InvalidMetadataError: The metadata cannot be stored.

    Example:
        >>> Output(3, "total", metadata={"unit": "files"}).value
        3
    """

    value: T
    output_name: str
    metadata: Mapping[str, MetadataValue]

    def __init__(
        self, value: T, output_name: str = DEFAULT_OUTPUT, metadata: Mapping[str, Any] | None = None
    ) -> None:
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "output_name", output_name)
        try:
            object.__setattr__(self, "metadata", metadata_of(metadata))
        except DynamicOutputsError as error:
            raise error.about(output_name=output_name) from None

    def serialize(self) -> NoReturn:
        """Raise an error. Airflow calls this for an event that a task without declared outputs returns.

        Raises:
            UnexpectedOutputError: Always.
        """
        raise _unexpected(self)


@dataclass(frozen=True, init=False)
class DynamicOutput(Generic[T]):
    """One value of a dynamic output, with its mapping key. Create it in the task's process.

    Args:
        value: The value.
        mapping_key: The unique name of the value in its output: a non-empty ``str`` of at most 250 characters
            without control characters. File names, dates, URLs and e-mail addresses are valid keys.
        output_name: The declared output that it belongs to, ``"result"`` by default.
        metadata: Label -> value, shown on the producing task instance and on the clones of the key.

    Raises:
        InvalidMappingKeyError: The key is refused.
        InvalidMetadataError: The metadata cannot be stored.

    Example:
        >>> DynamicOutput("/data/a.csv", mapping_key="a.csv", metadata={"bytes": 12}).mapping_key
        'a.csv'
    """

    value: T
    mapping_key: str
    output_name: str
    metadata: Mapping[str, MetadataValue]

    def __init__(
        self,
        value: T,
        mapping_key: str,
        output_name: str = DEFAULT_OUTPUT,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "output_name", output_name)
        key = None
        try:
            key = check_mapping_key(mapping_key)
            object.__setattr__(self, "mapping_key", key)
            object.__setattr__(self, "metadata", metadata_of(metadata))
        except DynamicOutputsError as error:
            # The message of a refused key shows the key itself, shortened.
            raise error.about(output_name=output_name, mapping_key=key) from None

    def serialize(self) -> NoReturn:
        """Raise an error. Airflow calls this for an event that a task without declared outputs returns.

        Raises:
            UnexpectedOutputError: Always.
        """
        raise _unexpected(self)


def metadata_of(given: Any) -> dict[str, MetadataValue]:
    """Return the metadata that an author gave an event or a declaration, as label -> `MetadataValue`.

    Raises:
        InvalidMetadataError: It cannot be stored.
    """
    if given is None:
        return {}
    # Imported here, because most events and declarations have no metadata.
    from airflow_dynamic_provider.definitions.metadata import normalize_metadata

    return normalize_metadata(given)


def _unexpected(event: Output[Any] | DynamicOutput[Any]) -> UnexpectedOutputError:
    name = type(event).__name__
    declared = "DynamicOut" if isinstance(event, DynamicOutput) else "Out"
    return UnexpectedOutputError(
        f"this {name} is a value, or part of a value, that a task returned or pushed, so it is not an output",
        output_name=event.output_name,
        mapping_key=getattr(event, "mapping_key", None),
        remedy=f"Decorate the function with @task.dynamic(out={declared}(...)), and yield or return the "
        f"{name} itself. A plain @task returns plain values.",
    )
