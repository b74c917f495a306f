"""Finishes what a task has produced: late metadata, static outputs, and last the list of keys.

Dynamic outputs are stored as they are produced: see `writing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.events import DynamicOutput
from airflow_dynamic_provider.errors import UnexpectedOutputError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.lengths import check_length
from airflow_dynamic_provider.execution.metadata import gathered_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from airflow_dynamic_provider.execution.metadata import GatheredMetadata
    from airflow_dynamic_provider.execution.producing import Production
    from airflow_dynamic_provider.execution.writing import OutputWriter


def store(
    context: MutableMapping[str, Any],
    production: Production,
    writer: OutputWriter,
    *,
    mapped_outputs: Mapping[str, str],
) -> Any:
    """Store what is left of a finished production, and return what Airflow shall store as the return value.

    One API call for each dynamic output and each static one, and at most four more.

    Args:
        context: Airflow's task context.
        production: The finished production.
        writer: Has stored the dynamic outputs so far.
        mapped_outputs: Dynamic output -> the task that Airflow expands over, for outputs that are mapped.

    Raises:
        TooManyOutputsError: There are more keys than Airflow may map.
        UnexpectedOutputError: Metadata was added to a key that was never produced.
    """
    clone: CloneRuntime | None = context.get(RUNTIME_KEY)
    for name in mapped_outputs:
        check_length(len(production.dynamic[name]), production.task_id, name)
    writer.close()
    _add_late_metadata(context, production, writer)
    _store_static(context, production)
    if clone is not None:
        clone.produced = _produced_by_clone(production)
    return _store_keys(context, production, is_clone=clone is not None)


def _add_late_metadata(
    context: MutableMapping[str, Any], production: Production, writer: OutputWriter
) -> None:
    merge_late_metadata(production, gathered_metadata(context))
    for name, by_key in gathered_metadata(context).keys.items():
        positions = {key: position for position, key in enumerate(production.dynamic[name])}
        writer.add_metadata(name, {positions[key]: metadata for key, metadata in by_key.items()})


def merge_late_metadata(production: Production, gathered: GatheredMetadata) -> None:
    """Add the metadata that was gathered for single keys to the dynamic outputs.

    Raises:
        UnexpectedOutputError: Metadata was added to a key that was never produced.
    """
    for name, by_key in gathered.keys.items():
        events = production.dynamic[name]
        for key, metadata in by_key.items():
            if key not in events:
                raise UnexpectedOutputError(
                    "received metadata, but was not produced",
                    task_id=production.task_id,
                    output_name=name,
                    mapping_key=key,
                    remedy="Produce this key, or correct the key in add_output_metadata.",
                )
            merged = {**events[key].metadata, **metadata}
            events[key] = DynamicOutput(events[key].value, key, name, merged)


def _produced_by_clone(production: Production) -> dict[str, Any]:
    """Return output -> value. The value of a dynamic output is its keys, which form the nested key space."""
    keys = {
        name: layout.pack_produced_keys({key: event.metadata for key, event in events.items()})
        for name, events in production.dynamic.items()
    }
    return {**{name: event.value for name, event in production.static.items()}, **keys}


def _store_static(context: MutableMapping[str, Any], production: Production) -> None:
    gathered = gathered_metadata(context)
    merge_static_metadata(production, gathered)
    for name, event in production.static.items():
        if len(production.declarations) > 1:
            xcom.push(context, name, event.value)
    if any(
        not out.is_required and name not in production.dynamic
        for name, out in production.declarations.items()
    ):
        xcom.push(context, layout.PRODUCED_XCOM, sorted(production.static))
    gathered.store(context)


def merge_static_metadata(production: Production, gathered: GatheredMetadata) -> None:
    """Add the metadata of static outputs to what was gathered, which takes precedence."""
    for name, event in production.static.items():
        if event.metadata:
            gathered.outputs[name] = {**event.metadata, **gathered.outputs.get(name, {})}


def _store_keys(context: Mapping[str, Any], production: Production, *, is_clone: bool) -> Any:
    if not production.dynamic:
        only = next(iter(production.static.values()), None) if len(production.declarations) == 1 else None
        return None if only is None else only.value
    if len(production.dynamic) == 1:
        keys = list(next(iter(production.dynamic.values())))
        # A separate task lists the keys of clones, below their outer keys.
        return keys if is_clone else _store_digest(context, layout.RETURN_VALUE, keys)
    if is_clone:
        return None
    for name, events in production.dynamic.items():
        xcom_key = layout.keys_xcom(name)
        xcom.push(context, xcom_key, _store_digest(context, xcom_key, list(events)))
    return None


def _store_digest(context: Mapping[str, Any], xcom_key: str, keys: list[str]) -> list[str]:
    xcom.push(context, layout.digest_xcom(xcom_key), layout.pack_digest(keys))
    return keys
