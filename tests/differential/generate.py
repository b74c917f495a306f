"""Generates random cases, each from its seed."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tests.differential.kills import any_kills
from tests.differential.oracle import AmbiguousError, Expected, can_follow, expect
from tests.differential.programs import (
    All,
    Argument,
    Batches,
    Call,
    Case,
    Clear,
    Map,
    Names,
    Outcomes,
    Path,
    Produce,
    Product,
    Program,
    Space,
    Statement,
    States,
    Zip,
    handle_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEYS = ("a", "b", "c", "d", "e")
INNER_KEYS = ("x", "y", "z", "a")
#: Keys that look like something else. One has a slash, like the label of a key path.
ODD_KEYS = ("0", "a/x", "None", "é ü", "{{ 1 }}")

MAX_DEPTH = 3

#: Ratios that authors write: one that is an exact binary fraction, some that are not, and the two ends.
RATIOS = tuple(map(Fraction, ("0", "0.1", "0.5", "1/3", "2/3", "0.999", "1")))

Rows = dict[tuple[str, Path | None], Any]

_TABLES_TRIED = 6


class _UnfitError(Exception):
    """This attempt is too large or too small, or depends on timing."""


def generate(seed: int, *, size: int = 25) -> Case:
    """Return the case of a seed, with at most ``size`` task instances."""
    rng, how = random.Random(seed), random.Random(seed)
    # Every other program has no maps inside, so it has more tasks at the top.
    depth = 1 if seed % 2 else MAX_DEPTH
    while True:
        program = _ProgramWriter(rng, how, depth).write()
        # A program that is large with some keys may be small enough with others.
        for _ in range(_TABLES_TRIED):
            with suppress(_UnfitError, AmbiguousError):
                tables = _TableWriter(rng, program, size)
                table = tables.write()
                steps = tables.write_steps(table, rng.choice((0, 1, 2)))
                batched = with_batches(random.Random(f"batches {seed}"), program)
                case = Case(batched, table, tuple(steps))
                names, expected = Names(batched), expect(batched, table)
                kills = any_kills(random.Random(f"kills {seed}"), case, names, expected)
                return replace(case, kills=kills)


def with_batches(rng: random.Random, program: Program) -> Program:
    """Return a program in which half of the maps run in batches, or all. It has the same expected result.

    Args:
        rng: Decides how. It decides nothing else, so a seed gives the same program in other batches.
        program: A program without batches.
    """
    return _with_batches(rng, program, rng.choice((0.5, 1.0)))


def _with_batches(rng: random.Random, program: Program, share: float) -> Program:
    return tuple(
        replace(
            each,
            batches=_any_batches(rng) if rng.random() < share else None,
            body=_with_batches(rng, each.body, share),
        )
        if isinstance(each, Map)
        else each
        for each in program
    )


def _any_batches(rng: random.Random) -> Batches:
    return Batches(
        size=rng.choice((1, 2, 2, 3, 100)),
        concurrency=rng.choice((None, 2)),
        runner=rng.choices((None, "threads", "processes"), (6, 3, 1))[0],
    )


def any_ratio(rng: random.Random) -> Fraction:
    """Return a random ratio; often one that so few keys can just reach or just miss."""
    if rng.random() < 0.3:
        return rng.choice(RATIOS)
    parts = rng.choice((2, 3, 4, 5, 6, 7, 12, 100, 999_983))
    return Fraction(rng.randint(0, parts), parts)


@dataclass
class _ProgramWriter:
    """Writes a program, statement by statement.

    Attributes:
        rng: Decides the program.
        how: Decides how its tasks read collections, which must make no difference.
        depth: How many dynamic outputs there may be, one for each key of the other.
        open_calls: Tasks called in a map that is being written: values of one key, not yet handles.
        open_items: The handles that are being mapped, the outermost first.
        used: The names that are referred to.
    """

    rng: random.Random
    how: random.Random
    depth: int = MAX_DEPTH
    names: Names = field(default_factory=Names)
    open_calls: set[str] = field(default_factory=set)
    open_items: tuple[str, ...] = ()
    used: set[str] = field(default_factory=set)

    def write(self) -> Program:
        statements = [self.produce(())]
        for _ in range(self.rng.randint(1, 3)):
            statements.append(self.statement((), None))
        for name in self._uncollected()[: self.rng.randint(1, 2)]:
            statements.append(self._add(Call(self._new("c"), (self._collection(name),)), ()))
        return tuple(statements)

    def statement(self, scope: Space, item: str | None) -> Statement:
        """Write one statement of a block; ``item`` is the handle that is mapped around it."""
        weighted = list(self._choices(scope, item))
        weights = [weight for weight, _ in weighted]
        (make,) = self.rng.choices([make for _, make in weighted], weights)
        return make()

    def _choices(self, scope: Space, item: str | None) -> Iterator[tuple[float, Callable[[], Statement]]]:
        below = [name for name in self._handles() if self._is_below(name, scope)]
        mappable = [name for name in below if len(self.names[name].space) == len(scope) + 1]
        depth = len(scope)
        if mappable:
            yield 5, lambda: self.map(self._newest(mappable))
        if len(below) > len(mappable):
            yield 1, lambda: self.map(self._newest(below))
        if depth < self.depth:
            yield (2.0, 3.0, 1.0)[depth], lambda: self.produce(scope, item)
        if self._arguments(scope, item):
            yield 3 if depth else 1.5, lambda: self.call(scope, item)
        joinable = mappable if self.rng.random() < 0.8 else below
        pairs = [(one, other) for one in joinable for other in joinable if one != other]
        if pairs and (same := list(filter(self._is_alike, pairs))):
            # Handles of one space have the same keys.
            apart = [pair for pair in same if len({self.names[name].space for name in pair}) == 2]
            yield (8 if depth else 4) if apart else 1, lambda: self.zip(self.rng.choice(apart or same), scope)
        if pairs:
            yield 0.5 if depth else 1.5, lambda: self.product(self.rng.choice(pairs), scope)

    def _is_below(self, name: str, scope: Space) -> bool:
        space = self.names[name].space
        return len(space) > len(scope) and space[: len(scope)] == scope

    def _newest(self, names: list[str]) -> str:
        return self.rng.choice(names[-3:])

    def _is_alike(self, pair: tuple[str, str]) -> bool:
        one, other = (self.names.width(self.names[name].space) for name in pair)
        return one == other

    def produce(self, scope: Space, item: str | None = None) -> Statement:
        count = self.rng.choice((0, 1)) if item is None else 1
        return self._add(Produce(self._new("p"), self._some_arguments(scope, item, count)), scope)

    def call(self, scope: Space, item: str | None) -> Statement:
        count = self.rng.choice((1, 1, 2, 3))
        return self._add(Call(self._new("t"), self._some_arguments(scope, item, count)), scope)

    def zip(self, pair: tuple[str, str], scope: Space) -> Statement:
        self.used.update(pair)
        return self._add(Zip(self._new("z"), *pair, self.rng.choice(("inner", "outer", "strict"))), scope)

    def product(self, pair: tuple[str, str], scope: Space) -> Statement:
        self.used.update(pair)
        return self._add(Product(self._new("x"), *pair), scope)

    def map(self, over: str) -> Map:
        scope = self.names[over].space
        before = self.open_calls, self.open_items
        self.open_items = (*self.open_items, over)
        body: list[Statement] = []
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            body.append(self.statement(scope, over))
            if isinstance(body[-1], (Produce, Zip, Product)):
                body += self._follow_up(body[-1].name, scope, over)
        # A zip alone, or an outer map without a task of its own, would not be a map.
        if not any(isinstance(each, (Call, Produce)) for each in body):
            body.append(self.call(scope, over))
        self.open_calls, self.open_items = before
        return Map(over, tuple(body))

    def _follow_up(self, name: str, scope: Space, over: str) -> list[Statement]:
        """Map an output that was nested or joined in a map, and collect there, as most authors will."""
        if self.rng.random() < 0.3:
            return []
        inner = self.map(name)
        made = [each.name for each in inner.body if isinstance(each, Call)]
        if not made or self.rng.random() < 0.4:
            return [inner]
        arguments = dict.fromkeys(self._some_arguments(scope, over, self.rng.choice((0, 0, 1))))
        collected = self._collection(self.rng.choice(made))
        self.used.add(collected.of)
        outer = Call(self._new("t"), (*arguments, collected))
        return [inner, self._add(outer, scope)]

    def _add(self, statement: Statement, scope: Space) -> Statement:
        self.names.add(statement, scope)
        if isinstance(statement, Call) and scope:
            self.open_calls = self.open_calls | {statement.name}
        return statement

    def _new(self, letter: str) -> str:
        return f"{letter}{1 + sum(name.startswith(letter) for name in self.names.infos)}"

    def _handles(self) -> list[str]:
        """Return the names that can be mapped, joined and collected here."""
        infos = self.names.infos
        return [name for name, info in infos.items() if info.space and name not in self.open_calls]

    def _uncollected(self) -> list[str]:
        unused = [name for name in self._handles() if name not in self.used]
        # What was joined and not mapped is collected too.
        names = [name for name in unused if self.names[name].is_task or self._is_join(name)]
        return names[::-1] or self._handles()

    def _is_join(self, name: str) -> bool:
        return isinstance(self.names[name].statement, (Zip, Product))

    def _arguments(self, scope: Space, item: str | None) -> list[tuple[float, Callable[[], Argument]]]:
        """Return the possible arguments of a task: weight, and a function that makes the argument."""
        found: list[tuple[float, Callable[[], Argument]]] = []
        for name, info in self.names.infos.items():
            is_readable = name in self.open_items or not self._is_join(name)
            if self.names.ways(scope, info.space) == 1 and is_readable:
                # Values of the same key are preferred to those of an outer key and to unmapped ones.
                weight = 4.0 if name == item else 2.0 if info.space == scope else 0.8
                found.append((weight, lambda name=name: name))
            if info.space and name not in self.open_calls and self._is_collectable(name, scope):
                weight = 0.4 if info.space == scope else 1.5 if self._is_usual(name, scope) else 0.3
                found.append((weight, lambda name=name: self._collection(name)))
        return found

    def _is_collectable(self, name: str, scope: Space) -> bool:
        return self.names.ways(scope, self.names.common_space(name, scope)) == 1

    def _is_usual(self, name: str, scope: Space) -> bool:
        # In a map: its own nested outputs, or everything that an ordinary task could collect.
        return self.names.common_space(name, scope) in (scope, ())

    def _collection(self, name: str) -> All | States | Outcomes:
        is_task = isinstance(self.names[name].statement, Call)
        if is_task and self.rng.random() < 0.25:
            return States(name) if self.how.random() < 0.5 else Outcomes(name)
        ratio = any_ratio(self.rng) if self.rng.random() < 0.3 else None
        is_lazy = self.how.random() < 0.4
        return All(name, keyed=self.rng.random() < 0.5, ratio=ratio, lazy=is_lazy)

    def _some_arguments(self, scope: Space, item: str | None, count: int) -> tuple[Argument, ...]:
        possible = self._arguments(scope, item)
        chosen: list[Argument] = []
        for _ in range(count if possible else 0):
            (make,) = self.rng.choices([make for _, make in possible], [weight for weight, _ in possible])
            argument = make()
            if handle_of(argument) not in map(handle_of, chosen):
                chosen.append(argument)
        self.used.update(map(handle_of, chosen))
        return tuple(chosen)


class _TableWriter:
    """Decides how the tasks of a program behave, and which steps follow its run."""

    def __init__(self, rng: random.Random, program: Program, size: int) -> None:
        self.rng = rng
        self.program = program
        self.names = Names(program)
        self.size = size
        odd = rng.random() < 0.15
        self.pools = (ODD_KEYS, ODD_KEYS) if odd else (KEYS, INNER_KEYS)

    def write(self) -> Rows:
        table = self._with_keys({})
        for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
            table = self._with_keys(table | self._misbehaviour(table))
        return table

    def write_steps(self, table: Rows, count: int) -> Iterator[Clear]:
        history = [self._expect(table)]
        for _ in range(count):
            step = self._step(table, f"v{len(history) + 1}")
            if step is not None:
                table = {**table, **(step.changes or {})}
                expected = self._expect(table)
                if not can_follow(history, expected):
                    raise _UnfitError
                history.append(expected)
                yield step

    def _expect(self, table: Rows) -> Expected:
        expected = expect(self.program, table)
        if not 2 < expected.size <= self.size:
            raise _UnfitError
        return expected

    def _with_keys(self, table: Rows) -> Rows:
        """Return the table with keys for all instances of producing tasks that run and have none yet."""
        filled = dict(table)
        while True:
            ran = self._expect(filled)
            missing = [own for own in self._instances(ran, Produce) if own not in filled]
            if not missing:
                return filled
            # The outermost first, because nested keys depend on them.
            depth = min(len(path) for _, path in missing)
            filled.update({own: self._keys(own[1]) for own in missing if len(own[1]) == depth})

    def _keys(self, path: Path) -> tuple[str, ...]:
        pool = self.pools[min(len(path), 1)]
        count = self.rng.choices((0, 1, 2, 3, 4), (1, 2, 4, 2, 1) if not path else (3, 4, 4, 1, 0))[0]
        return tuple(self.rng.sample(pool, count))

    def _instances(self, expected: Expected, *kinds: type) -> list[tuple[str, Path]]:
        """Return the task instances that ran."""
        return [
            (name, path)
            for name, outcomes in expected.outcomes.items()
            for path, outcome in outcomes.items()
            if outcome.has_run and isinstance(self.names[name].statement, kinds)
        ]

    def _misbehaviour(self, table: Rows) -> Rows:
        instances = self._instances(self._expect(table), Call, Produce)
        # Mostly clones, because they are the subject of these tests.
        weights = [4 if own[1] else 1 for own in instances]
        (own,) = self.rng.choices(instances, weights)
        if isinstance(self.names[own[0]].statement, Call):
            return {own: self.rng.choices(("fail", "skip", "none", "flaky"), (7, 4, 2, 2))[0]}
        keys = table[own]
        if self.rng.random() < 0.4 and keys and isinstance(keys, tuple):
            return {(own[0], (*own[1], self.rng.choice(keys))): "none"}
        return {own: self.rng.choice(("fail", "skip"))}

    def _step(self, table: Rows, word: str) -> Clear | None:
        expected = self._expect(table)
        kind = self.rng.choice(("producer", "producer", "clone", "clone", "again", "collector"))
        if kind == "producer":
            return self._clear_producer(table, expected, word)
        if kind == "collector":
            unmapped = [own for own in self._instances(expected, Call) if not own[1]]
            return Clear(self.rng.choice(unmapped)[0], downstream=False) if unmapped else None
        calls = [own for own in self._instances(expected, Call) if own[1] or kind == "again"]
        if not calls:
            return None
        task, path = self.rng.choice(calls)
        if kind == "again":
            return Clear(task, path or None)
        # Mostly behaviour that keeps others from running. Their earlier results are still there then.
        behaviour = self.rng.choices(("skip", "fail", word, "ok", "none"), (4, 3, 2, 1, 1))[0]
        return Clear(task, path, changes={(task, path): behaviour})

    def _clear_producer(self, table: Rows, expected: Expected, word: str) -> Clear:
        task, path = self.rng.choice(self._instances(expected, Produce))
        changed = self._with_keys({**table, (task, path): self._other_keys(table[task, path], path)})
        below = [name for name in self.names.tasks() if task in {name, *self.names.above(name)}]
        if path:
            keys = changed[task, path] if isinstance(changed[task, path], tuple) else ()
            changed.update({(task, (*path, key)): word for key in keys})
        else:
            # Only a task that runs again in any case may change. Then no value of an earlier run is valid.
            changed.update({(name, None): word for name in below})
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            (own, behaviour), *_ = self._misbehaviour(changed).items()
            if not path and own[0] in below:
                changed = self._with_keys({**changed, own: behaviour})
        changes = {own: value for own, value in changed.items() if table.get(own) != value}
        return Clear(task, path or None, changes=changes)

    def _other_keys(self, keys: Any, path: Path) -> Any:
        if isinstance(keys, str) or self.rng.random() < 0.4:
            return self._keys(path)
        kind = self.rng.choice(("fewer", "reversed", "more", "fail", "skip"))
        if kind in ("fail", "skip"):
            return kind
        if kind == "more":
            return tuple(dict.fromkeys((*self._keys(path), *keys)))
        return keys[1:] if kind == "fewer" else keys[::-1]
