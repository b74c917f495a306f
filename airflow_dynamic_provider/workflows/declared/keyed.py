"""A workflow whose output is dynamic, declared by ``out=``: its handle is like that of any other task.

The body returns a list of ``DynamicOutput``, with promises for values. Where the workflow is called in a Dag
file, its last task returns what stands for them, and a task behind it produces them: with the checks, the
lists and the metadata of any task that produces keys. In another body the call gives the promise of a dict of
the values by key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.declarations import DynamicOut, read_declarations
from airflow_dynamic_provider.definitions.events import DynamicOutput, Output
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.metadata import metadata_from_json, metadata_to_json
from airflow_dynamic_provider.errors import WorkflowCallError, WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# The fields of what stands for a dynamic output in a plan, and in what the workflow's last task returns.
_KEY, _VALUE, _METADATA = "key", "value", "metadata"


def read_out(out: Any, function: Callable[..., Any]) -> DynamicOut | None:
    """Return the declared dynamic output of a workflow, ``None`` where it has none.

    Raises:
        WorkflowError: Something else is declared.
        DeclarationError: The declaration contradicts the annotation of the body.
    """
    if out is None:
        return None
    if not isinstance(out, DynamicOut):
        raise WorkflowError(
            f"out= of a workflow must be a DynamicOut, received {out!r}",
            remedy="Write out=DynamicOut(str). A workflow without out= returns whatever its body returns.",
        )
    read_declarations(out, function)
    return out


def documents(workflow: str, returned: Any) -> list[dict[str, Any]]:
    """Return what stands in a plan for the dynamic outputs that a body returns.

    Raises:
        WorkflowCallError: It returns something else, or a key twice.
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
        WorkflowCallError: It returns something else, or a key twice.
    """
    return {each.mapping_key: each.value for each in _checked(workflow, returned)}


def values_of(items: Iterable[Any]) -> dict[str, Any]:
    """Return the values of what `documents` made, by key."""
    return {each[_KEY]: each[_VALUE] for each in items}


def produce(items: Iterable[Any]) -> Iterator[DynamicOutput[Any]]:
    """Yield the dynamic outputs for which something stands in what a workflow returned."""
    for each in items:
        metadata = metadata_from_json(each.get(_METADATA, {}))
        yield DynamicOutput(each[_VALUE], each[_KEY], metadata=metadata)


def refuse_events(workflow: str, returned: Any) -> None:
    """Refuse dynamic outputs that the body of a workflow returns that declares none.

    Raises:
        WorkflowCallError: It names the argument to declare them with.
    """
    if isinstance(returned, list | tuple):
        event = next((each for each in returned if isinstance(each, DynamicOutput | Output)), None)
        if event is not None:
            raise WorkflowCallError(
                f"the workflow {workflow!r} returns a {type(event).__name__}, and declares no dynamic output",
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
        f"the workflow {workflow!r} declares a dynamic output and {what}",
        remedy="Return a list, with each key once: "
        "[DynamicOutput(task(item), mapping_key=item) for item in items].",
    )
