"""The metadata of the running task instance. It is stored as one readable XCom after each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from airflow_dynamic_provider.definitions.metadata import MetadataValue

    Labelled = dict[str, MetadataValue]

#: The key of the metadata in Airflow's task context.
GATHERED_KEY = "dynamic_metadata"


class GatheredMetadata(Record, frozen=False):
    """The metadata that is known so far. The last value of a label takes precedence."""

    outputs: dict[str, Labelled] = field(default_factory=dict)
    keys: dict[str, dict[str, Labelled]] = field(default_factory=dict)
    inherited: Mapping[str, MetadataValue] = field(default_factory=dict)
    key_path: tuple[str, ...] = ()
    made_by: layout.MadeBy | None = None

    def add(self, output: str, mapping_key: str | None, metadata: Mapping[str, MetadataValue]) -> None:
        """Add metadata to an output, or to one key of a dynamic output."""
        if mapping_key is None:
            self.outputs.setdefault(output, {}).update(metadata)
        else:
            self.keys.setdefault(output, {}).setdefault(mapping_key, {}).update(metadata)

    def stored(self) -> layout.StoredMetadata:
        """Return the metadata as it is stored."""
        return layout.StoredMetadata(self.outputs, self.keys, self.inherited, self.key_path, self.made_by)

    def store(self, context: Mapping[str, Any]) -> None:
        """Store the metadata. One API call if there is metadata."""
        if stored := self.stored():
            xcom.push(context, layout.METADATA_XCOM, stored.pack())


def gathered_metadata(context: MutableMapping[str, Any]) -> GatheredMetadata:
    """Return the metadata of the running task instance."""
    gathered: GatheredMetadata | None = context.get(GATHERED_KEY)
    if gathered is None:
        key_path = context.get("mapping_key_path", ())
        gathered = context[GATHERED_KEY] = GatheredMetadata(key_path=key_path)
    return gathered


def start_clone_metadata(context: MutableMapping[str, Any], inherited: Mapping[str, MetadataValue]) -> None:
    """Attach the metadata that the producing task gave the key of this clone. One API call."""
    gathered = gathered_metadata(context)
    gathered.inherited = inherited
    gathered.store(context)


def note_origin(context: MutableMapping[str, Any], made_by: layout.MadeBy) -> None:
    """Say what made the result that the running task instance uses. One API call."""
    gathered = gathered_metadata(context)
    gathered.made_by = made_by
    gathered.store(context)
