"""The calls that a body made, before they have their names: what a recording is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.workflows.plan import validation
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(eq=False, kw_only=True)
class Entry:
    """One call that a body made.

    Attributes:
        serial: Its number in the recording.
        label: The name that the author gave to it, or what its automatic name is made of.
        is_explicit: Whether the author gave the name.
        line: Where it was made, for messages.
        after: What the body orders before it, each once.
        name: Its whole name in the plan, once the recording is over.
    """

    serial: int
    label: str
    is_explicit: bool
    line: str
    after: dict[Entry, None] = field(default_factory=dict)
    name: str = ""


@dataclass(eq=False, kw_only=True)
class NodeEntry(Entry):
    """A call that becomes a node.

    Attributes:
        kind: The name of its kind.
        arguments: Parameter -> template, with unnamed references.
        retries: Its retries, where fewer than its kind has.
        limit: The call that limits how many run at a time, the place in it, the limit.
    """

    kind: str
    arguments: Mapping[str, Any]
    retries: int | None = None
    limit: tuple[CallEntry, int, int] | None = None


@dataclass(eq=False, kw_only=True)
class CallEntry(Entry):
    """A call that becomes a part of the plan.

    Attributes:
        scope: The calls made inside.
        output: The template of its output, with unnamed references.
        min_success_ratio: As `PlannedCall` has it.
    """

    scope: Scope
    output: Any = None
    min_success_ratio: float | None = None


@dataclass(eq=False)
class Scope:
    """The calls of one body, among which names are unique."""

    entries: list[Entry] = field(default_factory=list)
    explicit: dict[str, Entry] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Add a call.

        Raises:
            NodeNameError: Its name is refused, or another call of the body has it.
        """
        if entry.is_explicit:
            validation.check_name(entry.label, SEPARATOR)
            if (first := self.explicit.get(entry.label)) is not None:
                validation.refuse_duplicate(entry.label, first.line)
            self.explicit[entry.label] = entry
        self.entries.append(entry)
