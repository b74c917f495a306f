"""Gathers the outputs that a task's callable produces, and checks each event as it arrives.

A dynamic output is handed on as soon as it is checked. The list of keys is stored only after all outputs have
been checked, so whoever reads keys never sees half of the outputs.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.declarations import Declarations, DynamicOut, Out, is_plain
from airflow_dynamic_provider.definitions.events import DynamicOutput, Output
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.types import check_type
from airflow_dynamic_provider.errors import (
    DuplicateMappingKeyError,
    DynamicOutputsError,
    MissingOutputError,
    OutputError,
    UnexpectedOutputError,
    authors_frame,
    line_of,
)

if TYPE_CHECKING:
    from types import FrameType

#: The key of the running task's production in Airflow's task context.
PRODUCTION_KEY = "dynamic_production"


class Production:
    """The outputs that a running task has produced so far.

    Args:
        task_id: The running task, which every error names.
        declarations: The outputs that the task declares.
        take: Called with each dynamic output once it is checked, with its value in the form in which it is
            stored. Its value is not kept here then. If it is ``None``, all values are kept as they are.
    """

    def __init__(
        self,
        task_id: str,
        declarations: Declarations,
        take: Callable[[DynamicOutput[Any]], None] | None = None,
    ) -> None:
        self.task_id = task_id
        self.declarations = declarations
        self._take = take
        self.dynamic: dict[str, dict[str, DynamicOutput[Any]]] = {
            name: {} for name, out in declarations.items() if isinstance(out, DynamicOut)
        }
        self.static: dict[str, Output[Any]] = {}

    def accept(self, event: object) -> None:
        """Accept one event, or refuse it.

        Raises:
            UnexpectedOutputError: The object is not an event, its output is not declared or is of the other
                kind, or the static output was already produced.
            DuplicateMappingKeyError: The output already has this key.
            OutputTypeError: The value is not of the declared type.
            UnstorableOutputError: XCom cannot carry the value.
        """
        if not isinstance(event, (Output, DynamicOutput)):
            raise self._not_an_event(event)
        mapping_key = event.mapping_key if isinstance(event, DynamicOutput) else None
        try:
            declaration = self._declaration_of(event)
            check_type(event.value, declaration.type)
            form = _stored_form(event.value, declaration)
            # The author may change the same list or dict for the next output.
            self._keep(replace(event, value=_snapshot(event.value if self._take is None else form)))
        except DynamicOutputsError as error:
            raise error.about(
                task_id=self.task_id, output_name=event.output_name, mapping_key=mapping_key
            ) from error.__cause__

    def finish(self) -> None:
        """Refuse a run that did not produce a required output.

        Raises:
            MissingOutputError: A required static output was not produced.
        """
        for name, declaration in self.declarations.items():
            if name not in self.dynamic and name not in self.static and declaration.is_required:
                raise MissingOutputError(
                    "is required and was not produced",
                    task_id=self.task_id,
                    output_name=name,
                    remedy=f"Yield Output(value, {name!r}), or declare it with is_required=False.",
                )

    def check_metadata_target(self, output_name: str | None, mapping_key: str | None) -> str:
        """Return the name of the output that metadata belongs to.

        Raises:
            UnexpectedOutputError: There is no such output, or a key is given for a static output.
        """
        if output_name is None:
            if len(self.declarations) > 1:
                raise UnexpectedOutputError(
                    f"has several outputs ({', '.join(self.declarations)}), so metadata must name one",
                    remedy="Pass output_name=.",
                )
            output_name = next(iter(self.declarations))
        if output_name not in self.declarations:
            raise self._undeclared(output_name)
        if mapping_key is not None and output_name not in self.dynamic:
            raise UnexpectedOutputError(
                "is one value, so it has no mapping keys",
                output_name=output_name,
                remedy="Leave mapping_key= out.",
            )
        return output_name

    def _declaration_of(self, event: Output[Any] | DynamicOutput[Any]) -> Out:
        declaration = self.declarations.get(event.output_name)
        if declaration is None:
            raise self._undeclared(event.output_name)
        if isinstance(declaration, DynamicOut) and isinstance(event, Output):
            raise UnexpectedOutputError(
                f"is declared as a DynamicOut, received {_shorten(event)}",
                remedy="Yield DynamicOutput(value, mapping_key=...).",
            )
        if not isinstance(declaration, DynamicOut) and isinstance(event, DynamicOutput):
            raise UnexpectedOutputError(
                f"is declared as an Out, received {_shorten(event)}",
                remedy=f"Yield Output(value, {event.output_name!r}), or declare it as a DynamicOut.",
            )
        return declaration

    def _keep(self, event: Output[Any] | DynamicOutput[Any]) -> None:
        if isinstance(event, DynamicOutput):
            peers = self.dynamic[event.output_name]
            if event.mapping_key in peers:
                first = list(peers).index(event.mapping_key)
                raise DuplicateMappingKeyError(
                    f"two outputs have this key, at positions {first} and {len(peers)}; the value of "
                    f"the second is {_shorten(event.value)}",
                    remedy="Keys are never merged. Make them different, for example with a longer path.",
                )
            if self._take is not None:
                self._take(event)
                event = replace(event, value=None)
            peers[event.mapping_key] = event
            return
        if event.output_name in self.static:
            raise UnexpectedOutputError(
                f"was produced twice; the second value is {_shorten(event.value)}",
                remedy="Yield it once, or declare it as a DynamicOut.",
            )
        self.static[event.output_name] = event

    def _undeclared(self, output_name: str) -> UnexpectedOutputError:
        return UnexpectedOutputError(
            f"is not declared; the declared outputs are {', '.join(map(repr, self.declarations))}",
            task_id=self.task_id,
            output_name=output_name,
            remedy="Add it to out=, or correct the name."
            if output_name != DEFAULT_OUTPUT
            else f"This is the default name. Name an output: output_name={next(iter(self.declarations))!r}.",
        )

    def _not_an_event(self, received: object) -> UnexpectedOutputError:
        name = next(iter(self.dynamic), next(iter(self.declarations)))
        due = "DynamicOutput(value, mapping_key=...)" if self.dynamic else "Output(value)"
        return UnexpectedOutputError(
            f"received {_shorten(received)} of type {type(received).__name__}, which is not an output",
            task_id=self.task_id,
            output_name=name,
            remedy=f"Wrap it: {due}.",
        )


def produce(callable_: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], into: Production) -> None:
    """Run a task's callable, and pass each event that it yields or returns to ``into``.

    Args:
        callable_: A function or generator function, synchronous or asynchronous.
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        into: The production that accepts the events.
    """
    with _ReturnNamed(callable_):
        result = callable_(*args, **kwargs)
        if inspect.isawaitable(result):
            result = asyncio.run(_await(cast("Coroutine[Any, Any, Any]", result)))
        if isinstance(result, AsyncIterator):
            asyncio.run(_drain_async(result, into))
        else:
            _accept_result(result, into)


async def produce_async(
    callable_: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], into: Production
) -> None:
    """Run an asynchronous callable in the running event loop. See `produce`."""
    with _ReturnNamed(callable_):
        result = callable_(*args, **kwargs)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncIterator):
            await _drain_async(result, into)
        else:
            _accept_result(result, into)


async def _await(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await coroutine


async def _drain_async(events: AsyncIterator[Any], into: Production) -> None:
    async for event in events:
        with _TaskNamed(into, events):
            into.accept(event)


def _drain(events: Iterator[Any], into: Production) -> Any:
    while True:
        with _TaskNamed(into, events):
            try:
                event = next(events)
            except StopIteration as stop:
                return stop.value
            into.accept(event)


def _accept_result(result: Any, into: Production) -> None:
    if isinstance(result, Iterator):
        _accept_returned(_drain(result, into), into, is_generator=True)
    else:
        _accept_returned(result, into, is_generator=False)


def _accept_returned(returned: Any, into: Production, *, is_generator: bool) -> None:
    if isinstance(returned, (list, tuple)):
        for event in returned:
            into.accept(event)
    elif isinstance(returned, (Output, DynamicOutput)):
        into.accept(returned)
    elif is_generator and returned is None:
        return
    elif len(into.declarations) == 1 and not into.dynamic and not is_generator:
        into.accept(Output(returned, next(iter(into.declarations))))
    else:
        raise UnexpectedOutputError(
            f"returned {_shorten(returned)}, which holds no outputs",
            task_id=into.task_id,
            output_name=next(iter(into.dynamic), next(iter(into.declarations))),
            remedy="Yield the outputs or return them in a list; return [] when there are none.",
        )


class _TaskNamed:
    """Adds the task and the author's line to errors about an event that a function yields or constructs."""

    def __init__(self, production: Production, events: object) -> None:
        self.production = production
        self.events = events

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, DynamicOutputsError):
            error.about(task_id=self.production.task_id)
        if isinstance(error, OutputError) and error.line is None:
            frame = authors_frame(error) or _waiting_at(self.events)
            error.line = None if frame is None else line_of(frame)


class _ReturnNamed:
    """Adds the author's line to errors about an event that a function returns or constructs."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, OutputError) and error.line is None:
            # Imported only here: a task that succeeds does not need it.
            from airflow_dynamic_provider.execution.source_lines import return_line

            frame = authors_frame(error)
            error.line = return_line(self.function) if frame is None else line_of(frame)


def _waiting_at(events: object) -> FrameType | None:
    """Return the frame of a suspended generator, which is at its last ``yield``."""
    frame: FrameType | None = getattr(events, "gi_frame", None) or getattr(events, "ag_frame", None)
    return frame


def _stored_form(value: Any, declaration: Out) -> Any:
    if is_plain(declaration.type) and xcom.is_plain(value):
        xcom.check_storable(value)
        return value
    # Imported here, because most values consist of JSON's types only.
    from airflow_dynamic_provider.execution.typed_values import stored_form, stored_parts

    # Airflow may expand over a static output.
    return (stored_form if isinstance(declaration, DynamicOut) else stored_parts)(value, declaration.type)


def _snapshot(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:
        # Airflow can store some objects that cannot be copied. Authors do not build those step by step.
        return value


def _shorten(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 120 else f"{shown[:117]}..."
