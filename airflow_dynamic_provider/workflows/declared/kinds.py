"""The kinds of nodes. The nodes of a kind share its mapped tasks in the Dag, and their settings.

Kinds are found when the Dag file is read (see `finding`), and again, from the same file, in the planning
task.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.errors import UnknownKindError
from airflow_dynamic_provider.workflows.declared.settings import CACHE, NAME, RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition


#: The log message for the workflow's name and `Kinds.guesses`.
GUESSED = "Kinds of nodes of %r that tasks=[...] does not list, found by names in the code:\n%s"


class TaskTarget(Record, eq=False):
    """A function under ``@task`` or ``@task.dynamic``."""

    decorator: Any

    @property
    def identity(self) -> Hashable:
        """What its variations have in common."""
        return ("task", id(self.decorator.function), _underlying(self.decorator).operator_class)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the decorator was given, without the name."""
        cache = getattr(self.decorator, CACHE, None)
        of_dynamic_task = {} if cache is None else {CACHE: cache}
        return _without_name({**_underlying(self.decorator).kwargs, **of_dynamic_task})

    @functools.cached_property
    def value_type(self) -> Any:
        """The declared type of its value, ``Any`` if there is none."""
        # Imported here, as below, because most values have no type that matters.
        if (declarations := getattr(self.decorator, "declarations", None)) is not None:
            from airflow_dynamic_provider.definitions.declarations import type_of_outputs

            return type_of_outputs(declarations)
        return _type_of_result(self.decorator.function)

    @property
    def name(self) -> str:
        """What its kind is called."""
        name = _underlying(self.decorator).kwargs.get(NAME)
        return self.decorator.function.__name__ if name is None else name  # type: ignore[no-any-return]


class OperatorTarget(Record, eq=False):
    """A class of operators."""

    operator_class: type

    @property
    def identity(self) -> Hashable:
        """What its variations have in common."""
        return ("operator", self.operator_class)

    @property
    def settings(self) -> Mapping[str, Any]:
        """No settings: a class has none of its own."""
        return {}

    @property
    def value_type(self) -> Any:
        """Any type: Airflow's own rules apply to what an operator returns."""
        return Any

    @property
    def name(self) -> str:
        """What its kind is called."""
        return self.operator_class.__name__


class WorkflowTarget(Record, eq=False):
    """A workflow that is planned when its arguments exist."""

    workflow: WorkflowDefinition

    @property
    def value_type(self) -> Any:
        """The declared type of its output in another body, ``Any`` if there is none."""
        out = self.workflow.out
        return (
            _type_of_result(self.workflow.function)
            if out is None
            else types.GenericAlias(dict, (str, out.type))
        )

    @property
    def identity(self) -> Hashable:
        """What its variations have in common."""
        return ("workflow", id(self.workflow.function))

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the decorator was given for the planning task and its cache, without the name."""
        cache = {} if self.workflow.cache is None else {CACHE: self.workflow.cache}
        return _without_name({**self.workflow.settings, **cache})

    @property
    def name(self) -> str:
        """What its kind is called."""
        return self.workflow.name


class MapTarget(Record, eq=False):
    """A `map_task` of a function under ``@task``, planned when its list exists."""

    decorator: Any

    @property
    def identity(self) -> Hashable:
        """What its variations have in common."""
        return ("map", id(self.decorator.function), _underlying(self.decorator).operator_class)

    @property
    def value_type(self) -> Any:
        """The declared type of the list of the values of its nodes; a failed one may be ``None``."""
        one = _type_of_result(self.decorator.function)
        return types.GenericAlias(list, (typing.Union[one, None],))  # noqa: UP007 (not all types have |)

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the decorator was given, without the name."""
        return _without_name(_underlying(self.decorator).kwargs)

    @property
    def name(self) -> str:
        """What its kind is called."""
        return f"{TaskTarget(self.decorator).name}__map"


def _type_of_result(function: Callable[..., Any]) -> Any:
    from airflow_dynamic_provider.definitions.annotations import types_of

    return types_of(function).get("return", Any)


Target = TaskTarget | OperatorTarget | WorkflowTarget | MapTarget


class Kind(Record, eq=False):
    """A function or operator class with its settings, which some nodes share.

    Attributes:
        name: Unique among the kinds of one workflow.
        target: What its nodes call.
        settings: The arguments of its tasks, without the name.
        found_in: The code whose names led to it; empty if ``tasks=`` lists it.
    """

    name: str
    target: Target
    settings: Mapping[str, Any]
    found_in: str = ""


class Kinds(Record, frozen=False, eq=False):
    """The kinds of a workflow and of all workflows that it may call, by name.

    Args:
        default_retries: The retries of a kind that does not set ``retries``.
        listed_by: The workflow whose ``tasks=`` lists them; empty if names in the body led to them.
    """

    default_retries: int = 0
    listed_by: str = ""
    _by_name: dict[str, Kind] = field(default_factory=dict)
    _by_identity: dict[Hashable, list[Kind]] = field(default_factory=dict)
    _workflows: dict[str, WorkflowDefinition] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __getitem__(self, name: str) -> Kind:
        return self._by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def names(self) -> list[str]:
        """The names, in the order in which the kinds were found."""
        return list(self._by_name)

    @property
    def guesses(self) -> str:
        """One line for each kind that no ``tasks=`` lists, with the code that led to it."""
        return "\n".join(f"  {kind.name}: named in {kind.found_in}" for kind in self if kind.found_in)

    def add(self, target: Target, settings: Mapping[str, Any] | None = None, found_in: str = "") -> None:
        """Add a kind, unless an existing one can run its nodes."""
        settings = dict(target.settings if settings is None else _without_name(settings))
        if self._find(target, settings) is not None:
            return
        # A task id may have letters, digits, dashes, dots and underscores. A lambda's name has brackets.
        base = re.sub(r"[^\w.-]", "", target.name, flags=re.ASCII) or "node"
        name, number = base, 1
        while name in self._by_name:
            number += 1
            name = f"{base}__{number}"
        kind = Kind(name, target, settings, found_in)
        self._by_name[name] = kind
        self._by_identity.setdefault(target.identity, []).append(kind)

    def add_workflow(self, workflow: WorkflowDefinition) -> None:
        """Add a workflow that is always planned together with its caller, and so is no kind of node."""
        if not any(each.function is workflow.function for each in self._workflows.values()):
            self._workflows[f"{workflow.name}__{len(self._workflows)}"] = workflow

    def name_of(self, workflow: WorkflowDefinition) -> str:
        """Return the name under which `workflow` finds a workflow, in each process that reads the Dag file.

        Raises:
            UnknownKindError: The code does not name it.
        """
        for name, each in self._workflows.items():
            if each.function is workflow.function:
                return name
        raise UnknownKindError(
            f"neither the body nor a function that it calls names the workflow {workflow.name!r}",
            remedy="Define it at the top level of the Dag file and use its name in the body.",
        )

    def workflow(self, name: str) -> WorkflowDefinition:
        """Return the workflow of a name."""
        return self._workflows[name]

    def match(self, target: Target, settings: Mapping[str, Any] | None = None) -> tuple[Kind, int | None]:
        """Return the kind that runs a node, and the node's retries if they are fewer than the kind's.

        Args:
            target: The target of the call.
            settings: The settings of the call; the target's own settings by default. A name is ignored.

        Raises:
            UnknownKindError: The Dag has no task that could run it.
        """
        settings = target.settings if settings is None else _without_name(settings)
        found = self._find(target, settings)
        if found is None:
            raise self._unknown(target, settings)
        return found

    def _find(self, target: Target, settings: Mapping[str, Any]) -> tuple[Kind, int | None] | None:
        wanted = settings.get(RETRIES)
        best: tuple[Kind, int | None] | None = None
        lowest = None
        for kind in self._by_identity.get(target.identity, ()):
            if not _same_but_retries(kind.settings, settings):
                continue
            if kind.settings.get(RETRIES) == wanted:
                return kind, None
            has = self._retries(kind.settings)
            # The kind with the fewest surplus retries.
            if self._retries(settings) <= has and (lowest is None or has < lowest):
                best, lowest = (kind, self._retries(settings)), has
        return best

    def retries_of(self, name: str) -> int:
        """Return how often the nodes of a kind are tried again."""
        return self._retries(self[name].settings)

    def _retries(self, settings: Mapping[str, Any]) -> int:
        retries = settings.get(RETRIES)
        return self.default_retries if retries is None else int(retries)

    def _unknown(self, target: Target, settings: Mapping[str, Any]) -> UnknownKindError:
        known = self._by_identity.get(target.identity, [])
        name = target.name.removesuffix("__map")
        if self.listed_by:
            return self._unlisted(target, settings, known, name)
        if not known and isinstance(target, MapTarget):
            return UnknownKindError(
                f"the Dag file has no task for a map_task of {name!r}, because neither the body nor a "
                "function that it calls names both",
                remedy=f"Define {name} at the top level of the Dag file, and write map_task({name}) in the "
                "body.",
            )
        if not known:
            return UnknownKindError(
                f"the Dag file has no task for {name!r}, because neither the body nor a function that it "
                "calls names it",
                remedy="Define it at the top level of the Dag file and use its name in the body, or list "
                f"all that the body calls: @dynamic_workflow(tasks=[..., {name}]).",
            )
        given = _nearest_difference(known, settings)
        call = _with_settings(target, name, given)
        return UnknownKindError(
            f"the Dag file has no task for {name!r} with these settings: {given}; only task_id and fewer "
            "retries may differ between its nodes",
            remedy=f"Define it in the Dag file, as in big = {call}, or list all that the body calls: "
            f"@dynamic_workflow(tasks=[..., {call}]).",
        )

    def _unlisted(
        self, target: Target, settings: Mapping[str, Any], known: Sequence[Kind], name: str
    ) -> UnknownKindError:
        called, call = repr(name), name
        if known:
            given = _nearest_difference(known, settings)
            called, call = f"{name!r} with {given}", _with_settings(target, name, given)
        if isinstance(target, MapTarget):
            called, call = f"a map_task of {called} over a promise", f"map_task({call})"
        return UnknownKindError(
            f"the body of a workflow calls {called}, which is not in tasks=[...] of the workflow "
            f"{self.listed_by!r}",
            remedy=f"Add it: tasks=[..., {call}]."
            + (" Only task_id and fewer retries may differ from a listed task." if known else ""),
        )


def _nearest_difference(known: Sequence[Kind], settings: Mapping[str, Any]) -> str:
    """Return the settings of a call that differ from the most similar kind."""
    nearest = min(known, key=lambda kind: len(_differences(kind.settings, settings)))
    return ", ".join(_differences(nearest.settings, settings))


def _with_settings(target: Target, name: str, given: str) -> str:
    """Return the expression for a target with these settings."""
    is_class = isinstance(target, OperatorTarget)
    return f"functools.partial({name}, {given})" if is_class else f"{name}.override({given})"


def _same_but_retries(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return {**one, RETRIES: 0} == {**other, RETRIES: 0}


def _differences(kind: Mapping[str, Any], node: Mapping[str, Any]) -> list[str]:
    names = [*node, *(name for name in kind if name not in node)]
    return [f"{name}={node.get(name)!r}" for name in names if kind.get(name) != node.get(name)]


def _without_name(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != NAME}


def _underlying(decorator: Any) -> Any:
    # ``@task.dynamic`` wraps an ordinary task decorator.
    return getattr(decorator, "_task", decorator)
