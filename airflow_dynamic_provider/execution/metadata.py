"""The metadata of the running task instance: gathered here, stored as one readable XCom after each change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.metadata import MetadataValue
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_GATHERED_KEY = "dynamic_metadata"

Labelled = dict[str, MetadataValue]


@dataclass
class GatheredMetadata:
    """What is known so far. The last value of a label wins."""

    outputs: dict[str, Labelled] = field(default_factory=dict)
    keys: dict[str, dict[str, Labelled]] = field(default_factory=dict)
    inherited: Mapping[str, MetadataValue] = field(default_factory=dict)
    key_path: tuple[str, ...] = ()

    def add(self, output: str, mapping_key: str | None, metadata: Mapping[str, MetadataValue]) -> None:
        """Add to an output, or to one key of a dynamic output."""
        if mapping_key is None:
            self.outputs.setdefault(output, {}).update(metadata)
        else:
            self.keys.setdefault(output, {}).setdefault(mapping_key, {}).update(metadata)

    def store(self, context: Mapping[str, Any]) -> None:
        """Store all of it, if there is any. One API call."""
        stored = layout.StoredMetadata(self.outputs, self.keys, self.inherited, self.key_path)
        if stored:
            xcom.push(context, layout.METADATA_XCOM, stored.pack())


def gathered_metadata(context: MutableMapping[str, Any]) -> GatheredMetadata:
    """Return the metadata of the running task instance."""
    gathered: GatheredMetadata = context.setdefault(_GATHERED_KEY, GatheredMetadata())
    return gathered


def start_clone_metadata(
    context: MutableMapping[str, Any], key_path: tuple[str, ...], inherited: Mapping[str, MetadataValue]
) -> None:
    """Attach what the producing task said of this clone's key."""
    gathered = gathered_metadata(context)
    gathered.key_path, gathered.inherited = key_path, inherited
    gathered.store(context)
