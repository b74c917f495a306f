"""The declarations of an op's and a graph's inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.metadata import metadata_of
from airflow_dynamic_provider.dags_from.dagster.types import Nothing, check_kind
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing
from airflow_dynamic_provider.definitions.declarations import DynamicOut as CoreDynamicOut
from airflow_dynamic_provider.definitions.declarations import Out as CoreOut

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Stands for a default that was not given; ``None`` is a default.
MISSING: Any = object()

#: Marks the annotation of a parameter that takes a resource.
RESOURCE_PARAMETER = "dagster resource"


class In:
    """Declares an input of an op.

    Args:
        dagster_type: Its type; `Nothing` for an input that only orders.
        description: A sentence about it.
        default_value: The value if nothing is connected and the config gives none.
        metadata: Label -> value.
        input_manager_key: The IO manager that loads it.
    """

    @refusing(
        "In",
        asset_key="the Dag's schedule, which may be an asset",
        asset_partitions="the partition of the run",
    )
    def __init__(
        self,
        dagster_type: Any = Any,
        description: str | None = None,
        default_value: Any = MISSING,
        metadata: Mapping[str, Any] | None = None,
        input_manager_key: str | None = None,
    ) -> None:
        self.dagster_type = check_kind(dagster_type, "an input")
        self.description = description
        self.default_value = default_value
        self.metadata = metadata_of(metadata)
        self.input_manager_key = input_manager_key

    @property
    def is_nothing(self) -> bool:
        """Whether it only orders."""
        return self.dagster_type is Nothing


class Out:
    """Declares an output of an op.

    Args:
        dagster_type: Its type; by default, that of the annotation.
        description: A sentence about it.
        is_required: Whether the op must give it. Without it, what uses it is skipped.
        io_manager_key: The IO manager that stores its values.
        metadata: Label -> value, about the declaration.
        code_version: Kept for readers.
    """

    is_dynamic = False

    def __init__(
        self,
        dagster_type: Any = MISSING,
        description: str | None = None,
        is_required: bool = True,
        io_manager_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        code_version: str | None = None,
    ) -> None:
        self.dagster_type = check_kind(dagster_type, "an output")
        self.description = description
        self.is_required = is_required
        self.io_manager_key = io_manager_key or "io_manager"
        self.metadata = metadata_of(metadata)
        self.code_version = code_version

    def of_type(self, kind: Any) -> Out:
        """Return the declaration with this type, unless it has one."""
        if self.dagster_type is not MISSING:
            return self
        return type(self)(
            kind, self.description, self.is_required, self.io_manager_key, self.metadata, self.code_version
        )

    def core(self) -> CoreOut:
        """Return the declaration of this package. The op itself checks the type, with Dagster's rules."""
        kind = CoreDynamicOut if self.is_dynamic else CoreOut
        return kind(description=self.description, is_required=self.is_required, metadata=self.metadata)


class DynamicOut(Out):
    """Declares any number of values, each with its own mapping key. It takes the arguments of `Out`."""

    is_dynamic = True


class GraphIn:
    """Declares an input of a graph.

    Args:
        description: A sentence about it.
    """

    def __init__(self, description: str | None = None) -> None:
        self.description = description


class GraphOut:
    """Declares an output of a graph.

    Args:
        description: A sentence about it.
    """

    def __init__(self, description: str | None = None) -> None:
        self.description = description
