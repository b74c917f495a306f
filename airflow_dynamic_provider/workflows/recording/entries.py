"""The entries of a recording: the calls that a body made, before they have their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.workflows.plan import validation
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.plan.plan import KeptOutput

    #: Returns how the output of a called workflow is kept, and its template if it is one of an earlier run.
    FindKept = Callable[[WorkflowDefinition, Sequence[Any], Mapping[str, Any]], tuple[KeptOutput, Any]]


class Entry(Record, frozen=False, eq=False, kw_only=True):
    """One call that a body made.

    Attributes:
        serial: Its number in the recording.
        label: The name that the author gave to it, or the base of its automatic name.
        is_explicit: Whether the author gave the name.
        line: The line of the call, for messages.
        after: The entries that the body orders before it, each once.
        name: Its full name in the plan; set after the recording.
    """

    serial: int
    label: str
    is_explicit: bool
    line: str
    after: dict[Entry, None] = field(default_factory=dict)
    name: str = ""


class NodeEntry(Entry, frozen=False, eq=False, kw_only=True):
    """A call that becomes a node.

    Attributes:
        kind: The name of its kind.
        arguments: Parameter -> template, with unnamed references.
        retries: Its number of retries, if lower than that of its kind.
        limit: The call that limits how many of its nodes run at a time, the place in it, and the limit.
    """

    kind: str
    arguments: Mapping[str, Any]
    retries: int | None = None
    limit: tuple[CallEntry, int, int] | None = None


class CallEntry(Entry, frozen=False, eq=False, kw_only=True):
    """A call that becomes a part of the plan.

    Attributes:
        scope: The calls made inside.
        output: The template of its output, with unnamed references.
        min_success_ratio: See `PlannedCall`.
        is_map: Whether it is a ``map_task``.
        kept: See `PlannedCall`.
    """

    scope: Scope
    output: Any = None
    min_success_ratio: float | None = None
    is_map: bool = False
    kept: KeptOutput | None = None


class ValueEntry(Entry, frozen=False, eq=False, kw_only=True):
    """An input of a body whose value is known. The body gets a promise of it all the same.

    Attributes:
        value: The value, which may contain promises.
    """

    value: Any = None


class Scope(Record, frozen=False, eq=False):
    """The calls of one body. Their names are unique."""

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

    def rename(self, entry: Entry, label: str) -> None:
        """Give a call of this scope a name.

        Raises:
            NodeNameError: The name is refused, or another call of the body has it.
        """
        validation.check_name(label, SEPARATOR)
        if (first := self.explicit.get(label, entry)) is not entry:
            validation.refuse_duplicate(label, first.line)
        if entry.is_explicit:
            self.explicit.pop(entry.label, None)
        entry.label, entry.is_explicit = label, True
        self.explicit[label] = entry
