"""The uses of a promise in a workflow's body, and the refusal of everything else."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import math
import operator
import pickle
from typing import NamedTuple

import pytest
from airflow.sdk import task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import DynamicOutputsError, PromiseUsageError, WorkflowCallError
from airflow_dynamic_provider.workflows.recording.current import current_recorder
from airflow_dynamic_provider.workflows.recording.promises import Promise
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


class Point(NamedTuple):
    x: int
    y: list[int]


@dataclasses.dataclass
class Model:
    score: float
    point: Point


class Holder:
    def __init__(self, held):
        self.held = held


@task
def make(value=None): ...


@task
def take(value=None): ...


@task
def nothing(value=None) -> None: ...


@task
def pair() -> tuple[int, list[str]]: ...


@task
def many() -> tuple[int, ...]: ...


@task
def point() -> Point: ...


@task
def model() -> Model: ...


def plan(body):
    """Plan a body that only uses the tasks above."""
    return dynamic_workflow(node_dependency_hints=[make, take, nothing, pair, many, point, model])(body).plan(
        {}
    )


def call(promise):
    promise()


async def wait(promise):
    await promise


def awaited(promise):
    wait(promise).send(None)


def entered(promise):
    with promise:
        pass


def unpacked(promise):
    _one, _two = promise


def iterated(promise):
    for _each in promise:
        pass


def added_in_place(promise):
    promise += 1


def assigned(promise):
    promise.size = 3


def item_assigned(promise):
    promise[0] = 3


def item_deleted(promise):
    del promise[0]


def deleted(promise):
    del promise.size


MISUSES = {
    "if": (lambda p: 1 if p else 2, "used as a truth value"),
    "bool": (bool, "used as a truth value"),
    "not": (operator.not_, "used as a truth value"),
    "and": (lambda p: p and 1, "used as a truth value"),
    "assert_in": (lambda p: 3 in p, "searched with `in`"),
    "in a list": (lambda p: p in [1, 2], "compared with =="),
    "in a set": (lambda p: p in {1, 2}, "looked up in a set or a dict, or put into one"),
    "a set": (lambda p: {p}, "looked up in a set or a dict, or put into one"),
    "a frozenset": (lambda p: frozenset([(1, p)]), "looked up in a set or a dict, or put into one"),
    "a key": (lambda p: {(1, p): 1}, "looked up in a set or a dict, or put into one"),
    "a table": (lambda p: {1: "one"}.get(p), "looked up in a set or a dict, or put into one"),
    "eq": (lambda p: p == 1, "compared with =="),
    "eq reversed": (
        lambda p: 1 == p,  # noqa: SIM300
        "compared with ==",
    ),
    "ne": (lambda p: p != 1, "compared with !="),
    "lt": (lambda p: p < 1, "compared with <"),
    "le": (lambda p: p <= 1, "compared with <="),
    "gt": (lambda p: p > 1, "compared with >"),
    "ge": (lambda p: p >= 1, "compared with >="),
    "max": (lambda p: max(p, 2), "compared with"),
    "sorted": (lambda p: sorted([p, 2]), "compared with"),
    "add": (lambda p: p + 1, "calculated with: +"),
    "radd": (lambda p: 1 + p, "calculated with: +"),
    "text add": (lambda p: "a" + p, "calculated with: +"),
    "list add": (lambda p: [1] + p, "calculated with: +"),  # noqa: RUF005
    "in place": (added_in_place, "calculated with: +"),
    "sub": (lambda p: p - 1, "calculated with: -"),
    "rsub": (lambda p: 1 - p, "calculated with: -"),
    "mul": (lambda p: p * 2, "calculated with: *"),
    "rmul": (lambda p: 2 * p, "calculated with: *"),
    "truediv": (lambda p: p / 2, "calculated with: /"),
    "rtruediv": (lambda p: 2 / p, "calculated with: /"),
    "floordiv": (lambda p: p // 2, "calculated with: //"),
    "rfloordiv": (lambda p: 2 // p, "calculated with: //"),
    "mod": (lambda p: p % 2, "calculated with: %"),
    "rmod": (lambda p: 2 % p, "calculated with: %"),
    "pow": (lambda p: p**2, "calculated with: **"),
    "rpow": (lambda p: 2**p, "calculated with: **"),
    "matmul": (lambda p: p @ p, "calculated with: @"),
    "bit and": (lambda p: p & 1, "calculated with: &"),
    "bit rand": (lambda p: 1 & p, "calculated with: &"),
    "bit or": (lambda p: p | 1, "calculated with: |"),
    "bit ror": (lambda p: {} | p, "calculated with: |"),
    "xor": (lambda p: p ^ 1, "calculated with: ^"),
    "rxor": (lambda p: 1 ^ p, "calculated with: ^"),
    "divmod": (lambda p: divmod(p, 2), "calculated with: divmod"),
    "rdivmod": (lambda p: divmod(2, p), "calculated with: divmod"),
    "neg": (lambda p: -p, "calculated with: -"),
    "pos": (lambda p: +p, "calculated with: +"),
    "invert": (lambda p: ~p, "calculated with: ~"),
    "abs": (abs, "calculated with: abs"),
    "round": (round, "rounded"),
    "floor": (math.floor, "rounded"),
    "ceil": (math.ceil, "rounded"),
    "trunc": (math.trunc, "rounded"),
    "int": (int, "made an int"),
    "float": (float, "made a float"),
    "complex": (complex, "made a complex"),
    "range": (range, "used as an index or a count"),
    "index": (lambda p: [1, 2][p], "used as an index or a count"),
    "bytes": (bytes, "made bytes"),
    "len": (len, "asked for its length"),
    "sum": (lambda p: sum([p]), "calculated with: +"),
    "for": (iterated, "iterated or unpacked"),
    "list": (list, "asked for its length|iterated or unpacked"),
    "extend": (lambda p: [].extend(p), "iterated or unpacked|asked for its length"),
    "star": (lambda p: make(*p), "iterated or unpacked"),
    "zip": (lambda p: list(zip(p, [1], strict=False)), "iterated or unpacked"),
    "unpack": (unpacked, "iterated or unpacked"),
    "reversed": (reversed, "iterated in reverse"),
    "next": (next, "asked for its next item"),
    "str": (str, "converted to a string"),
    "print": (print, "converted to a string"),
    "f-string": (lambda p: f"a {p}", "formatted into a string"),
    "f-string !s": (lambda p: f"a {p!s}", "converted to a string"),
    "format": (lambda p: "a {}".format(p), "formatted into a string"),  # noqa: UP032
    "percent": (lambda p: "a %s" % p, "calculated with: %|converted to a string"),  # noqa: UP031
    "path": (open, "used as a path"),
    "call": (call, "was called"),
    "await": (awaited, "awaited"),
    "with": (entered, "used in a `with`"),
    "attribute": (lambda p: p.size, "asked for its attribute 'size'"),
    "method": (lambda p: p.append(1), "asked for its attribute 'append'"),
    "hasattr": (lambda p: hasattr(p, "size"), "asked for its attribute 'size'"),
    "slice": (lambda p: p[1:3], "sliced"),
    "promise index": (lambda p: p[p], "indexed by another promise"),
    "float index": (lambda p: p[1.5], "indexed by 1.5"),
    "bool index": (lambda p: p[True], "indexed by True"),
    "tuple index": (lambda p: p[1, 2], "indexed by (1, 2)"),
    "set item": (item_assigned, "changed by an assignment to an item"),
    "del item": (item_deleted, "changed by deleting an item"),
    "set attribute": (assigned, "given an attribute 'size'"),
    "del attribute": (deleted, "asked to delete its attribute 'size'"),
    "copy": (copy.copy, "copied or pickled"),
    "deepcopy": (copy.deepcopy, "copied or pickled"),
    "pickle": (pickle.dumps, "copied or pickled"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_promise_is_not_its_value(name):
    misuse, messages = MISUSES[name]

    def body():
        misuse(make())

    with pytest.raises(PromiseUsageError) as caught:
        plan(body)
    text = str(caught.value)
    assert text.startswith("the output of 'make' is a promise, not yet a value, and was ")
    assert any(message in text for message in messages.split("|"))
    assert caught.value.remedy in text
    assert caught.value.line.startswith("test_workflow_promises.py, line ")
    assert text.endswith(f"({caught.value.line})")


def test_the_line_and_its_source_are_the_authors():
    def body():
        first = make()
        return first[0]["rows"] + 1

    with pytest.raises(PromiseUsageError) as caught:
        plan(body)
    line = inspect.getsourcelines(body)[1] + 2
    expected = f'test_workflow_promises.py, line {line}: return first[0]["rows"] + 1'
    assert caught.value.line == expected
    assert "the output of \"make[0]['rows']\" is a promise" in str(caught.value)


def test_json_is_refused_by_json_itself():
    with pytest.raises(TypeError, match="not JSON serializable"):
        plan(lambda: json.dumps(make()))


def test_what_a_promise_can_be_asked():
    def body():
        one, other = make(), make()
        assert one is one
        assert one is not other
        assert one in [one, other]
        assert isinstance(one, Promise)
        assert repr(one["a"][0]) == "<promise of make['a'][0]>"

    plan(body)


def test_indices_and_keys_are_kept_as_steps():
    made = plan(lambda: [make()[0], make()[-1], make()["a"]["b"][2]])
    assert made.output == [
        {"$ref": "make", "path": [0]},
        {"$ref": "make-2", "path": [-1]},
        {"$ref": "make-3", "path": ["a", "b", 2]},
    ]


def test_a_tuple_of_known_length_can_be_unpacked():
    def body():
        number, texts = pair()
        return texts[0], number

    assert plan(body).output == {"$tuple": [{"$ref": "pair", "path": [1, 0]}, {"$ref": "pair", "path": [0]}]}


def test_unpacking_into_another_number_of_names_is_pythons_error():
    with pytest.raises(ValueError, match="too many values to unpack"):
        plan(lambda: (lambda a: a)(*[one for (one,) in [pair()]]))


def test_a_tuple_of_unknown_length_cannot_be_unpacked():
    with refused(PromiseUsageError, "iterated or unpacked"):
        plan(lambda: [*many()])


def test_an_index_beyond_the_annotation_is_refused():
    with refused(PromiseUsageError, "indexed by 2, but its annotation has fewer values"):
        plan(lambda: pair()[2])


def test_a_named_tuple_has_its_fields():
    def body():
        x, y = point()
        return [x, y[0], point().y]

    assert plan(body).output == [
        {"$ref": "point", "path": [0]},
        {"$ref": "point", "path": [1, 0]},
        {"$ref": "point-2", "path": [1]},
    ]


def test_a_dataclass_has_its_fields_and_no_others():
    assert plan(lambda: model().point.y).output == {
        "$ref": "model",
        "path": [{"$attribute": "point"}, 1],
    }
    with refused(PromiseUsageError, "asked for its attribute 'scores'"):
        plan(lambda: model().scores)


@pytest.mark.parametrize(
    "use",
    [
        lambda p: take(p),
        lambda p: take([{"a": p}]),
        lambda p: p[0],
        lambda p: [p],
    ],
)
def test_a_task_that_returns_nothing_has_no_value(use):
    with refused(PromiseUsageError, "'nothing' has no value, because it is annotated with -> None"):
        plan(lambda: use(nothing()))


def test_a_task_that_returns_nothing_can_be_ordered():
    def body():
        make() >> nothing() >> take()

    assert [(node.name, node.after) for node in plan(body).nodes] == [
        ("make", ()),
        ("nothing", ("make",)),
        ("take", ("nothing",)),
    ]


@pytest.mark.parametrize(
    ("hide", "message"),
    [
        (Holder, "a promise is inside a Holder"),
        (lambda p: Holder([{"a": p}]), "a promise is inside a Holder"),
        (lambda p: (each for each in [p]), "a generator is passed on or returned"),
        (lambda p: map(str, [1]), "a map is passed on or returned"),
        (lambda p: range(3), "a range is passed on or returned"),
        (lambda p: {"a": p}.values(), "a dict_values is passed on or returned"),
        (lambda p: make, "'make' itself is passed on or returned"),
        (lambda p: [make], "'make' itself is passed on or returned"),
    ],
)
@pytest.mark.parametrize("place", ["argument", "output"])
def test_what_a_plan_cannot_carry_is_refused(hide, message, place):
    def body():
        hidden = hide(make())
        return take([hidden]) if place == "argument" else [hidden]

    with pytest.raises(WorkflowCallError) as caught:
        plan(body)
    assert message in str(caught.value)
    assert "test_workflow_promises.py, line" in str(caught.value)


def test_a_promise_of_another_recording_is_refused():
    kept = []
    plan(lambda: kept.append(make()))
    with refused(PromiseUsageError, "used outside of the body that made it"):
        plan(lambda: take(kept[0]))
    with refused(PromiseUsageError, "used outside of the body that made it"):
        plan(lambda: kept[0] >> make())
    with refused(PromiseUsageError, "used outside of the body that made it"):
        kept[0] >> kept[0]


@pytest.mark.parametrize("constant", [1, "text", None, [1], {"a": 1}])
def test_only_calls_can_be_ordered(constant):
    with pytest.raises(WorkflowCallError, match="cannot be ordered before or after"):
        plan(lambda: make() >> constant)
    with pytest.raises(WorkflowCallError, match="cannot be ordered before or after"):
        plan(lambda: constant << make())


def orders(body):
    return {node.name: set(node.after) for node in plan(body).nodes if node.after}


def test_every_form_of_ordering():
    def forward():
        make() >> [take(), nothing()] >> point()

    def forward_from_list():
        [make(), take()] >> point()

    def backward():
        point() << [make(), take()]

    def backward_from_list():
        [take(), point()] << make()

    def tuples():
        (make(), pair()) >> take()

    def parts():
        first, _ = pair()
        first >> take() << make()[0]

    assert orders(forward) == {
        "take": {"make"},
        "nothing": {"make"},
        "point": {"take", "nothing"},
    }
    assert orders(forward_from_list) == {"point": {"make", "take"}}
    assert orders(backward) == {"point": {"make", "take"}}
    assert orders(backward_from_list) == {"take": {"make"}, "point": {"make"}}
    assert orders(tuples) == {"take": {"make", "pair"}}
    assert orders(parts) == {"take": {"pair", "make"}}


def test_an_order_against_that_of_the_calls():
    def body():
        last, first = take(), make()
        first >> last

    assert [node.name for node in plan(body).nodes] == ["make", "take"]


def test_no_recording_is_left_behind():
    with pytest.raises(DynamicOutputsError):
        plan(lambda: make() + 1)
    assert current_recorder() is None
    assert make.expand.__qualname__ == "_TaskDecorator.expand"
