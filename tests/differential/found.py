"""Programs that run in each session beside the random ones. Each has found a bug once.

Add each random program that gave a wrong result, as the failing test or `make fuzz` has cut it down, with a
few words on what it found. Its seed is not enough, because it gives another program as soon as the generator
changes.
"""

from __future__ import annotations

from fractions import Fraction

from tests.differential.bodies import programs as bodies
from tests.differential.bodies.programs import Body, Each, Of, Work
from tests.differential.programs import (
    All,
    Batches,
    Call,
    Case,
    Clear,
    Map,
    Outcomes,
    Produce,
    Product,
    States,
    Zip,
)

#: The subject of the bug -> the program.
PROGRAMS = {
    "a tolerant collector behind a strict zip that does not fit": Case(
        (
            Produce("p1"),
            Produce("p2"),
            Zip("z1", "p1", "p2", "strict"),
            Map("z1", (Call("t1", ("z1",)),)),
            Call("c1", (All("t1", ratio=Fraction(0)),)),
            Call("c2", (States("t1"),)),
        ),
        {("p1", ()): ("a", "b"), ("p2", ()): ("b", "c")},
    ),
    "a key that is added in a later run, and fails": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1", ("p1",)), Call("t2", ("t1",)))),
            Call("c1", (All("t2", keyed=True, ratio=Fraction(1, 3)),)),
            Call("c2", (States("t2"),)),
        ),
        {("p1", ()): ("b",)},
        (
            Clear(
                "p1",
                changes={
                    # The first has a clone already, from which Airflow creates the others.
                    ("p1", ()): ("b", "a", "c"),
                    ("t1", ("a",)): "fail",
                    ("t1", ("c",)): "fail",
                    ("p1", None): "v2",
                    ("t1", None): "v2",
                    ("t2", None): "v2",
                },
            ),
        ),
    ),
    "a value of a clone that is skipped when it runs again": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1", ("p1",)), Call("t2", ("t1",)))),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("a", "b", "c")},
        (Clear("t1", ("b",), changes={("t1", ("b",)): "skip"}),),
    ),
    "the states of keys below a producing task that the scheduler ended": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2"), Map("p2", (Call("t1"),)), Call("t2", (States("t1"),)))),
            Call("c1", (States("t1"),)),
            Call("c2", (Outcomes("t1"),)),
        ),
        {("p1", ()): ("a", "b", "c"), ("p2", ("a",)): "fail", ("p2", ("b",)): "skip"},
    ),
    "the outcome of a key that a task stopped which failed for another key": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1"),)),
            Map("p1", (Call("t2", (All("t1"),)),), batches=Batches(2)),
            Call("c1", (Outcomes("t2"),)),
        ),
        {("p1", ()): ("a", "b"), ("t1", ("b",)): "fail"},
    ),
    "batches that collect what is below each of their keys": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2"), Map("p2", (Call("t1", ("p2",)),)))),
            Map(
                "p1",
                (
                    Call("t2", (All("t1"), "p1")),
                    Call("t3", (All("t1", keyed=True, ratio=Fraction(1, 2), lazy=True), States("t1"))),
                    Call("t4", (Outcomes("t1"),)),
                ),
                batches=Batches(2),
            ),
            Call("c1", (States("t2"),)),
            Call("c2", (All("t3"),)),
        ),
        {
            ("p1", ()): ("a", "b", "c", "d", "e"),
            ("p2", ("a",)): ("x", "y"),
            ("p2", ("b",)): ("x", "y"),
            ("p2", ("c",)): (),
            ("p2", ("d",)): "skip",
            ("t1", ("b", "x")): "fail",
        },
    ),
    "a lazy collection for the processes of a batch": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1", ("p1",)),), batches=Batches(2)),
            Map("p1", (Call("t2", (All("t1", lazy=True), "p1")),), batches=Batches(3, runner="processes")),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("a", "b", "c", "d")},
    ),
    "a collector of batches that comes after the last map": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1", ("p1",)), Call("t2", ("t1",))), batches=Batches(2)),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("a", "b"), ("t1", ("a",)): "fail"},
    ),
    "a collector of a batch in which a key was stopped by what it collects": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1"), Produce("p2", ("t1",)))),
            Map("p1", (Call("t2", (All("p2"),)),), batches=Batches(2)),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("c", "a"), ("p2", ("c",)): (), ("t1", ("a",)): "fail"},
    ),
    "a collector of a batch in which a key was stopped by its outer key": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1"), Produce("p2"))),
            Map("p2", (Call("t2", ("t1",)),), batches=Batches(2)),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("a", "b"), ("p2", ("a",)): ("x",), ("p2", ("b",)): ("x", "y"), ("t1", ("a",)): "fail"},
    ),
    "a failure for an outer key without a key in the batches": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1"), Produce("p2"))),
            Map("p2", (Call("t2", ("t1",)),), batches=Batches(2)),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("a", "b"), ("p2", ("a",)): (), ("p2", ("b",)): ("x", "y"), ("t1", ("a",)): "fail"},
    ),
    "a failure for a key that a zip leaves out, before batches that come last": Case(
        (
            Produce("p1"),
            Produce("p2"),
            Map("p1", (Call("t1"),)),
            Zip("z1", "p1", "p2", "inner"),
            Map("z1", (Call("t2", ("t1",)),), batches=Batches(2)),
        ),
        {("p1", ()): ("a", "b"), ("p2", ()): ("b",), ("t1", ("a",)): "fail"},
    ),
    "a failure below a key of a batch that tolerates it": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2"), Map("p2", (Call("t1"),)))),
            Map("p1", (Call("t2", (All("t1", ratio=Fraction(0)),)),), batches=Batches(2)),
            Call("c1", (All("t2"),)),
        ),
        {("p1", ()): ("a", "b"), ("t1", ("a", "x")): "fail"},
    ),
    "keys that are listed by a task that the scheduler skips when it is cleared": Case(
        (
            Produce("p1"),
            Produce("p2", (All("p1"),)),
            Map("p2", (Call("t1", ("p2",)),)),
            Call("c1", (All("t1"),)),
        ),
        {("p1", ()): ("c",), ("p2", ()): ("d",)},
        (Clear("p1", changes={("p1", ()): "skip"}),),
    ),
    "a share that the keys just reach": Case(
        (
            Produce("p1"),
            Map("p1", (Call("t1", ("p1",)),)),
            # As a float, one less than that is less than a fifth.
            Call("c1", (All("t1", ratio=Fraction(4, 5)),)),
            Call("c2", (All("t1", ratio=Fraction(801, 1000)),)),
        ),
        {("p1", ()): ("a", "b", "c", "d", "e"), ("t1", ("c",)): "fail"},
    ),
    "keys of a batch that read lazily at the same time": Case(
        (
            Produce("p1"),
            Map(
                "p1",
                (
                    Produce("p2"),
                    Map("p2", (Call("t1", (All("p2", lazy=True),)),), batches=Batches(2, concurrency=2)),
                ),
                batches=Batches(1),
            ),
        ),
        {("p1", ()): ("c",), ("p2", ("c",)): ("a", "x")},
    ),
    "dynamic outputs of batches whose processes are killed, with a retry and without": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2", ("p1",)),), batches=Batches(3)),
            Map("p2", (Call("t1", ("p2", "p1")),), batches=Batches(2)),
            Call("c1", (All("t1", keyed=True, ratio=Fraction(0)),)),
        ),
        {("p1", ()): ("a", "b", "c"), ("p2", ("b",)): ("x", "y"), ("t1", ("b", "y")): "fail"},
        kills=frozenset({("p2", ("c",)), ("t1", ("b", "y"))}),
    ),
    "outcomes of a batch that does not start, because its gate cannot tell what is below its keys": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2"),)),
            Map("p1", (Produce("p3"),)),
            Map(
                "p1",
                (
                    Zip("z1", "p2", "p3", how="strict"),
                    Map("z1", (Call("t1"),)),
                    Call("t2", (All("t1"),)),
                ),
                batches=Batches(2),
            ),
            Call("c1", (Outcomes("t2"),)),
        ),
        {("p1", ()): ("e",), ("p3", ("e",)): ("y",)},
    ),
    "a key that an inner zip leaves out fails, and the zip itself is collected": Case(
        (
            Produce("p1"),
            Produce("p2"),
            Map("p1", (Call("t1"),)),
            Zip("z1", "t1", "p2", how="inner"),
            Call("c1", (All("z1"),)),
        ),
        {("p1", ()): ("a", "b"), ("p2", ()): ("a",), ("t1", ("b",)): "fail"},
    ),
    "a key fails that no pair of a product has, because the other side is empty": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2"), Call("t1"))),
            Product("x1", "p2", "t1"),
            Call("c1", (All("x1"),)),
        ),
        {("p1", ()): ("c",), ("t1", ("c",)): "fail"},
    ),
    "an outer zip lacks a pair of another zip, and is collected itself": Case(
        (
            Produce("p1"),
            Produce("p2"),
            Zip("z1", "p2", "p1"),
            Zip("z2", "z1", "p1", how="outer"),
            Call("c1", (All("z2"),)),
        ),
        {("p1", ()): ("c",)},
    ),
    "a clone that gets its label only at its end, because what it collects fails": Case(
        (
            Produce("p1"),
            Map("p1", (Produce("p2"), Map("p2", (Call("t1"),)))),
            Map("p1", (Call("t2", (All("t1", ratio=Fraction(1, 2)),)),)),
        ),
        {("p1", ()): ("c",), ("p2", ("c",)): ("z",), ("t1", ("c", "z")): "fail"},
    ),
}

#: The same for bodies of workflows.
BODIES = {
    "a node that uses a call without nodes, in a call that waits for another": bodies.Case(
        Body(
            (
                Work("w1"),
                bodies.Call(
                    "c1",
                    Body((bodies.Call("c2", Body((), "x")), Work("w2", (Of("c2"),))), Of("w2")),
                    after=("w1",),
                ),
            ),
            Of("c1"),
        ),
        {"w1": "fail"},
    ),
    "a call whose result is one of its nodes, before which others come": bodies.Case(
        Body(
            (
                bodies.Call("c1", Body((Work("w1"), Work("w2")), Of("w1"))),
                Work("w3", (Of("c1"),)),
                Work("w4", after=("c1",)),
            ),
            Of("w3"),
        ),
        {"c1/w2": "fail"},
    ),
    "a share of a map that is counted exactly": bodies.Case(
        Body((Each("m1", 5, ratio=Fraction(4, 5)), Work("w1", (Of("m1"),))), Of("w1")),
        {"m1/2": "fail"},
    ),
}
