"""What calling a task in a Dag file returns: references to outputs that do not exist yet.

A `Handle` stands for a value per key and offers `map` and `collect`. An `Item` stands for one key's value
inside a mapped function. A `StaticHandle` stands for one value. A `Collection` stands for all keys' values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import XComArg
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dynamic_provider.authoring.scope import current_scope
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.errors import HandleUsageError
from airflow_dynamic_provider.execution.layout import result_xcom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_dynamic_provider.authoring.key_space import KeySpace, Source


class KeyedReference(XComArg):
    """Common to `Handle` and `Item`: a value per key, and the refusal of everything that needs the value.

    Args:
        space: The set of keys.
        source: Where a key's value comes from.
        path: What is selected from it.
    """

    _NOUN: ClassVar[str]
    _REASON: ClassVar[str]
    _REMEDY: ClassVar[str]

    def __init__(self, space: KeySpace, source: Source, path: tuple[Any, ...] = ()) -> None:
        self.space = space
        self.source = source
        self.path = path

    def resolve(self, context: Any) -> Any:
        """Return the value for the key of the running clone. Airflow calls this in the task's process."""
        return self.source.resolve(context, self.space.spec_of(context["task"].task_id), self.path)

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Tell Airflow which task's output this is. Airflow calls this when an operator receives it.

        Raises:
            HandleUsageError: It was given to a task outside a map over its key space.
        """
        scope = current_scope()
        if scope is None or scope.space is not self.space:
            raise self._refuse("was passed straight to a task" if scope is None else _OTHER_KEY_SPACE)
        yield self.space.usage_of(self.source), DEFAULT_OUTPUT

    def __deepcopy__(self, memo: dict[int, Any]) -> KeyedReference:
        # A reference, not a value: copies of an operator refer to the same output.
        return self

    def _serialize(self) -> NoReturn:
        raise self._refuse("was passed to expand()")

    def __iter__(self) -> NoReturn:
        raise self._refuse("was iterated")

    def __len__(self) -> NoReturn:
        raise self._refuse("was asked for its length")

    def __contains__(self, item: object) -> NoReturn:
        raise self._refuse("was searched")

    def __bool__(self) -> NoReturn:
        raise self._refuse("was tested for truth")

    def zip(self, *others: Any, **kwargs: Any) -> NoReturn:
        """Refused: Airflow's own zip goes by position."""
        raise self._refuse("was zipped by position")

    def concat(self, *others: Any) -> NoReturn:
        """Refused: Airflow's own concat loses the keys."""
        raise self._refuse("was concatenated by position")

    def _refuse(self, misuse: str) -> HandleUsageError:
        return _refusal(self.source, f"{self._NOUN} {misuse}, but {self._REASON}", self._REMEDY)


_OTHER_KEY_SPACE = "was used inside a map over another key space"


class Item(KeyedReference):
    """One key's value inside a mapped function: pass it to tasks, or select a part by ``item["field"]``."""

    _NOUN = "an item of it"
    _REASON = "its value exists only when the Dag runs"
    _REMEDY = (
        "Pass the item to a task or to a templated field of an operator, inside the mapped function only; "
        'select a part of it with item["field"].'
    )

    def __getitem__(self, part: Any) -> Item:
        return Item(self.space, self.source, (*self.path, part))

    def __repr__(self) -> str:
        return f"<item of {self.source}{_render_path(self.path)}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> NoReturn:
        raise self._refuse("was put into a text")

    def map(self, f: Any) -> NoReturn:
        """Refused: an item is one value."""
        raise self._refuse("was mapped")


class Handle(KeyedReference):
    """A value per key of a dynamic output: what a task with a `DynamicOut` returns, and what `map` returns.

    Handles are made by calling tasks in a Dag file and used there. Pass them on with `map` and `collect`,
    order tasks with ``>>`` and ``<<``, and use them inside a ``map`` over the same key space, where they
    join by key. Every other use is refused.
    """

    _NOUN = "the handle"
    _REASON = "it stands for a value per key that exists only when the Dag runs"
    _REMEDY = "Use .map(fn) to run something for each key, or .collect() to give a task all values."

    @property
    def item(self) -> Item:
        """This handle's value for one key, as a mapped function receives it."""
        return Item(self.space, self.source, self.path)

    def map(self, fn: Callable[[Any], Any]) -> Any:
        """Clone what ``fn`` calls, once per mapping key.

        Call it in the Dag file. ``fn`` is evaluated once, there, with an `Item`; everything it calls becomes
        a task instance per key at run time, labelled with its key. A clone waits for its own key's upstream
        clones only.

        Args:
            fn: A ``@task`` function, a ``@task_group``, or a function or lambda that calls tasks, groups and
                classic operators. Other tasks' outputs and handles of the same key space may be used in it.

        Returns:
            What ``fn`` returns, as handles: one, a tuple, a named tuple with its names, or ``None``.

        Raises:
            MapFunctionError: ``fn`` calls no task, nests a map, or returns something that is not per key.

        Example:
            >>> counts = files.map(count_lines)
            >>> reports = files.map(lambda path: report(path, counts, title="lines"))
        """
        from airflow_dynamic_provider.authoring.mapping import map_over

        return map_over(self, fn)

    def collect(self, *, keyed: bool = False) -> Collection:
        """Give a later task the values of all keys.

        Call it in the Dag file and pass the result to a task. That task runs when no clone failed; skipped
        clones are left out, and ``None`` is a value.

        Args:
            keyed: ``True`` for a dict mapping key -> value; a list in the order of the keys by default.

        Returns:
            A reference to the list or dict.

        Example:
            >>> summarize(counts.collect())
            >>> report(counts.collect(keyed=True))
        """
        return self.space.collection(self.source, self.path, keyed=keyed)

    def __getitem__(self, part: Any) -> Item:
        scope = current_scope()
        if scope is None or scope.space is not self.space:
            raise self._refuse("was indexed")
        return self.item[part]

    def set_upstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Run ``other`` before every clone: ``handle << other``."""
        self.space.order(self.source, other, upstream=True, edge_modifier=edge_modifier)

    def set_downstream(self, other: Any, edge_modifier: Any = None) -> None:
        """Run ``other`` after every clone: ``handle >> other``. Of the same key space, it runs key by key."""
        self.space.order(self.source, other, upstream=False, edge_modifier=edge_modifier)

    def update_relative(self, other: Any, upstream: bool = True, edge_modifier: Any = None) -> None:
        """Order the clones against ``other``. Airflow calls this for ``other >> handle``."""
        self.space.order(self.source, other, upstream=upstream, edge_modifier=edge_modifier)

    @property
    def roots(self) -> list[Any]:
        """No task: `update_relative` has set the edges already."""
        return []

    @property
    def leaves(self) -> list[Any]:
        """No task: `update_relative` has set the edges already."""
        return []

    def __repr__(self) -> str:
        return f"<handle of {self.source}{_render_path(self.path)}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> NoReturn:
        raise self._refuse("was put into a text")


class StaticHandle(PlainXComArg):
    """One value that a ``@task.dynamic`` task produces: an ordinary XCom reference.

    Pass it to tasks as any task's output.
    """

    def resolve(self, context: Any) -> Any:
        """Return the value. Airflow calls this in the task's process.

        Raises:
            AirflowSkipException: The output is optional and was not produced.
        """
        from airflow_dynamic_provider.version_compat import XComNotFound

        try:
            value = super().resolve(context)
        except XComNotFound:
            # Airflow takes a stored None for a missing value, and refuses it unless it is a return value.
            value = None
        if value is None and not self._declaration.is_required:
            from airflow_dynamic_provider.execution.references import skip_unless_produced

            skip_unless_produced(context, self.operator.task_id, self._output)
        return value

    def map(self, f: Any) -> NoReturn:
        """Refused: there is one value, and nothing to map over."""
        raise HandleUsageError(
            "is one value, so it has no keys to map over",
            task_id=self.operator.task_id,
            output_name=self._output,
            remedy="Declare it with DynamicOut and yield DynamicOutput(value, mapping_key=...), or pass it "
            "to a task as it is.",
        )

    def collect(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused: there is one value, and nothing to collect."""
        raise HandleUsageError(
            "is one value, so there is nothing to collect",
            task_id=self.operator.task_id,
            output_name=self._output,
            remedy="Pass it to a task as it is.",
        )

    @property
    def _task(self) -> Any:
        return self.operator

    @property
    def _output(self) -> str:
        declarations = self._task.declarations
        return self.key if self.key in declarations else next(iter(declarations))

    @property
    def _declaration(self) -> Any:
        return self._task.declarations[self._output]


class Collection(PlainXComArg):
    """All keys' values, as one argument of a later task. Made by `Handle.collect`.

    To the scheduler it is an ordinary reference to the collected task; only a task's process resolves it.

    Args:
        space: The set of keys.
        source: Where each key's value comes from.
        path: What is selected from each.
        keyed: Whether the task receives a dict.
    """

    def __init__(self, space: KeySpace, source: Source, path: tuple[Any, ...], keyed: bool) -> None:
        super().__init__(space.task_of(source), result_xcom(source.output))
        self.space = space
        self.source = source
        self.path = path
        self.keyed = keyed

    def resolve(self, context: Any) -> Any:
        """Return the list or dict. Airflow calls this in the task's process."""
        from airflow_dynamic_provider.execution.collecting import collect

        spec = self.space.collection_spec(self.source, self.path, self.keyed)
        return collect(context, spec, self.space.graph.collector_of(context["task"].task_id))

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Tell Airflow which tasks' outputs these are. Airflow calls this when an operator receives it."""
        yield self.space.collecting_of(self.source), "all keys: a collection goes to one task, not expand()"

    def map(self, f: Any) -> NoReturn:
        """Refused: map the handle, then collect."""
        raise self._refuse("was mapped")

    def __deepcopy__(self, memo: dict[int, Any]) -> Collection:
        return self

    def __iter__(self) -> NoReturn:
        raise self._refuse("was iterated")

    def __getitem__(self, part: Any) -> NoReturn:
        raise self._refuse("was indexed")

    def __len__(self) -> NoReturn:
        raise self._refuse("was asked for its length")

    def __bool__(self) -> NoReturn:
        raise self._refuse("was tested for truth")

    def __format__(self, spec: str) -> NoReturn:
        raise self._refuse("was put into a text")

    def __repr__(self) -> str:
        return f"<all keys of {self.source}{_render_path(self.path)}>"

    def __str__(self) -> str:
        return repr(self)

    def _refuse(self, misuse: str) -> HandleUsageError:
        return _refusal(
            self.source,
            f"its collection {misuse}, but the values exist only when the Dag runs",
            "Pass the collection to a task, and work on the values there.",
        )


def is_task_output(value: Any) -> bool:
    """Whether this is what calling one task returns: a reference to one of its XComs, for one key."""
    return isinstance(value, PlainXComArg) and not isinstance(value, Collection)


def _refusal(source: Source, message: str, remedy: str) -> HandleUsageError:
    return HandleUsageError(message, task_id=source.task_id, output_name=source.output, remedy=remedy)


def _render_path(path: tuple[Any, ...]) -> str:
    return "".join(f"[{part!r}]" for part in path)
