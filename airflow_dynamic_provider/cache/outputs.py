"""The kept form of declared outputs: a list of outputs, in the order in which they were produced.

It is the same whether the task ran for one key or for many in a batch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.entries import value_from_json, value_to_json
from airflow_dynamic_provider.definitions.events import DynamicOutput, Output
from airflow_dynamic_provider.execution.producing import Production
from airflow_dynamic_provider.execution.typed_values import value_of

if TYPE_CHECKING:
    from airflow_dynamic_provider.cache.results import Hit
    from airflow_dynamic_provider.definitions.declarations import Declarations

Event = Output[Any] | DynamicOutput[Any]


def kept_output(name: str, form: Any, key: str | None = None) -> dict[str, Any]:
    """Return the kept form of one output.

    Args:
        name: Its name.
        form: Its value, in the form in which it is stored as an XCom.
        key: Its mapping key, if it is dynamic.

    Raises:
        UnstorableOutputError: The value would not come back as it is.
    """
    return {"output": name, **({} if key is None else {"key": key}), "value": value_to_json(form)}


def read_outputs(content: Any, task_id: str, declarations: Declarations) -> list[Event]:
    """Return the outputs of a kept result.

    Raises:
        DynamicOutputsError: They are not what the task declares.
    """
    found = [_read(each, declarations) for each in content]
    # The declarations may have changed since.
    checked = Production(task_id, declarations)
    for event in found:
        checked.accept(event)
    checked.finish()
    return found


def replay(hit: Hit, into: Production) -> None:
    """Produce the outputs of a kept result again, with their metadata."""
    for event in hit.content:
        metadata = (
            hit.metadata.keys.get(event.output_name, {}).get(event.mapping_key, {})
            if isinstance(event, DynamicOutput)
            else {}
        )
        into.accept(replace(event, metadata=metadata))


def _read(packed: Any, declarations: Declarations) -> Event:
    name = packed["output"]
    value = value_of(value_from_json(packed["value"]), declarations[name].type)
    return DynamicOutput(value, packed["key"], name) if "key" in packed else Output(value, name)
