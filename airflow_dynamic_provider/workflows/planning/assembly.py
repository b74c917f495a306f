"""Makes a plan from a recording: names every call, checks the graph, and sorts the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import (
    SEPARATOR,
    ConcurrencyLimit,
    Plan,
    PlannedCall,
    PlannedNode,
)
from airflow_dynamic_provider.workflows.plan.validation import topological_order
from airflow_dynamic_provider.workflows.planning.naming import assign_names
from airflow_dynamic_provider.workflows.planning.orders import waits
from airflow_dynamic_provider.workflows.recording.entries import CallEntry, Entry, NodeEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.workflows.recording.entries import Scope
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder


def assemble(recorder: Recorder, output: Any, prefix: str = "") -> Plan:
    """Return the plan of a finished recording.

    Args:
        recorder: The recording.
        output: The template of the body's return value, with unnamed references.
        prefix: The name of the node that the plan is made for; empty for a workflow's own.

    Raises:
        NodeCycleError: Nodes wait for one another.
    """
    named = _Named()
    named.add(recorder.root, prefix)
    uses = {entry: _used_by(recorder, _templates_of(entry)) for entry in named.entries}
    arguments: dict[Entry, list[Entry]] = {node: uses[node] for node in named.nodes}
    inside: dict[Entry, set[Entry]] = {call: set(_inside(call.scope)) for call in named.calls}
    after = waits({entry: list(entry.after) for entry in named.entries}, arguments, named.members, inside)
    planned = {node.name: _planned(recorder, node, uses[node], after[node]) for node in named.nodes}
    order = topological_order(
        _upstream(named, uses, after), {entry.name: entry.line for entry in named.entries}
    )
    return Plan(
        workflow=recorder.workflow,
        nodes=tuple(planned[name] for name in order if name in planned),
        calls=tuple(
            PlannedCall(call.name, _renamed(recorder, call.output), call.min_success_ratio, call.kept)
            for call in named.calls
        ),
        output=_renamed(recorder, output),
    )


class _Named(Record, frozen=False):
    """The named nodes and calls of a recording, in the order in which the body made them.

    Attributes:
        nodes: The nodes.
        calls: The calls, each before those inside it.
        members: Call -> its nodes, including those of calls inside it.
    """

    nodes: list[NodeEntry] = field(default_factory=list)
    calls: list[CallEntry] = field(default_factory=list)
    members: dict[Entry, list[Entry]] = field(default_factory=dict)

    @property
    def entries(self) -> list[Entry]:
        """The nodes, then the calls."""
        return [*self.nodes, *self.calls]

    def add(self, scope: Scope, prefix: str, around: tuple[CallEntry, ...] = ()) -> None:
        """Name the calls of a body and the calls inside them, below a prefix."""
        assign_names(scope.entries)
        for entry in scope.entries:
            entry.name = f"{prefix}{SEPARATOR}{entry.name}" if prefix else entry.name
            if isinstance(entry, CallEntry):
                self.calls.append(entry)
                self.members[entry] = []
                self.add(entry.scope, entry.name, (*around, entry))
            elif isinstance(entry, NodeEntry):
                self.nodes.append(entry)
                for call in around:
                    self.members[call].append(entry)


def _templates_of(entry: Entry) -> Iterable[Any]:
    if isinstance(entry, NodeEntry):
        return entry.arguments.values()
    return [entry.output] if isinstance(entry, CallEntry) else []


def _used_by(recorder: Recorder, held: Iterable[Any]) -> list[Entry]:
    """Return the nodes and calls that templates refer to, each once."""
    names = dict.fromkeys(each.name for one in held for each in templates.references(one))
    return [recorder.entry_at(name) for name in names]


def _inside(scope: Scope) -> Iterator[Entry]:
    for entry in scope.entries:
        yield entry
        if isinstance(entry, CallEntry):
            yield from _inside(entry.scope)


def _upstream(
    named: _Named, uses: Mapping[Entry, Sequence[Entry]], after: Mapping[Entry, Sequence[Entry]]
) -> dict[str, list[str]]:
    """Return name -> the names that must come before it."""
    return {
        # Calls come first, so that a call is done as soon as its last node is.
        **{call.name: _names([*uses[call], *named.members[call]]) for call in named.calls},
        **{node.name: _names([*uses[node], *after[node]]) for node in named.nodes},
    }


def _names(entries: Iterable[Entry]) -> list[str]:
    return list(dict.fromkeys(entry.name for entry in entries))


def _planned(
    recorder: Recorder, node: NodeEntry, uses: Sequence[Entry], after: Sequence[Entry]
) -> PlannedNode:
    limit, used = node.limit, set(uses)
    return PlannedNode(
        name=node.name,
        kind=node.kind,
        arguments={name: _renamed(recorder, one) for name, one in node.arguments.items()},
        # A node waits for the references in its arguments anyway.
        after=tuple(each.name for each in after if each not in used),
        retries=node.retries,
        limit=None if limit is None else ConcurrencyLimit(limit[0].name, *limit[1:]),
    )


def _renamed(recorder: Recorder, template: Any) -> Any:
    return templates.renamed(template, lambda name: recorder.entry_at(name).name)
