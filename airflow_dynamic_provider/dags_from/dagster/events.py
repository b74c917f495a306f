"""What an op yields, returns or raises: outputs, materializations, failures, requests for a retry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.dags_from.dagster.keys import check_dagster_key
from airflow_dynamic_provider.dags_from.dagster.metadata import metadata_of
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing, refusing
from airflow_dynamic_provider.definitions.events import DynamicOutput as CoreDynamicOutput
from airflow_dynamic_provider.definitions.events import Output as CoreOutput
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.errors import DynamicOutputsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")


class Output(CoreOutput[T]):
    """One value that an op produces.

    Args:
        value: The value.
        output_name: The declared output that it belongs to.
        metadata: Label -> value, shown on the task instance.
    """

    @refusing("Output", data_version="metadata=", tags="metadata=")
    def __init__(
        self, value: T, output_name: str = DEFAULT_OUTPUT, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(value, output_name, metadata_of(metadata))


class DynamicOutput(CoreDynamicOutput[T]):
    """One value of a dynamic output, with its mapping key.

    Args:
        value: The value.
        mapping_key: Its name among its peers: letters, digits and underscores, unless the Dag file calls
            `allow_any_mapping_key`.
        output_name: The declared output that it belongs to.
        metadata: Label -> value, shown on the producing task instance and on those of the key.

    Raises:
        DagsterInvalidMappingKeyError: The key is refused.
        DagsterInvalidMetadata: The metadata cannot be stored.
    """

    def __init__(
        self,
        value: T,
        mapping_key: str,
        output_name: str = DEFAULT_OUTPUT,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            check_dagster_key(mapping_key)
            known = metadata_of(metadata)
        except DynamicOutputsError as error:
            raise error.about(output_name=output_name) from None
        super().__init__(value, mapping_key, output_name, known)


class AssetKey(Refusing):
    """The name of an asset: one part, or several.

    Args:
        path: The parts, or one of them.
    """

    _what = "AssetKey"

    def __init__(self, path: str | Sequence[str]) -> None:
        self.path = [path] if isinstance(path, str) else list(path)

    def to_user_string(self) -> str:
        """Return the parts with slashes between them."""
        return "/".join(self.path)

    @property
    def name(self) -> str:
        """The name of the Airflow asset."""
        return self.to_user_string()

    @property
    def uri(self) -> str:
        """The URI of the Airflow asset, which is its name."""
        return self.to_user_string()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AssetKey) and self.path == other.path

    def __hash__(self) -> int:
        return hash(tuple(self.path))

    def __repr__(self) -> str:
        return f"AssetKey({self.path!r})"


class AssetMaterialization:
    """Says that an op wrote an asset. It becomes an event of the Airflow asset with this name.

    Args:
        asset_key: The asset.
        description: A sentence about it.
        metadata: Label -> value, stored with the event.
        partition: The partition that was written.
        tags: Stored with the event.
    """

    def __init__(
        self,
        asset_key: str | Sequence[str] | AssetKey,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.tags = dict(tags or {})
        self.asset_key = asset_key if isinstance(asset_key, AssetKey) else AssetKey(asset_key)
        self.description = description
        self.metadata = metadata_of(metadata)
        self.partition = partition


class Failure(Exception):  # noqa: N818 (Dagster's name)
    """Raised by an op to fail with a message and metadata.

    Args:
        description: What went wrong.
        metadata: Label -> value, shown on the task instance.
        allow_retries: Whether a retry policy applies.
    """

    def __init__(
        self,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        allow_retries: bool | None = None,
    ) -> None:
        super().__init__(description)
        self.description = description
        self.metadata = metadata_of(metadata)
        self.allow_retries = True if allow_retries is None else allow_retries


class RetryRequested(Exception):  # noqa: N818 (Dagster's name)
    """Raised by an op to be run again.

    Args:
        max_retries: How often at most.
        seconds_to_wait: How long to wait before.
    """

    def __init__(self, max_retries: int | None = 1, seconds_to_wait: float | None = None) -> None:
        super().__init__(f"a retry was requested; at most {max_retries}")
        self.max_retries = 1 if max_retries is None else max_retries
        self.seconds_to_wait = seconds_to_wait
