"""The plan of a dynamic workflow: the nodes and calls of its body, as plain values and as stored JSON."""

from __future__ import annotations

import functools
import hashlib
import json
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.execution.forms import Form, reading
from airflow_dynamic_provider.execution.layout import MadeBy
from airflow_dynamic_provider.workflows.plan import templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLAN = Form(
    "a plan",
    frozenset({"workflow"}),
    "Clear the planning task, so that it is stored again by the installed release.",
)

#: The separator between a call and its nodes in the name of a node.
SEPARATOR = "/"

#: The argument that holds positional arguments of a node that have no name.
POSITIONAL = "*"

_FINGERPRINT_LENGTH = 16


class ConcurrencyLimit(Record):
    """The place of a node in a call that limits how many of its nodes run at a time.

    Attributes:
        call: The call's name.
        index: The node's place among the call's nodes, from 0.
        concurrency: How many of the call's nodes may run at a time.
    """

    call: str
    index: int
    concurrency: int


class PlannedNode(Record):
    """One node: a task instance to be run.

    Attributes:
        name: Unique in its plan; ``call/node`` inside a call.
        kind: The name of the kind that runs it.
        arguments: Parameter -> template; ``"*"`` for positional arguments that have no name.
        after: Nodes and calls that it waits for without using their output.
        retries: Its number of retries, if lower than that of its kind.
        limit: Its place in a call that limits how many of its nodes run at a time.
    """

    name: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    retries: int | None = None
    limit: ConcurrencyLimit | None = None

    @functools.cached_property
    def fingerprint(self) -> str:
        """A short hash that shows whether a node of this name is the same after planning again."""
        limit = self.limit and [self.limit.call, self.limit.index, self.limit.concurrency]
        return _digest([self.kind, self.arguments, self.after, limit])

    @functools.cached_property
    def upstream(self) -> tuple[str, ...]:
        """The nodes and calls that it waits for, each once: those in its arguments, then the others."""
        used = [
            reference.name
            for template in self.arguments.values()
            for reference in templates.references(template)
        ]
        return tuple(dict.fromkeys([*used, *self.after]))


class KeptOutput(Record):
    """How the output of a workflow is kept over runs.

    Attributes:
        key: The key of the workflow with its inputs.
        version: The version of the workflow.
        made_by: What made the output, if it is that of an earlier run.
        called: The name of the workflow, if the body of another one calls it.
    """

    key: str
    version: str
    made_by: MadeBy | None = None
    called: str | None = None


class PlannedCall(Record):
    """A part of the plan with an output of its own: all nodes named ``<name>/...``.

    Attributes:
        name: The name of the call of another workflow, a `map_task` or a task group.
        output: The template of its output; for a `map_task`, the list of its nodes' outputs.
        min_success_ratio: The share of a `map_task`'s nodes that must succeed, ``None`` if all must.
        kept: How the output of a called workflow is kept over runs; ``None`` if it is not.
    """

    name: str
    output: Any = None
    min_success_ratio: float | None = None
    kept: KeptOutput | None = None


class Plan(Record):
    """The nodes and calls that the body of a workflow made.

    Attributes:
        workflow: The workflow's name.
        nodes: The nodes, each after those that it waits for; otherwise in the order of the calls.
        calls: The parts that have an output of their own, a part before those inside it.
        output: The template of the body's return value.
        kept: How the output is kept over runs; ``None`` if it is not.
    """

    workflow: str
    nodes: tuple[PlannedNode, ...] = ()
    calls: tuple[PlannedCall, ...] = ()
    output: Any = None
    kept: KeptOutput | None = None

    @functools.cached_property
    def fingerprint(self) -> str:
        """A short hash that shows whether the workflow is the same after planning again.

        Every release must compute the same hash for the same plan, in every stored version. Fields that older
        readers may ignore are not part of it.
        """
        return _digest({**_pack_contents(self), "version": 1})

    @functools.cached_property
    def nodes_by_name(self) -> Mapping[str, PlannedNode]:
        """Name -> node."""
        return {node.name: node for node in self.nodes}

    @functools.cached_property
    def calls_by_name(self) -> Mapping[str, PlannedCall]:
        """Name -> call."""
        return {call.name: call for call in self.calls}

    def nodes_of(self, name: str) -> tuple[str, ...]:
        """Return the name of a node itself, or the names of a call's nodes, in the order of the plan."""
        return (name,) if name in self.nodes_by_name else self._members.get(name, ())

    def waits_for(self, node: PlannedNode) -> tuple[str, ...]:
        """Return the names of all nodes that must be done before a node starts, each once.

        A call stands for all its nodes, and for those that its output refers to.
        """
        return tuple(dict.fromkeys(name for each in node.upstream for name in self._sources(each)))

    def _sources(self, name: str) -> tuple[str, ...]:
        if name not in self._sources_by_name:
            names = [*self.nodes_of(name)]
            if name in self.calls_by_name:
                for reference in templates.references(self.calls_by_name[name].output):
                    names.extend(self._sources(reference.name))
            self._sources_by_name[name] = tuple(dict.fromkeys(names))
        return self._sources_by_name[name]

    @functools.cached_property
    def _sources_by_name(self) -> dict[str, tuple[str, ...]]:
        return {}

    @functools.cached_property
    def _members(self) -> Mapping[str, tuple[str, ...]]:
        members: dict[str, list[str]] = {}
        for node in self.nodes:
            for call in calls_around(node.name):
                members.setdefault(call, []).append(node.name)
        return {name: tuple(names) for name, names in members.items()}


def calls_around(name: str) -> Iterator[str]:
    """Yield the names of the calls around a node, according to its name, the outermost first."""
    end = name.find(SEPARATOR)
    while end >= 0:
        yield name[:end]
        end = name.find(SEPARATOR, end + 1)


def pack_node(node: PlannedNode) -> dict[str, Any]:
    """Return the stored form of a node, without empty parts."""
    return {
        "name": node.name,
        "kind": node.kind,
        **({"arguments": dict(node.arguments)} if node.arguments else {}),
        **({"after": list(node.after)} if node.after else {}),
        **({"retries": node.retries} if node.retries is not None else {}),
        **({"window": [node.limit.call, node.limit.index, node.limit.concurrency]} if node.limit else {}),
    }


def unpack_node(stored: Any) -> PlannedNode:
    """Read the stored form of a node.

    Raises:
        LayoutError: The shape is unknown.
    """
    with reading("a node of a plan", stored):
        limit = stored.get("window")
        return PlannedNode(
            name=_text(stored["name"]),
            kind=_text(stored["kind"]),
            arguments=dict(stored.get("arguments", {})),
            after=tuple(_text(name) for name in stored.get("after", ())),
            retries=stored.get("retries"),
            # A later release may store more items.
            limit=None if limit is None else ConcurrencyLimit(*limit[:3]),
        )


def pack_plan(plan: Plan) -> dict[str, Any]:
    """Return the stored form of a plan, without empty parts."""
    # Not part of the fingerprint: the nodes are the same.
    kept = {} if plan.kept is None else {"kept": _pack_kept(plan.kept)}
    of_calls = {call.name: _pack_kept(call.kept) for call in plan.calls if call.kept is not None}
    return {
        **PLAN.stamp,
        **_pack_contents(plan),
        **kept,
        **({"kept_calls": of_calls} if of_calls else {}),
    }


def _pack_kept(kept: KeptOutput) -> dict[str, Any]:
    made_by = {} if kept.made_by is None else {"made_by": kept.made_by.pack()}
    called = {} if kept.called is None else {"called": kept.called}
    return {"key": kept.key, "version": kept.version, **made_by, **called}


def _unpack_kept(stored: Any) -> KeptOutput | None:
    if stored is None:
        return None
    made_by = None if "made_by" not in stored else MadeBy.unpack(stored["made_by"])
    called = None if "called" not in stored else _text(stored["called"])
    return KeptOutput(_text(stored["key"]), _text(stored["version"]), made_by, called)


def _pack_contents(plan: Plan) -> dict[str, Any]:
    return {
        "workflow": plan.workflow,
        **({"nodes": [pack_node(node) for node in plan.nodes]} if plan.nodes else {}),
        **({"calls": [_pack_call(call) for call in plan.calls]} if plan.calls else {}),
        **({"output": plan.output} if plan.output is not None else {}),
    }


def unpack_plan(stored: Any) -> Plan:
    """Read the stored form of a plan.

    Raises:
        LayoutError: Its version or its shape is unknown.
    """
    document = PLAN.read(stored)
    with reading(PLAN.noun, stored):
        kept_calls = document.get("kept_calls", {})
        return Plan(
            workflow=_text(document["workflow"]),
            nodes=tuple(unpack_node(node) for node in document.get("nodes", ())),
            calls=tuple(_unpack_call(call, kept_calls) for call in document.get("calls", ())),
            output=document.get("output"),
            kept=_unpack_kept(document.get("kept")),
        )


def split_arguments(arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Split a node's resolved arguments into positional and named arguments."""
    named = dict(arguments)
    return list(named.pop(POSITIONAL, ())), named


def _pack_call(call: PlannedCall) -> dict[str, Any]:
    return {
        "name": call.name,
        **({"output": call.output} if call.output is not None else {}),
        **({"min_success_ratio": call.min_success_ratio} if call.min_success_ratio is not None else {}),
    }


def _unpack_call(stored: Any, kept: Mapping[str, Any]) -> PlannedCall:
    with reading("a call of a plan", stored):
        name = _text(stored["name"])
        return PlannedCall(
            name, stored.get("output"), stored.get("min_success_ratio"), _unpack_kept(kept.get(name))
        )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a name")
    return value


def _digest(document: Any) -> str:
    text = json.dumps(document, sort_keys=True, default=repr, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_LENGTH]
