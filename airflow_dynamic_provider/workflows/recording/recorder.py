"""The recording of a body, in the planning task: its calls, their scopes, and their orders.

After the body has returned, `assembly` names the calls and makes the plan.
"""

from __future__ import annotations

import itertools
import os
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import UnknownKindError, WorkflowCallError, authors_frame
from airflow_dynamic_provider.workflows.plan import validation
from airflow_dynamic_provider.workflows.plan.references import Known, Reference
from airflow_dynamic_provider.workflows.recording import promises
from airflow_dynamic_provider.workflows.recording.current import current
from airflow_dynamic_provider.workflows.recording.entries import (
    CallEntry,
    Entry,
    NodeEntry,
    Scope,
    ValueEntry,
)
from airflow_dynamic_provider.workflows.recording.promises import Promise, Promised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.workflows.declared.kinds import Kind, Kinds, Target
    from airflow_dynamic_provider.workflows.recording.entries import FindKept

#: The prefix of references to calls that have no name yet. Calls are named after the body has returned.
_UNNAMED = "#"


class Recorder:
    """One recording.

    Args:
        workflow: The name of the workflow that is planned.
        kinds: The kinds of nodes that the plan may have.
        max_nodes: The maximum number of nodes in the plan.
        refuse_unplannable: Refuses a value that cannot be part of a plan (see `passing`).
        context: The context of the planning task, for bodies with parameters for it.
        promise_class: The class of the promises that calls return.
        find_kept: Looks up the output of a cached workflow that a body calls. By default, none is kept.
    """

    def __init__(
        self,
        workflow: str,
        kinds: Kinds,
        max_nodes: int,
        refuse_unplannable: Callable[[Any, Recorder], None],
        context: Mapping[str, Any] | None = None,
        promise_class: type[Promise] = Promise,
        find_kept: FindKept | None = None,
    ) -> None:
        self.find_kept = find_kept
        self._promise_class = promise_class
        self._refuse_unplannable = refuse_unplannable
        self.workflow = workflow
        self.kinds = kinds
        self.max_nodes = max_nodes
        self.context = context or {}
        self.root = Scope()
        self.entries: dict[int, Entry] = {}
        self.count = 0
        # The kinds whose settings Airflow has accepted.
        self.tried_kinds: set[str] = set()
        self.depth = 0
        self.is_open = False
        self._scope = self.root
        # The kinds that the running body may call, if it has ``tasks=``.
        self._allowed: Kinds | None = None
        self._serials = itertools.count(1)
        # The operator or group is kept too, so that no other object gets its id.
        self._known: dict[int, tuple[Any, Entry]] = {}
        # The open ``with`` blocks of task groups.
        self.blocks: list[AbstractContextManager[None]] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the calls inside the block."""
        self.is_open = True
        try:
            with current(self):
                yield
        finally:
            self.is_open = False

    @contextmanager
    def allowing(self, kinds: Kinds | None) -> Iterator[None]:
        """Allow only calls of these kinds inside the block; with ``None``, of all kinds of the plan."""
        outer, self._allowed = self._allowed, kinds
        try:
            yield
        finally:
            self._allowed = outer

    def match(self, target: Target, settings: Mapping[str, Any] | None = None) -> tuple[Kind, int | None]:
        """Return the kind of a call, and the node's own retries (see `Kinds.match`).

        Raises:
            UnknownKindError: The body may not make this call, or the Dag has no task that could run it.
        """
        if self._allowed is not None:
            self._allowed.match(target, settings)
        return self.kinds.match(target, settings)

    def node(
        self, label: str, *, is_explicit: bool, kind: str, arguments: Mapping[str, Any], **more: Any
    ) -> NodeEntry:
        """Record a call that becomes a node.

        Raises:
            NodeNameError: Its name is refused, or another call of the body has it.
            TooManyNodesError: The plan would have too many nodes.
        """
        self.count += 1
        validation.check_count(self.count, self.max_nodes, self.workflow)
        entry = NodeEntry(
            serial=next(self._serials),
            label=label,
            is_explicit=is_explicit,
            line=_line(),
            kind=kind,
            arguments=arguments,
            **more,
        )
        self._add(entry)
        return entry

    def call(self, label: str, *, is_explicit: bool) -> CallEntry:
        """Record a call that becomes a part of the plan.

        Raises:
            NodeNameError: Its name is refused, or another call of the body has it.
        """
        entry = CallEntry(
            serial=next(self._serials), label=label, is_explicit=is_explicit, line=_line(), scope=Scope()
        )
        self._add(entry)
        return entry

    @contextmanager
    def inside(self, call: CallEntry) -> Iterator[None]:
        """Record the calls inside the block as part of a call.

        Raises:
            TooManyNodesError: Calls are nested too deep.
        """
        outer, self._scope = self._scope, call.scope
        self.depth += 1
        try:
            validation.check_depth(self.depth, call.label)
            yield
        finally:
            self.depth -= 1
            self._scope = outer

    def promise(self, entry: Entry, shape: Any = Any) -> Promise:
        """Return the promise of a call's output."""
        if isinstance(entry, NodeEntry) and self.kinds[entry.kind].settings.get("do_xcom_push") is False:
            shape = type(None)
        return self._promise_class(Promised(self, entry, (), shape))

    def promise_of(self, name: str, value: Any, shape: Any = Any) -> Promise:
        """Return the promise of an input whose value is known."""
        entry = ValueEntry(serial=next(self._serials), label=name, is_explicit=False, line="", value=value)
        return self._promise_class(Promised(self, entry, (), shape))

    def rename(self, entry: Entry, label: str) -> None:
        """Give a recorded call a name, as ``override(task_id=...)`` does before the call.

        Raises:
            NodeNameError: The name is refused, or another call of the body has it.
        """
        self._scope.rename(entry, label)

    def lower_retries(self, entry: Entry, retries: int) -> None:
        """Give a recorded node fewer retries than its kind has.

        Raises:
            WorkflowCallError: They are more, or the call is no node.
        """
        has = self.kinds.retries_of(entry.kind) if isinstance(entry, NodeEntry) else 0
        if not isinstance(entry, NodeEntry) or retries > has:
            raise WorkflowCallError(
                f"{entry.label!r} is given retries={retries} for one call, but its task has {has}",
                remedy=f"Set retries={retries} on the task. One call may have fewer, not more.",
            )
        entry.retries = retries

    def vary(self, entry: Entry, vary: Callable[[Any], Any]) -> None:
        """Give a recorded call, or the calls of a recorded ``map_task``, another task.

        Args:
            entry: The call.
            vary: Returns the other task for the task of the call.

        Raises:
            UnknownKindError: The Dag file does not have the other task.
        """
        is_map = isinstance(entry, CallEntry) and entry.is_map
        nodes: Sequence[Entry] = entry.scope.entries if is_map else [entry]  # type: ignore[attr-defined]
        kinds = []
        for node in nodes:
            target: Any = self.kinds[node.kind].target if isinstance(node, NodeEntry) else None
            if not hasattr(target, "decorator"):
                raise UnknownKindError(
                    f"{entry.label!r} is no call of a task, so that it has no settings of its own",
                    remedy="Set them on its tasks.",
                )
            kinds.append(self.match(type(target)(vary(target.decorator)))[0])
        for node, kind in zip(nodes, kinds, strict=True):
            node.kind = kind.name

    def know(self, node: Any, entry: Entry) -> None:
        """Remember the recorded call of an operator or a task group."""
        self._known[id(node)] = (node, entry)

    def entry_of(self, node: Any) -> Entry | None:
        """Return the recorded call of an operator or a task group, ``None`` if the body did not make it."""
        _, entry = self._known.get(id(node), (None, None))
        return entry

    @property
    def operators(self) -> list[tuple[Any, Entry]]:
        """The operators that the body made, with their nodes."""
        return [(node, entry) for node, entry in self._known.values() if isinstance(entry, NodeEntry)]

    def order(self, first: Sequence[Any], then: Sequence[Any]) -> None:
        """Make all of ``then`` wait for all of ``first``.

        Raises:
            PromiseUsageError: A promise belongs to another recording.
            WorkflowCallError: A value is neither a promise nor an operator of the body.
        """
        labels = [*_labels(first), *_labels(then)]
        if labels:
            # The order is recorded when both sides of the label are known. A plan does not store the label.
            for label in _labels(first):
                label.set_downstream([each for each in then if each is not label])
            for label in _labels(then):
                label.set_upstream([each for each in first if each is not label])
            return
        before, afterwards = list(self._ordered(first)), list(self._ordered(then))
        for entry in afterwards:
            entry.after.update(dict.fromkeys(before))

    def find(self, value: Any) -> Reference | Known | None:
        """Return the reference of a promise, or its known value, ``None`` for a value that a plan can hold.

        Raises:
            PromiseUsageError: The promise belongs to another recording, or to a task without a value.
            WorkflowCallError: A plan cannot hold the value.
        """
        if isinstance(value, Promise) and not isinstance(value, promises.GroupCall):
            self._check_own(value)
            promises.refuse_valueless(value, "passed on or returned")
            promised = promises.promised(value)
            if isinstance(promised.entry, ValueEntry):
                return Known(Reference(promised.label, promised.path).select(promised.entry.value))
            return Reference(f"{_UNNAMED}{promised.entry.serial}", promised.path)
        self._refuse_unplannable(value, self)
        return None

    def entry_at(self, name: str) -> Entry:
        """Return the call that an unnamed reference refers to."""
        return self.entries[int(name.removeprefix(_UNNAMED))]

    def _add(self, entry: Entry) -> None:
        self._scope.add(entry)
        self.entries[entry.serial] = entry

    def _check_own(self, promise: Promise) -> None:
        if promises.promised(promise).recorder is not self or not self.is_open:
            promises.refuse(
                promise,
                "used outside of the body that made it",
                "Return it from the workflow, and use the return value of the workflow's call.",
            )

    def _ordered(self, values: Sequence[Any]) -> Iterator[Entry]:
        for value in values:
            if isinstance(value, Promise):
                self._check_own(value)
                ordered = promises.promised(value).entry
                # An input whose value is known exists before all nodes.
                if not isinstance(ordered, ValueEntry):
                    yield ordered
            elif isinstance(value, list | tuple):
                yield from self._ordered(value)
            elif (entry := self.entry_of(value)) is not None:
                yield entry
            else:
                raise WorkflowCallError(
                    f"a promise cannot be ordered before or after {excerpt(value)}",
                    remedy="Use promises that calls in this body returned, as in promise >> promise or "
                    "promise >> [promise, promise].",
                )


def _labels(values: Sequence[Any]) -> list[Any]:
    from airflow.sdk import EdgeModifier

    return [each for each in values if isinstance(each, EdgeModifier)]


def _line() -> str:
    frame = authors_frame()
    if frame is None:
        return "an unknown line"
    return f"{os.path.basename(frame.f_code.co_filename)}, line {frame.f_lineno}"
