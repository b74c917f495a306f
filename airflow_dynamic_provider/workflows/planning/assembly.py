"""Makes a plan of a recording: names every call, checks the graph and puts the nodes in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR, Plan, PlannedCall, PlannedNode, Window
from airflow_dynamic_provider.workflows.plan.validation import topological_order
from airflow_dynamic_provider.workflows.planning.naming import assign_names
from airflow_dynamic_provider.workflows.recording.entries import CallEntry, Entry, NodeEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.workflows.recording.entries import Scope
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder


def assemble(recorder: Recorder, output: Any, prefix: str = "") -> Plan:
    """Return the plan of a recording that is over.

    Args:
        recorder: The recording.
        output: The template of what the body returned, with unnamed references.
        prefix: The name of the node that the plan is made for; empty for a workflow's own.

    Raises:
        NodeCycleError: Nodes wait for one another.
    """
    return _Assembly(recorder).plan(output, prefix)


class _Assembly:
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.nodes: list[NodeEntry] = []
        self.calls: list[CallEntry] = []
        # Entry's serial -> the serials of the calls that it is inside of, and of the nodes in a call.
        self.members: dict[int, list[NodeEntry]] = {}
        self.uses: dict[int, dict[int, Entry]] = {}

    def plan(self, output: Any, prefix: str) -> Plan:
        self._name(self.recorder.root, prefix, ())
        for entry in (*self.nodes, *self.calls):
            self.uses[entry.serial] = self._used_by(entry)
        self._see_through_empty_calls()
        self._start_calls()
        planned = {entry.name: self._planned(entry) for entry in self.nodes}
        order = topological_order(self._upstream(), {entry.name: entry.line for entry in self._all()})
        return Plan(
            workflow=self.recorder.workflow,
            nodes=tuple(planned[name] for name in order if name in planned),
            calls=tuple(
                PlannedCall(call.name, self._renamed(call.output), call.min_success_ratio)
                for call in self.calls
            ),
            output=self._renamed(output),
        )

    def _all(self) -> Iterator[Entry]:
        yield from self.nodes
        yield from self.calls

    def _name(self, scope: Scope, prefix: str, around: tuple[CallEntry, ...]) -> None:
        assign_names(scope.entries)
        for entry in scope.entries:
            entry.name = f"{prefix}{SEPARATOR}{entry.name}" if prefix else entry.name
            if isinstance(entry, CallEntry):
                self.calls.append(entry)
                self.members[entry.serial] = []
                self._name(entry.scope, entry.name, (*around, entry))
            elif isinstance(entry, NodeEntry):
                self.nodes.append(entry)
                for call in around:
                    self.members[call.serial].append(entry)

    def _used_by(self, entry: Entry) -> dict[int, Entry]:
        """The calls that an entry's arguments, or its output, refer to."""
        held = entry.arguments.values() if isinstance(entry, NodeEntry) else [getattr(entry, "output", None)]
        found = [self.recorder.entry_at(each.name) for one in held for each in templates.references(one)]
        return {each.serial: each for each in found}

    def _see_through_empty_calls(self) -> None:
        """Have what waits for a call without nodes wait for what that call waits for."""
        empty = {serial for serial, nodes in self.members.items() if not nodes}
        if not empty:
            return
        for entry in self._all():
            # What a call returns is inside of it, and nothing that it could wait for.
            used = {} if isinstance(entry, CallEntry) else self.uses[entry.serial]
            through = {serial: each for serial, each in used.items() if serial in empty}
            after = {**entry.after, **through}
            entry.after = {each.serial: each for one in after.values() for each in _behind(one, empty)}

    def _start_calls(self) -> None:
        """Have the first nodes of a call wait for what the call waits for."""
        for call in self.calls:
            nodes = self.members[call.serial]
            if not call.after or not nodes:
                continue
            inside = {call.serial, *_inside(call.scope)}
            for node in nodes:
                # What a call without nodes gives is there from the start.
                used = {serial for serial in self.uses[node.serial] if self.members.get(serial) != []}
                if not {*used, *node.after} & inside or call.serial in call.after:
                    node.after = {**node.after, **call.after}

    def _upstream(self) -> dict[str, list[str]]:
        # Calls first, so that one is done as soon as its last node is.
        upstream: dict[str, list[str]] = {}
        for call in self.calls:
            used = [each.name for each in self.uses[call.serial].values()]
            upstream[call.name] = [*used, *(node.name for node in self.members[call.serial])]
        for entry in self.nodes:
            waits_for = {**self.uses[entry.serial], **entry.after}
            upstream[entry.name] = [each.name for each in waits_for.values()]
        return upstream

    def _planned(self, entry: NodeEntry) -> PlannedNode:
        used = self.uses[entry.serial]
        window = entry.window
        return PlannedNode(
            name=entry.name,
            kind=entry.kind,
            arguments={name: self._renamed(one) for name, one in entry.arguments.items()},
            # What its arguments refer to is waited for anyway.
            after=tuple(each.name for serial, each in entry.after.items() if serial not in used),
            retries=entry.retries,
            window=None if window is None else Window(window[0].name, *window[1:]),
        )

    def _renamed(self, template: Any) -> Any:
        return templates.renamed(template, lambda name: self.recorder.entry_at(name).name)


def _behind(entry: Entry, empty: set[int], seen: frozenset[int] = frozenset()) -> Iterator[Entry]:
    if entry.serial not in empty:
        yield entry
    elif entry.serial not in seen:
        for each in entry.after.values():
            yield from _behind(each, empty, seen | {entry.serial})


def _inside(scope: Scope) -> Iterator[int]:
    for entry in scope.entries:
        yield entry.serial
        if isinstance(entry, CallEntry):
            yield from _inside(entry.scope)
