"""Computes the expected result of a program from the rules of keys, in plain Python without Airflow.

Everything is a pure function of the program and the table, so a run that was partly cleared and ran again
must end like a new one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

from tests.differential.programs import (
    Argument,
    Call,
    Info,
    Names,
    Outcomes,
    Path,
    Produce,
    Product,
    Program,
    Space,
    States,
    Table,
    Zip,
    act,
    act_producing,
    sides,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.differential.programs import All

FAILED = ("failed", "upstream_failed")


class AmbiguousError(Exception):
    """The result of a task depends on which of its upstream tasks ends first."""


@dataclass(frozen=True)
class Outcome:
    """The result of a task instance. It ran unless an upstream task did not succeed."""

    state: str
    value: Any = None
    has_run: bool = True


@dataclass
class Expected:
    """The expected result of a run.

    Attributes:
        outcomes: Task -> key path -> outcome, in the order of the keys; empty if there are no keys.
        unmapped: Task -> state, for tasks whose keys are unknown because the task that lists them failed or
            was skipped.
    """

    outcomes: dict[str, dict[Path, Outcome]] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The number of task instances."""
        return sum(map(len, self.outcomes.values()))


def expect(program: Program, table: Table) -> Expected:
    """Return the expected result of a program.

    Raises:
        AmbiguousError: The result depends on timing.
    """
    return _Oracle(Names(program), table).expect()


def can_follow(before: Sequence[Expected], now: Expected) -> bool:
    """Return whether Airflow can get from earlier runs of the same tasks to this one.

    Airflow creates clones for additional keys only if an existing clone can run.
    """
    for name, outcomes in now.outcomes.items():
        most = max((len(each.outcomes[name]) for each in before), default=0)
        has_run = [outcome.has_run for outcome in outcomes.values()]
        if 0 < most < len(outcomes) and not any(has_run[:most]):
            return False
    return True


@dataclass(frozen=True)
class _Dependency:
    """The state of an upstream task.

    Attributes:
        state: The state.
        is_across: Whether it is in another mapped group than the task that depends on it.
    """

    state: str
    is_across: bool = False


@dataclass(frozen=True)
class _Received:
    """The values of one argument of a task.

    Attributes:
        dependencies: The upstream tasks.
        values: The values: two for a zip or product, else one.
        is_short: Whether fewer keys succeeded than the task requires.
    """

    dependencies: list[_Dependency]
    values: list[Any] = field(default_factory=list)
    is_short: bool = False


#: The keys below a key path, or the state of the task that should have listed them.
_Keys = list[Path] | str

#: Below a key path: key -> the same one level deeper, or a (state, value) pair for a complete path;
#: a state if the keys are unknown.
_Tree = dict[Path, Any] | tuple[str, Any] | str


class _Oracle:
    def __init__(self, names: Names, table: Table) -> None:
        self.names = names
        self.table = table
        self.known: dict[tuple[str, Path], Outcome] = {}
        self.produced: dict[tuple[str, Path], dict[str, Any]] = {}

    def expect(self) -> Expected:
        expected = Expected()
        for name in self.names.tasks():
            space = self.names[name].scope
            expected.outcomes[name] = {path: self.outcome(name, path) for path in self.paths(space)}
            if not expected.outcomes[name]:
                self._add_without_keys(expected, name)
        return expected

    def _add_without_keys(self, expected: Expected, name: str) -> None:
        keys = self.keys(self.names[name].scope[0], ())
        outside = list(self.outside(name))
        if isinstance(keys, str):
            expected.unmapped[name] = _joined([_Dependency(keys), *outside])
        elif _joined(outside) != "success":
            # Airflow may see this before it sees that there are no keys.
            raise AmbiguousError

    def outside(self, name: str) -> Iterator[_Dependency]:
        """Return the dependencies of a task that are the same for all its keys."""
        info = self.names[name]
        for argument in info.statement.args:
            is_value = isinstance(argument, str)
            shared = (
                self.names[argument].space if is_value else self.names.common_space(argument.of, info.scope)
            )
            if not shared:
                yield from self.argument(argument, (), info.scope).dependencies

    # Keys

    def paths(self, space: Space) -> list[Path]:
        """Return the key paths of a space."""
        if not space:
            return [()]
        found = []
        for outer in self.paths(space[:-1]):
            keys = self.keys(space[-1], outer)
            found += [] if isinstance(keys, str) else [outer + key for key in keys]
        return found

    def keys(self, name: str, outer: Path) -> _Keys:
        """Return the keys that a statement produces for one key path of its scope."""
        statement = self.names[name].statement
        if isinstance(statement, Produce):
            made = self.outcome(name, outer)
            return [(key,) for key in self.produced[name, outer]] if made.state == "success" else made.state
        scope = self.names[name].scope
        if isinstance(statement, Zip) and statement.how == "strict" and self.has_mismatch(statement, scope):
            return "failed"
        left, right = (self.below(side, scope, outer) for side in sides(statement))
        broken = [keys for keys in (left, right) if isinstance(keys, str)]
        if broken:
            return _joined([_Dependency(state) for state in broken])
        if isinstance(statement, Product):
            return [one + other for one in left for other in right]
        return _zipped(left, right, statement.how)

    def has_mismatch(self, statement: Zip, scope: Space) -> bool:
        """Return whether both sides differ for any outer key, because one task joins them for all."""
        for outer in self.paths(scope):
            left, right = (self.below(side, scope, outer) for side in sides(statement))
            if not isinstance(left, str) and not isinstance(right, str) and set(left) != set(right):
                return True
        return False

    def is_broken(self, maker: str) -> bool:
        """Return whether the keys of a zip or product, or of one of its sides, could not be joined."""
        info = self.names[maker]
        if isinstance(info.statement, Produce):
            return False
        is_strict = isinstance(info.statement, Zip) and info.statement.how == "strict"
        joined = [name for side in sides(info.statement) for name in self.names[side].space]
        return (is_strict and self.has_mismatch(info.statement, info.scope)) or any(
            map(self.is_broken, joined)
        )

    def below(self, handle: str, scope: Space, outer: Path) -> _Keys:
        """Return the rest of a handle's key paths, below one key path of a scope.

        Raises:
            AmbiguousError: Some outer key has no list of keys. The rules do not define a join of these.
        """
        first, *deeper = self.names[handle].space[len(scope) :]
        found = self.keys(first, outer)
        for name in deeper if not isinstance(found, str) else ():
            longer = []
            for key in found:
                keys = self.keys(name, outer + key)
                if isinstance(keys, str):
                    raise AmbiguousError
                longer += [key + more for more in keys]
            found = longer
        return found

    def locate(self, path: Path, space: Space, target: Space) -> Path | None:
        """Return the key path in a space that another derives from; ``None`` if an outer zip lacks it."""
        if space[: len(target)] == target:
            return path[: self.names.width(target)]
        for index in reversed(range(len(space))):
            info = self.names[space[index]]
            if isinstance(info.statement, Produce):
                continue
            own = path[: self.names.width(space[: index + 1])]
            for side, found in self.parts(info, own):
                if self.names.ways(self.names[side].space, target):
                    located = found and self.locate(found, self.names[side].space, target)
                    if located is not None:
                        return located
        return None

    def parts(self, info: Info, path: Path) -> list[tuple[str, Path | None]]:
        """Return both sides of a zip or product with the key path there; ``None`` for a missing side."""
        outer = path[: self.names.width(info.scope)]
        own = path[len(outer) :]
        left, right = sides(info.statement)
        if isinstance(info.statement, Product):
            middle = self.names.width(self.names[left].space[len(info.scope) :])
            return [(left, outer + own[:middle]), (right, outer + own[middle:])]
        return [
            (side, outer + own if own in self.below(side, info.scope, outer) else None)
            for side in (left, right)
        ]

    # Values

    def value(self, name: str, path: Path) -> tuple[list[_Dependency], list[Any]]:
        """Return the values of a handle for a key: one value, or two for a zip or product."""
        info = self.names[name]
        if isinstance(info.statement, Call):
            made = self.outcome(name, path)
            return [_Dependency(made.state)], [made.value]
        if isinstance(info.statement, Produce):
            self.outcome(name, path[:-1])
            return [], [self.produced[name, path[:-1]][path[-1]]]
        return self._pair(info, path)

    def _pair(self, info: Info, path: Path) -> tuple[list[_Dependency], list[Any]]:
        states, values = [], []
        for side, own in self.parts(info, path):
            if own is None:
                values.append(None)
            else:
                dependencies, value = self.value(side, own)
                states += [_Dependency(each.state, is_across=True) for each in dependencies]
                values.append(value if len(value) > 1 else value[0])
        return states, values

    def argument(self, argument: Argument, path: Path, scope: Space) -> _Received:
        """Return the values of an argument of a task, for one key path of its scope."""
        if not isinstance(argument, str):
            return self._collection(argument, path, scope)
        space = self.names[argument].space
        own = self.locate(path, scope, space)
        if own is None:
            return _Received([], [None])
        dependencies, values = self.value(argument, own)
        is_across = space not in ((), scope)
        return _Received([_Dependency(d.state, d.is_across or is_across) for d in dependencies], values)

    def _collection(self, argument: All | States | Outcomes, path: Path, scope: Space) -> _Received:
        space = self.names.common_space(argument.of, scope)
        outer = self.locate(path, scope, space)
        if outer is None:
            raise AmbiguousError
        makers = self.names[argument.of].space[len(space) :]
        # The task that joins the keys has failed, so nothing behind it runs, however tolerant.
        is_broken = any(self.is_broken(name) for name in makers)
        tree = "failed" if is_broken else self.tree(argument.of, space, outer)
        # Below a key, a gate is between the collected clones and the collector.
        is_across = bool(space)
        if isinstance(tree, str):
            return _Received([_Dependency(tree, is_across)])
        if isinstance(argument, States):
            return _Received([], [self._checked(argument, outer, _ends_of(tree, lambda state, _: state))])
        if isinstance(argument, Outcomes):
            return _Received([], [self._checked(argument, outer, _ends_of(tree, told))])
        states = list(_leaf_states(tree))
        needed = 1 if argument.ratio is None else argument.ratio
        if needed == 1 and any(state in FAILED for state in states):
            return _Received([_Dependency("upstream_failed", is_across)])
        value = self._checked(argument, outer, _as_dict(tree)) if argument.keyed else list(_flat(tree))
        return _Received([], [value], is_short=needed < 1 and _share(states) < needed)

    def _checked(
        self, argument: All | States | Outcomes, outer: Path, value: dict[str, Any]
    ) -> dict[str, Any]:
        space = self.names[argument.of].space
        is_joined = not isinstance(self.names[space[-1]].statement, Produce)
        if is_joined and _has_gap(value, self.names.width(space) - len(outer)):
            raise AmbiguousError
        return value

    def tree(self, name: str, space: Space, path: Path) -> _Tree:
        """Return all values of a handle below a key path of a space."""
        whole = self.names[name].space
        if space == whole:
            dependencies, values = self.value(name, path)
            is_pair = not self.names[name].is_task
            state = _joined(dependencies) if is_pair or not dependencies else dependencies[0].state
            return state, (values if is_pair else values[0])
        deeper = whole[: len(space) + 1]
        keys = self.keys(deeper[-1], path)
        if isinstance(keys, str):
            return keys
        return {key: self.tree(name, deeper, path + key) for key in keys}

    # Tasks

    def outcome(self, name: str, path: Path) -> Outcome:
        """Return the outcome of a task for a key path."""
        if (name, path) not in self.known:
            self.known[name, path] = self._follow(name, path)
        return self.known[name, path]

    def _follow(self, name: str, path: Path) -> Outcome:
        info = self.names[name]
        received = [self.argument(each, path, info.scope) for each in info.statement.args]
        state = _joined([dependency for each in received for dependency in each.dependencies])
        if state != "success":
            return Outcome(_passed_on(state), has_run=False)
        if any(each.is_short for each in received):
            return Outcome("failed")
        args = tuple(value for each in received for value in each.values)
        if isinstance(info.statement, Call):
            return Outcome(*act(self.table, name, path, args))
        state, produced = act_producing(self.table, name, path, args)
        self.produced[name, path] = produced or {}
        # The stored form of keys is private to the package.
        return Outcome(state, ANY)


def _joined(dependencies: list[_Dependency]) -> str:
    """Return the worst state of several dependencies.

    Raises:
        AmbiguousError: One failed and one was skipped, and Airflow uses the one that it sees first.
    """
    states = {each.state for each in dependencies}
    has_failed = bool(states & set(FAILED))
    bad = [each for each in dependencies if each.state != "success"]
    if has_failed and "skipped" in states and not all(each.is_across for each in bad):
        raise AmbiguousError
    if has_failed:
        return "upstream_failed"
    return "skipped" if "skipped" in states else "success"


def _passed_on(state: str) -> str:
    return "upstream_failed" if state in FAILED else state


def _zipped(left: list[Path], right: list[Path], how: str) -> list[Path]:
    if how == "inner":
        return [key for key in left if key in right]
    return left + [key for key in right if key not in left]


# Trees


def _leaf_states(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, tuple):
        yield tree[0]
    else:
        for below in tree.values():
            yield from _leaf_states(below)


def _share(states: Iterable[str]) -> Fraction:
    counted = [state for state in states if state != "skipped"]
    return Fraction(counted.count("success"), len(counted)) if counted else Fraction(1)


def _flat(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        if tree[0] == "success":
            yield tree[1]
    elif isinstance(tree, dict):
        for below in tree.values():
            yield from _flat(below)


def _has_gap(value: dict[str, Any], depth: int) -> bool:
    """Return whether some key has nothing below it, which the rules do not define for a join in a map."""
    return depth > 1 and any(
        not below or not isinstance(below, dict) or _has_gap(below, depth - 1) for below in value.values()
    )


def _as_dict(tree: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, below in tree.items():
        if isinstance(below, dict):
            _innermost(found, key)[key[-1]] = _as_dict(below)
        elif isinstance(below, tuple) and below[0] == "success":
            _innermost(found, key)[key[-1]] = below[1]
    return found


def _ends_of(tree: Any, end: Callable[[str, Any], str]) -> dict[str, Any]:
    """Return key -> how it ended, given a function of its state and its value."""
    found: dict[str, Any] = {}
    for key, below in tree.items():
        own = below if isinstance(below, tuple) else (below, None)
        _innermost(found, key)[key[-1]] = _ends_of(below, end) if isinstance(below, dict) else end(*own)
    return found


def _innermost(found: dict[str, Any], key: Path) -> dict[str, Any]:
    return reduce(lambda inner, part: inner.setdefault(part, {}), key[:-1], found)
