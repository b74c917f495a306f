"""What an op's function gives, as checked outputs in their order."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvariantViolationError
from airflow_dynamic_provider.dags_from.dagster.events import AssetMaterialization, DynamicOutput, Output
from airflow_dynamic_provider.dags_from.dagster.types import Nothing
from airflow_dynamic_provider.definitions.excerpts import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

Event = Output[Any] | DynamicOutput[Any] | AssetMaterialization


def events_of(op: Any, result: Any) -> Iterator[Event]:
    """Yield what an op gave, each output as it comes. The types of the values are still to be checked.

    Args:
        op: The op.
        result: What its function returned: a value, a generator, a coroutine, ...

    Raises:
        DagsterInvariantViolationError: It gave something that it does not declare, or not what it declares.
    """
    seen: dict[str, set[str]] = {}
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    # Other iterators are values.
    is_yielded = inspect.isgenerator(result) or inspect.isasyncgen(result)
    for event in _yielded(result) if is_yielded else _returned(op, result):
        if isinstance(event, AssetMaterialization):
            yield event
            continue
        if not isinstance(event, (Output, DynamicOutput)):
            raise _invariant(
                op,
                f"yielded {_shown(event)}, which is not an Output",
                "Yield Output(value) or DynamicOutput(value, mapping_key=...).",
            )
        _check_declared(op, event)
        keys = seen.setdefault(event.output_name, set())
        key = event.mapping_key if isinstance(event, DynamicOutput) else ""
        if key in keys:
            named = f"with the mapping key {key!r} " if key else ""
            raise _invariant(
                op,
                f"gave the output {event.output_name!r} {named}more than once",
                "Give each a key of its own.",
            )
        keys.add(key)
        yield event
    for name, out in op.outs.items():
        if name in seen or out.is_dynamic:
            continue
        if out.dagster_type is Nothing and out.is_required:
            yield Output(None, name)
        elif out.is_required:
            raise _invariant(
                op,
                f"did not give the output {name!r}, which is required",
                f"Yield Output(value, {name!r}), or declare Out(is_required=False).",
            )


def _yielded(result: Any) -> Iterator[Any]:
    if inspect.isgenerator(result):
        yield from result
        return
    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                event = loop.run_until_complete(anext(result))
            except StopAsyncIteration:
                return
            yield event
    finally:
        loop.close()


def _returned(op: Any, result: Any) -> Iterator[Any]:
    if len(op.outs) == 1:
        yield from _one_returned(op, next(iter(op.outs)), result)
        return
    if result is None and all(out.dagster_type is Nothing for out in op.outs.values()):
        return
    if not isinstance(result, tuple) or len(result) != len(op.outs):
        raise _invariant(
            op,
            f"has the outputs {', '.join(op.outs)} and returned {_shown(result)}",
            "Return a tuple with a value for each of them, in the order of their declaration.",
        )
    for name, value in zip(op.outs, result, strict=True):
        yield from _one_returned(op, name, value)


def _one_returned(op: Any, name: str, value: Any) -> Iterator[Any]:
    out = op.outs[name]
    if out.is_dynamic:
        if not isinstance(value, list):
            raise _invariant(
                op,
                f"expected a list of DynamicOutput for the output {name!r}, and received {_shown(value)}",
                "Return a list, [] if there are none, or yield them.",
            )
        for position, event in enumerate(value):
            if not isinstance(event, DynamicOutput):
                raise _invariant(
                    op,
                    f"expected a DynamicOutput at position {position} of the dynamic output {name!r}, and "
                    f"received {_shown(event)}",
                    "Wrap it: DynamicOutput(value, mapping_key=...).",
                )
            yield _named(op, name, event)
    elif isinstance(value, (Output, DynamicOutput)):
        yield _named(op, name, value)
    elif isinstance(value, AssetMaterialization):
        raise _invariant(op, "returned an AssetMaterialization", "Yield it, or call context.log_event(...).")
    else:
        yield Output(value, name)


def _named(op: Any, name: str, event: Any) -> Any:
    """Return a returned event with the name of its position; ``result`` stands for any."""
    if event.output_name == name:
        return event
    if event.output_name != "result":
        raise _invariant(
            op,
            f"returned an output named {event.output_name!r} at the place of {name!r}",
            "Correct the name, or leave it out.",
        )
    if isinstance(event, DynamicOutput):
        return DynamicOutput(event.value, event.mapping_key, name, event.metadata)
    return Output(event.value, name, event.metadata)


def _check_declared(op: Any, event: Any) -> None:
    out = op.outs.get(event.output_name)
    if out is None:
        raise _invariant(
            op,
            f"gave an output {event.output_name!r} and declares {', '.join(op.outs)}",
            "Declare it in out=, or correct the name.",
        )
    if out.is_dynamic and not isinstance(event, DynamicOutput):
        raise _invariant(
            op,
            f"gave an Output for {event.output_name!r}, which is dynamic",
            "Yield DynamicOutput(value, mapping_key=...).",
        )
    if not out.is_dynamic and isinstance(event, DynamicOutput):
        raise _invariant(
            op,
            f"gave a DynamicOutput for {event.output_name!r}, which is not dynamic",
            "Declare it by DynamicOut().",
        )


def _invariant(op: Any, problem: str, remedy: str) -> DagsterInvariantViolationError:
    return DagsterInvariantViolationError(f"the op {op.name!r} {problem}", remedy=remedy)


def _shown(value: Any) -> str:
    return f"{excerpt(value)} of type {type(value).__name__}"
