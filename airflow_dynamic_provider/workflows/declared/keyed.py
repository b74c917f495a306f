"""Workflows with a dynamic output, declared by ``out=``: a call returns a handle, as for any dynamic task.

The body returns a list of ``DynamicOutput``, whose values may be promises. If the workflow is called in a Dag
file, its last task returns documents for them, and one more task produces the outputs: with the checks, the
lists and the metadata of any task that produces keys. In another body, the call returns a promise of a dict
of the values by key.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, TypedDict

from airflow_dynamic_provider.definitions.declarations import DynamicOut, read_declarations
from airflow_dynamic_provider.definitions.events import DynamicOutput, Output
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.metadata import metadata_from_json, metadata_to_json
from airflow_dynamic_provider.errors import WorkflowCallError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# The fields of the document for a dynamic output, in a plan and in the return value of the last task.
_KEY, _VALUE, _METADATA = "key", "value", "metadata"


def read_out(out: Any, function: Callable[..., Any]) -> DynamicOut | None:
    """Return the declared dynamic output of a workflow, ``None`` if it has none.

    Raises:
        WorkflowError: The declaration is not a `DynamicOut`.
        DeclarationError: The declaration contradicts the annotation of the body.
    """
    if out is None:
        return None
    if not isinstance(out, DynamicOut):
        raise WorkflowError(
            f"out= of a workflow must be a DynamicOut, received {out!r}",
            remedy="Write out=DynamicOut(str), or leave out the argument to return an ordinary value.",
        )
    read_declarations(out, function)
    return out


def type_of_documents(out: DynamicOut) -> Any:
    """Return the type of the documents of a dynamic output."""
    make: Any = TypedDict
    return types.GenericAlias(list, (make("document", {_KEY: str, _VALUE: out.type, _METADATA: Any}),))


def documents(workflow: str, returned: Any) -> list[dict[str, Any]]:
    """Return the documents, for a plan, of the dynamic outputs that a body returns.

    Raises:
        WorkflowCallError: The body returns something else, or a key twice.
    """
    return [
        {
            _KEY: each.mapping_key,
            _VALUE: each.value,
            **({_METADATA: metadata_to_json(each.metadata)} if each.metadata else {}),
        }
        for each in _checked(workflow, returned)
    ]


def values(workflow: str, returned: Any) -> dict[str, Any]:
    """Return the values of the dynamic outputs that a body returns, by key.

    Raises:
        WorkflowCallError: The body returns something else, or a key twice.
    """
    return {each.mapping_key: each.value for each in _checked(workflow, returned)}


def values_of(items: Iterable[Any]) -> dict[str, Any]:
    """Return key -> value, from the resolved result of `documents`."""
    return {each[_KEY]: each[_VALUE] for each in items}


def produce(items: Iterable[Any]) -> Iterator[DynamicOutput[Any]]:
    """Yield the dynamic outputs from the documents that a workflow returned."""
    for each in items:
        metadata = metadata_from_json(each.get(_METADATA, {}))
        yield DynamicOutput(each[_VALUE], each[_KEY], metadata=metadata)


def refuse_events(workflow: str, returned: Any) -> None:
    """Refuse dynamic outputs that a body returns if its workflow declares none.

    Raises:
        WorkflowCallError: There are such outputs. The message names the argument that declares them.
    """
    if isinstance(returned, list | tuple):
        event = next((each for each in returned if isinstance(each, DynamicOutput | Output)), None)
        if event is not None:
            raise WorkflowCallError(
                f"the workflow {workflow!r} returns a {type(event).__name__}, but declares no dynamic output",
                remedy="Declare it: @dynamic_workflow(out=DynamicOut(...)).",
            )


def _checked(workflow: str, returned: Any) -> Sequence[DynamicOutput[Any]]:
    if not isinstance(returned, list | tuple):
        raise _refusal(workflow, f"returns {excerpt(returned)} of type {type(returned).__name__}")
    seen = set()
    for each in returned:
        if not isinstance(each, DynamicOutput):
            raise _refusal(workflow, f"returns {excerpt(each)} of type {type(each).__name__} in its list")
        if each.output_name != DEFAULT_OUTPUT:
            raise _refusal(workflow, f"returns a DynamicOutput for the output {each.output_name!r}")
        if each.mapping_key in seen:
            raise _refusal(workflow, f"returns the key {each.mapping_key!r} twice")
        seen.add(each.mapping_key)
    return returned


def _refusal(workflow: str, what: str) -> WorkflowCallError:
    return WorkflowCallError(
        f"the workflow {workflow!r} declares a dynamic output, but {what}",
        remedy="Return a list with unique keys: "
        "[DynamicOutput(task(item), mapping_key=item) for item in items].",
    )
