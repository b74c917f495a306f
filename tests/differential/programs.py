"""A small language for Dags that fan out. Random programs can be generated, run, understood and cut down.

A program is a tuple of statements. Each statement names its result, and later ones refer to it by that name.
The behaviour of the tasks is in a separate table: (task, key path) -> behaviour.

    program = (
        Produce("p"),
        Map("p", (Produce("q", ("p",)), Map("q", (Call("t", ("q", "p")),)), Call("u", (All("t"),)))),
        Call("v", (All("u", keyed=True),)),
    )
    table = {("p", ()): ("a", "b"), ("q", ("a",)): ("x", "y"), ("t", ("a", "y")): "fail"}

Here ``u`` runs for each key of ``p``, and receives the results of ``t`` for each key of that key's ``q``.
``v`` receives the results of ``u``, by key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.pretty import pretty_repr

if TYPE_CHECKING:
    from fractions import Fraction

#: The keys from the outermost dynamic output to the innermost.
Path = tuple[str, ...]

#: The names of the statements that produce keys, the outermost first. A key path has one key for each.
Space = tuple[str, ...]

#: (task, key path) -> keys, if the task produces some, or its behaviour: "ok", "fail", "skip", "none",
#: "flaky" (its first try fails), or any other word. The last two become part of its value. (Producing task,
#: key path with one of its own keys) -> "none" or such a word, for the value that it produces there.
#: (Task, None) -> the default for other key paths.
Table = Mapping[tuple[str, Path | None], Any]

#: The keys of a producing task that the table does not mention.
DEFAULT_KEYS = ("x",)


class _Pasteable:
    """Shown as the code that creates it, without default values."""

    def __rich_repr__(self) -> Iterator[Any]:
        is_named = False
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            # Rich would treat a tuple as a pair of name and value.
            is_named = is_named or each.default is not MISSING or isinstance(value, tuple)
            yield (each.name, value, each.default) if is_named else value

    def __repr__(self) -> str:
        return pretty_repr(self, max_width=100)


@dataclass(frozen=True, repr=False)
class All(_Pasteable):
    """An argument: the values of all keys of a handle, ``handle.collect()``.

    Attributes:
        of: The handle.
        keyed: Whether they come by key.
        ratio: The exact ratio that must succeed. The Dag has the nearest float, as an author writes it.
            ``None`` leaves it out.
    """

    of: str
    keyed: bool = False
    ratio: Fraction | None = None
    lazy: bool = False


@dataclass(frozen=True, repr=False)
class States(_Pasteable):
    """An argument: the final state of each key, ``handle.states()``."""

    of: str


@dataclass(frozen=True, repr=False)
class Outcomes(_Pasteable):
    """An argument: what became of each key, ``handle.outcomes()``. Its state and value are shown."""

    of: str


#: A name stands for its value: that of the running clone's key, or of the only task instance. The name of the
#: mapped handle stands for the item; for a zip or product it stands for two arguments.
Argument = str | All | States | Outcomes


@dataclass(frozen=True, repr=False)
class Produce(_Pasteable):
    """A call of a ``@task.dynamic`` task; nested if it is in a map."""

    name: str
    args: tuple[Argument, ...] = ()


@dataclass(frozen=True, repr=False)
class Call(_Pasteable):
    """A call of a ``@task``; for each key if it is in a map."""

    name: str
    args: tuple[Argument, ...] = ()


@dataclass(frozen=True, repr=False)
class Zip(_Pasteable):
    """Two handles, joined by key."""

    name: str
    left: str
    right: str
    how: str = "inner"


@dataclass(frozen=True, repr=False)
class Product(_Pasteable):
    """Two handles, every key with every key."""

    name: str
    left: str
    right: str


@dataclass(frozen=True, repr=False)
class Batches(_Pasteable):
    """How a map runs many keys in one task instance, which makes no difference for any key.

    Attributes:
        size: The maximum number of keys in a batch.
        concurrency: How many keys run at the same time.
        runner: "threads" or "processes".
    """

    size: int
    concurrency: int | None = None
    runner: str | None = None


@dataclass(frozen=True, repr=False)
class Map(_Pasteable):
    """A map over a handle. It returns all handles that its body creates."""

    over: str
    body: tuple[Statement, ...]
    batches: Batches | None = None


#: (Task, key path): the process of the batch is killed while it runs this key. See `kills`.
Kill = tuple[str, Path]

Statement = Produce | Call | Zip | Product | Map
Program = tuple[Statement, ...]


@dataclass(frozen=True, repr=False)
class Clear(_Pasteable):
    """A step after a run has ended: change the table, clear a task instance, and let the run go on.

    Attributes:
        task: The task.
        path: The key path of its task instance; ``None`` for all its task instances.
        downstream: Whether to clear everything that depends on it too.
        changes: The changes of the table.
    """

    task: str
    path: Path | None = None
    downstream: bool = True
    changes: Table | None = None


@dataclass(frozen=True, repr=False)
class Case(_Pasteable):
    """A program, the behaviour of its tasks, the kills in its run, and the steps after it."""

    program: Program
    table: Table
    steps: tuple[Clear, ...] = ()
    kills: frozenset[Kill] = frozenset()

    def tables(self) -> list[Table]:
        """Return the table of the first run, and of each step."""
        tables = [self.table]
        for step in self.steps:
            tables.append({**tables[-1], **(step.changes or {})})
        return tables

    @property
    def retries(self) -> dict[str, int]:
        """Task -> retries: one if its first try fails for a key, and one for each key that is killed once."""
        flaky = {name for table in self.tables() for (name, _), how in table.items() if how == "flaky"}
        once = Counter(name for name, path in self.kills if self.table.get((name, path)) != "fail")
        return {name: (name in flaky) + once[name] for name in flaky | once.keys()}


@dataclass(frozen=True)
class Info:
    """The meaning of a name.

    Attributes:
        statement: The statement that defines it.
        scope: The space of its task instances; for a zip or product, the space where it is defined.
        space: The space of its values.
    """

    statement: Produce | Call | Zip | Product
    scope: Space
    space: Space

    @property
    def is_task(self) -> bool:
        return isinstance(self.statement, (Produce, Call))


class Names:
    """The meanings of all names of a program, and how its tasks run in batches."""

    def __init__(self, program: Program = ()) -> None:
        self.infos: dict[str, Info] = {}
        self.batches: dict[str, Batches] = {}
        self.add_all(program, ())

    def __getitem__(self, name: str) -> Info:
        return self.infos[name]

    def add_all(self, statements: Program, scope: Space) -> None:
        for statement in statements:
            self.add(statement, scope)

    def add(self, statement: Statement, scope: Space) -> None:
        if isinstance(statement, Map):
            self.add_all(statement.body, self[statement.over].space)
            if statement.batches is not None:
                tasks = (each.name for each in statement.body if isinstance(each, (Call, Produce)))
                self.batches.update((name, statement.batches) for name in tasks)
            return
        space = scope if isinstance(statement, Call) else (*scope, statement.name)
        self.infos[statement.name] = Info(statement, scope, space)

    def tasks(self) -> list[str]:
        return [name for name, info in self.infos.items() if info.is_task]

    def above(self, name: str) -> set[str]:
        """Return everything that a name depends on."""
        info = self[name]
        direct = {
            *info.scope,
            *(map(handle_of, info.statement.args) if info.is_task else sides(info.statement)),
        }
        return direct.union(*map(self.above, direct))

    def needs_own_key_only(self, name: str) -> bool:
        """Return whether a cloned task takes only items, and values of its key from other such tasks.

        A batch needs the values of other keys too.
        """
        info = self[name]
        return name not in self.batches and all(
            isinstance(each, str)
            and (
                not isinstance(self[each].statement, Call)
                or (self[each].scope == info.scope and self.needs_own_key_only(each))
            )
            for each in info.statement.args
        )

    def divided(self, name: str, paths: Iterable[Path]) -> list[list[Path]]:
        """Return the batches of a task's keys. Inside a map, a batch has keys of one key of that map."""
        size, last = self.batches[name].size, self[name].scope[-1]
        depth = self.width(self[last].scope)
        return [
            keys[start : start + size]
            for keys in (list(group) for _, group in groupby(paths, lambda path: path[:depth]))
            for start in range(0, len(keys), size)
        ]

    def width(self, space: Space) -> int:
        """Return the length of a space's key paths."""
        return sum(self._own_width(self[name].statement) for name in space)

    def _own_width(self, statement: Statement) -> int:
        if isinstance(statement, Produce):
            return 1
        scope = self[statement.name].scope
        left, right = (self.width(self[side].space[len(scope) :]) for side in sides(statement))
        return left + right if isinstance(statement, Product) else left

    def ways(self, space: Space, target: Space) -> int:
        """Return in how many ways a key path of a space determines one of another: 0, 1 or 2."""
        if space[: len(target)] == target:
            return 1
        for name in reversed(space):
            statement = self[name].statement
            if not isinstance(statement, Produce):
                found = [self.ways(self[side].space, target) for side in sides(statement)]
                if any(found):
                    return 2 if isinstance(statement, Product) and all(found) else max(found)
        return 0

    def common_space(self, handle: str, scope: Space) -> Space:
        """Return the space of a collection of a handle in a scope.

        A collector below a key collects only the values of that key.
        """
        above = self[handle].space[:-1]
        while above and not self.ways(scope, above):
            above = above[:-1]
        return above


def without_batches(program: Program) -> Program:
    """Return a program whose tasks all run one key in a task instance."""
    return tuple(
        replace(each, body=without_batches(each.body), batches=None) if isinstance(each, Map) else each
        for each in program
    )


def sides(statement: Any) -> tuple[str, str]:
    """Return the names of the two handles of a zip or product."""
    return statement.left, statement.right


def handle_of(argument: Argument) -> str:
    """Return the name that an argument refers to."""
    return argument if isinstance(argument, str) else argument.of


def act(table: Table, name: str, path: Path, args: tuple[Any, ...]) -> tuple[str, Any]:
    """Return the final state and the value of a task.

    A value names the task, its key path and its arguments, so that it shows any mix-up.
    """
    behaviour = _behaviour(table, name, path)
    if behaviour in ("fail", "skip"):
        return {"fail": "failed", "skip": "skipped"}[behaviour], None
    return "success", _value(name, path, behaviour, args)


def act_producing(
    table: Table, name: str, path: Path, args: tuple[Any, ...]
) -> tuple[str, dict[str, Any] | None]:
    """Return the final state of a producing task, and key -> value."""
    keys = table.get((name, path), DEFAULT_KEYS)
    if keys in ("fail", "skip"):
        return {"fail": "failed", "skip": "skipped"}[keys], None
    paths = [(*path, key) for key in keys]
    return "success", {own[-1]: _value(name, own, _behaviour(table, name, own), args) for own in paths}


def _behaviour(table: Table, name: str, path: Path) -> str:
    behaviour: str = table.get((name, path)) or table.get((name, None), "ok")
    return behaviour


def _value(name: str, path: Path, behaviour: str, args: tuple[Any, ...]) -> str | None:
    if behaviour == "none":
        return None
    word = "" if behaviour == "ok" else f"!{behaviour}"
    key = f"[{'/'.join(path)}]" if path else ""
    return f"{name}{word}{key}({', '.join(map(_show, args))})"


def told(state: str, value: Any) -> str:
    """Return how an outcome is shown as a part of a value."""
    return f"{state} {_show(value)}" if state == "success" else state


def _show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_show(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_show, value)) + "]"
    return str(value)
