"""The oracle follows the rules of keys, and programs are built and cut down properly.

These tests run without Airflow. Each program is small enough to see its expected result.
"""

from __future__ import annotations

from fractions import Fraction

import pytest

from tests.differential import programs
from tests.differential.generate import generate
from tests.differential.oracle import AmbiguousError, expect
from tests.differential.programs import (
    All,
    Call,
    Case,
    Map,
    Names,
    Outcomes,
    Produce,
    Product,
    States,
    Zip,
    without_batches,
)
from tests.differential.shrink import smaller

CHAIN = (
    Produce("p"),
    Map("p", (Call("t", ("p",)), Call("u", ("t",)))),
)

NESTED = (
    Produce("p"),
    Map("p", (Produce("q"), Map("q", (Call("t"),)), Call("u", (All("t", keyed=True),)))),
)


def outcome(program, table, task, *path):
    return expect(program, table).outcomes[task][path]


def value(program, table, task, *path):
    made = outcome(program, table, task, *path)
    assert made.state == "success"
    return made.value


def what_became_of(program, table, task, *path):
    """Return the value, or the state if there is no value."""
    made = outcome(program, table, task, *path)
    return made.value if made.state == "success" else made.state


def states(program, table, task):
    return {"/".join(path): made.state for path, made in expect(program, table).outcomes[task].items()}


def test_a_value_names_the_task_the_key_and_the_arguments():
    table = {("p", ()): ("b", "a"), ("p", ("a",)): "none", ("t", ("b",)): "v2"}
    assert value(CHAIN, table, "u", "b") == "u[b](t!v2[b](p[b]()))"
    assert value(CHAIN, table, "t", "a") == "t[a](None)"


def test_each_key_goes_its_own_way():
    table = {("p", ()): ("a", "b", "c"), ("t", ("a",)): "fail", ("t", ("b",)): "skip"}
    assert states(CHAIN, table, "t") == {"a": "failed", "b": "skipped", "c": "success"}
    assert states(CHAIN, table, "u") == {"a": "upstream_failed", "b": "skipped", "c": "success"}


def collecting(argument):
    return (*CHAIN, Call("c", (argument,)))


@pytest.mark.parametrize(
    ("argument", "behaviour", "expected"),
    [
        (All("t"), "skip", "c([t[a](p[a]())])"),
        (All("t", keyed=True), "none", "c({a: t[a](p[a]()), b: None})"),
        (All("t"), "fail", "upstream_failed"),
        (All("u"), "fail", "upstream_failed"),
        (All("t", ratio=Fraction("0.5")), "fail", "c([t[a](p[a]())])"),
        (All("t", ratio=Fraction("0.6")), "fail", "failed"),
        (All("t", ratio=Fraction("0.9")), "skip", "c([t[a](p[a]())])"),
        (States("u"), "fail", "c({a: success, b: upstream_failed})"),
        (Outcomes("u"), "fail", "c({a: success u[a](t[a](p[a]())), b: upstream_failed})"),
    ],
)
def test_collections(argument, behaviour, expected):
    table = {("p", ()): ("a", "b"), ("t", ("b",)): behaviour}
    made = what_became_of(collecting(argument), table, "c")
    assert made == expected


@pytest.mark.parametrize("argument", [All("t"), All("t", ratio=Fraction("0.5")), States("t")])
@pytest.mark.parametrize(("behaviour", "state"), [("fail", "upstream_failed"), ("skip", "skipped")])
def test_a_collector_whose_producing_task_did_not_succeed(argument, behaviour, state):
    assert outcome(collecting(argument), {("p", ()): behaviour}, "c").state == state


def test_no_keys():
    assert value(collecting(All("t", keyed=True)), {("p", ()): ()}, "c") == "c({})"
    assert value(collecting(All("t", ratio=Fraction("0.9"))), {("p", ()): ()}, "c") == "c([])"


def joined(how):
    return (
        Produce("p"),
        Produce("q"),
        Zip("z", "p", "q", how),
        Map("z", (Call("t", ("z",)),)),
        Call("c", (All("t"),)),
    )


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", "c([t[b](p[b](), q[b]())])"),
        ("outer", "c([t[a](p[a](), None), t[b](p[b](), q[b]()), t[d](None, q[d]())])"),
        ("strict", "upstream_failed"),
    ],
)
def test_zips(how, expected):
    made = what_became_of(joined(how), {("p", ()): ("a", "b"), ("q", ()): ("d", "b")}, "c")
    assert made == expected


def test_a_zipped_key_whose_sides_failed_and_were_skipped_failed():
    program = (
        Produce("p"),
        Map("p", (Call("t"), Call("u"))),
        Zip("z", "t", "u"),
        Map("z", (Call("v", ("z",)),)),
    )
    table = {("p", ()): ("a", "b"), ("t", ("a",)): "skip", ("u", ("a",)): "fail", ("t", ("b",)): "skip"}
    assert states(program, table, "v") == {"a": "upstream_failed", "b": "skipped"}


def test_a_product_pairs_every_key_with_every_key():
    program = (
        Produce("p"),
        Produce("q"),
        Product("x", "p", "q"),
        Map("x", (Call("t", ("x",)),)),
        Call("c", (All("t", keyed=True),)),
    )
    table = {("p", ()): ("b", "a"), ("q", ()): ("x", "y"), ("t", ("a", "x")): "skip"}
    paths = expect(program, table).outcomes["t"]
    assert list(paths) == [("b", "x"), ("b", "y"), ("a", "x"), ("a", "y")]
    assert value(program, table, "c") == (
        "c({b: {x: t[b/x](p[b](), q[x]()), y: t[b/y](p[b](), q[y]())}, a: {y: t[a/y](p[a](), q[y]())}})"
    )


def test_a_nested_collection_has_the_values_of_its_outer_key():
    table = {
        ("p", ()): ("a", "b"),
        ("q", ("a",)): ("x", "y"),
        ("q", ("b",)): ("x",),
        ("t", ("a", "y")): "skip",
    }
    assert value(NESTED, table, "u", "a") == "u[a]({x: t[a/x]()})"
    assert value(NESTED, table, "u", "b") == "u[b]({x: t[b/x]()})"


def test_a_nested_task_that_fails_concerns_its_outer_key_only():
    table = {
        ("p", ()): ("a", "b", "c", "d"),
        ("t", ("a", "x")): "fail",
        ("q", ("b",)): "fail",
        ("q", ("c",)): "skip",
    }
    assert states(NESTED, table, "u") == {
        "a": "upstream_failed",
        "b": "upstream_failed",
        "c": "skipped",
        "d": "success",
    }


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (All("t"), "upstream_failed"),
        (All("t", ratio=Fraction("0.5")), "c([t[a/x]()])"),
        (All("t", ratio=Fraction("0.6")), "failed"),
        (All("t", keyed=True, ratio=Fraction("0.5")), "c({a: {x: t[a/x]()}, d: {}})"),
        (States("t"), "c({a: {x: success}, b: failed, c: skipped, d: {}})"),
        (Outcomes("t"), "c({a: {x: success t[a/x]()}, b: failed, c: skipped, d: {}})"),
    ],
)
def test_a_nested_output_collected_outside(argument, expected):
    program = (*NESTED, Call("c", (argument,)))
    table = {("p", ()): ("a", "b", "c", "d"), ("q", ("b",)): "fail", ("q", ("c",)): "skip", ("q", ("d",)): ()}
    made = what_became_of(program, table, "c")
    assert made == expected


def test_what_depends_on_timing_is_not_decided():
    program = (Produce("p"), Map("p", (Call("t"), Call("u"), Call("v", ("t", "u")))))
    with pytest.raises(AmbiguousError):
        expect(program, {("p", ()): ("a",), ("t", ("a",)): "fail", ("u", ("a",)): "skip"})


def test_most_maps_run_in_batches():
    """In half of the programs all do. In the rest, others are before, between and behind them."""
    maps = [each for seed in range(300) for each in generate(seed).program if isinstance(each, Map)]
    flat = [each for each in maps if all(isinstance(inner, Call) for inner in each.body)]
    batched = [each for each in flat if each.batches is not None]
    assert 0.6 * len(flat) < len(batched) < 0.9 * len(flat)
    assert {each.batches.size for each in batched} == {1, 2, 3, 100}
    assert {each.batches.concurrency for each in batched} == {None, 2}
    assert {each.batches.runner for each in batched} == {None, "threads", "processes"}


def test_batches_change_nothing_that_is_expected():
    case = next(case for case in map(generate, range(100)) if Names(case.program).batches)
    plain = without_batches(case.program)
    assert not Names(plain).batches
    assert expect(plain, case.table) == expect(case.program, case.table)
    while (smaller_case := next(filter(has_batches, smaller(case)), None)) is not None:
        case = smaller_case
    assert [each.batches.concurrency for each in case.program if isinstance(each, Map)] == [None]


def has_batches(case):
    return bool(Names(case.program).batches)


def test_a_seed_always_gives_the_same_case():
    assert [repr(generate(seed)) for seed in range(50)] == [repr(generate(seed)) for seed in range(50)]


@pytest.mark.parametrize("seed", range(50))
def test_a_case_is_shown_as_the_code_that_makes_it(seed):
    case = generate(seed)
    assert eval(repr(case), {**vars(programs), "Fraction": Fraction}) == case


def test_a_case_is_cut_down_to_what_matters():
    """Only a task that collects nested outputs outside the map matters here."""
    case = next(case for case in map(generate, range(1000)) if collects_nested(case))
    while (candidate := next(filter(collects_nested, smaller(case)), None)) is not None:
        case = candidate
    outer, *_, collector = case.program
    names = Names(case.program)
    assert set(names.infos) == {collector.name, *names.above(collector.name), *mapped(case.program)}
    assert (case.table, case.steps) == ({(outer.name, ()): ()}, ())


def mapped(program):
    """Return the handles that are mapped. Their maps must stay, whatever they are mapped over."""
    maps = [each for each in program if isinstance(each, Map)]
    return {name for each in maps for name in (each.over, *mapped(each.body))}


def collects_nested(case: Case) -> bool:
    names = Names(case.program)
    return any(
        isinstance(argument, All) and len(names[argument.of].space) > 1
        for statement in case.program
        if isinstance(statement, Call)
        for argument in statement.args
    )
