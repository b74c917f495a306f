"""``Out`` and ``DynamicOut``, and how a function's declarations are read."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import pickle
import types
import typing
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from typing import Annotated, Any, List  # noqa: UP035

import pytest

from airflow_dynamic_provider import DynamicOut, DynamicOutput, MetadataValue, Out, Output
from airflow_dynamic_provider.definitions.declarations import describe, read_declarations
from airflow_dynamic_provider.errors import DeclarationError, InvalidMetadataError
from tests.marking import shown
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure

both = pytest.mark.parametrize("declare", [Out, DynamicOut])


def produce():
    """A producing function without annotations."""


def annotated(annotation):
    """A producing function with this return annotation."""

    def produce():
        """Produces nothing."""

    produce.__annotations__ = {"return": annotation}
    return produce


@both
def test_a_declaration_without_arguments_takes_any_value_and_is_required(declare):
    out = declare()
    assert (out.type, out.description, out.is_required, out.metadata) == (Any, None, True, {})


@both
def test_the_type_is_the_only_positional_argument(declare):
    assert declare(int).type is int
    with pytest.raises(TypeError, match="positional argument"):
        declare(int, "a description")


@both
def test_a_declaration_cannot_be_changed(declare):
    with pytest.raises(dataclasses.FrozenInstanceError):
        declare().is_required = False


@both
def test_a_type_in_quotes_is_refused(declare):
    with refused(
        DeclarationError,
        "the declared type 'int' is a string, and a string cannot be checked. "
        "Pass the class or the annotation itself, without quotes.",
    ):
        declare("int")


@both
def test_metadata_of_a_declaration_is_normalised(declare):
    assert declare(metadata={"rows": 1}).metadata == {"rows": MetadataValue.int(1)}


@both
def test_metadata_that_cannot_be_stored_is_refused(declare):
    with refused(InvalidMetadataError, "metadata 'x': no metadata kind fits {1}"):
        declare(metadata={"x": {1}})


@both
def test_metadata_changed_after_the_declaration_changes_nothing(declare):
    metadata = {"owners": ["a"]}
    out = declare(metadata=metadata)
    metadata["owners"].append("b")
    metadata["more"] = 1
    assert out.metadata == {"owners": MetadataValue.json(["a"])}


@both
def test_a_copy_and_a_pickle_keep_every_field(declare):
    out = declare(list[int], description="numbers", is_required=False, metadata={"owner": "a"})
    default = declare()
    for field in dataclasses.fields(declare):
        kept = [field.name for field in dataclasses.fields(declare)]
        kept.remove(field.name)
        changed = dataclasses.replace(default, **{field.name: getattr(out, field.name)})
        assert getattr(changed, field.name) == getattr(out, field.name) != getattr(default, field.name)
        assert [getattr(changed, name) for name in kept] == [getattr(default, name) for name in kept]
    assert pickle.loads(pickle.dumps(out)) == out


def test_a_static_and_a_dynamic_declaration_are_never_equal():
    assert isinstance(DynamicOut(), Out)
    assert Out(int) != DynamicOut(int)
    assert (Out(int), DynamicOut(int)) == (Out(int), DynamicOut(int))
    assert Out(int) != Out(str)


@both
def test_the_text_of_a_declaration_shows_its_class_and_type(declare):
    assert repr(declare(int)).startswith(f"{declare.__name__}(type=<class 'int'>, description=None")


@both
def test_one_declaration_is_called_result(declare):
    out = declare(int)
    assert read_declarations(out, produce) == {"result": out}


def test_several_declarations_keep_their_names_and_order():
    outs = {"total": Out(int), "files": DynamicOut(str), "again": Out(int)}
    for given in (outs, types.MappingProxyType(outs)):
        read = read_declarations(given, produce)
        assert list(read.items()) == list(outs.items())


def test_declarations_read_from_a_dict_are_a_copy_of_it():
    outs = {"total": Out(int)}
    read = read_declarations(outs, produce)
    outs["more"] = Out(int)
    assert list(read) == ["total"]


def test_out_wins_over_the_annotation():
    assert read_declarations(Out(int), annotated(list[DynamicOutput[str]])) == {"result": Out(int)}


@pytest.mark.parametrize("out", [{}, [], [Out()], (), "files", str, DynamicOut, 7, False])
def test_what_is_no_declaration_is_refused(out):
    with refused(
        DeclarationError,
        f"Task 'produce': out= must be an Out, a DynamicOut or a dict of them, received {out!r}. "
        "Write out=DynamicOut(str), or",
    ):
        read_declarations(out, produce)


@pytest.mark.parametrize("declaration", [str, None, DynamicOut, "Out", {"a": Out()}])
def test_what_is_no_declaration_in_a_dict_is_refused(declaration):
    with refused(
        DeclarationError,
        "Task 'produce', output 'files': must be declared by an Out or a DynamicOut, "
        f"received {declaration!r}. Write Out(int) for one value, or DynamicOut(int) for one value per key.",
    ):
        read_declarations({"total": Out(), "files": declaration}, produce)


@pytest.mark.parametrize("name", ["not a name", "class", "_hidden", "return_value", 7])
def test_a_bad_output_name_is_refused_with_its_task(name):
    with refused(DeclarationError, f"Task 'produce': {name!r} is not a valid output name"):
        read_declarations({name: Out()}, produce)


CONTAINERS = [
    list[DynamicOutput[int]],
    List[DynamicOutput[int]],  # noqa: UP006
    Sequence[DynamicOutput[int]],
    Iterable[DynamicOutput[int]],
    Iterator[DynamicOutput[int]],
    Generator[DynamicOutput[int], None, None],
    AsyncIterable[DynamicOutput[int]],
    AsyncIterator[DynamicOutput[int]],
    AsyncGenerator[DynamicOutput[int], None],
    typing.Sequence[DynamicOutput[int]],
    typing.Iterable[DynamicOutput[int]],
    typing.Iterator[DynamicOutput[int]],
    typing.Generator[DynamicOutput[int], None, None],
    typing.AsyncIterable[DynamicOutput[int]],
    typing.AsyncIterator[DynamicOutput[int]],
    typing.AsyncGenerator[DynamicOutput[int], None],
    Annotated[list[DynamicOutput[int]], "with a note"],
]


@pytest.mark.parametrize("annotation", CONTAINERS, ids=str)
def test_a_container_of_dynamic_outputs_declares_a_dynamic_output(annotation):
    assert read_declarations(None, annotated(annotation)) == {"result": DynamicOut(int)}


@pytest.mark.parametrize(
    ("annotation", "declared"),
    [
        (list[DynamicOutput], Any),
        (list[DynamicOutput[Any]], Any),
        (list[DynamicOutput[list[str]]], list[str]),
        (list[DynamicOutput[int | None]], int | None),
        (list[DynamicOutput[Annotated[int, "positive"]]], Annotated[int, "positive"]),
    ],
    ids=str,
)
def test_the_item_of_the_annotation_is_the_declared_type(annotation, declared):
    assert read_declarations(None, annotated(annotation)) == {"result": DynamicOut(declared)}


def test_annotations_kept_as_text_are_evaluated():
    # This module has ``from __future__ import annotations``, so what follows are texts.
    def texts() -> list[DynamicOutput[str]]: ...

    def generates() -> Iterator[DynamicOutput[str]]: ...

    async def generates_asynchronously() -> AsyncIterator[DynamicOutput[str]]: ...

    for function in (texts, generates, generates_asynchronously):
        assert isinstance(function.__annotations__["return"], str)
        assert read_declarations(None, function) == {"result": DynamicOut(str)}


def test_an_argument_that_only_a_type_checker_can_read_hides_nothing():
    def produce(frame: pandas.DataFrame) -> list[DynamicOutput[str]]: ...  # noqa: F821

    assert read_declarations(None, produce) == {"result": DynamicOut(str)}


def test_the_annotation_of_a_wrapped_function_is_read_where_the_function_was_written():
    elsewhere = {"Known": DynamicOutput}
    exec("def produce() -> 'list[Known[str]]': ...", elsewhere)

    @functools.wraps(elsewhere["produce"])
    def wrapper(*args, **kwargs): ...

    assert read_declarations(None, wrapper) == {"result": DynamicOut(str)}


@pytest.mark.parametrize(
    "annotation",
    [
        list,
        List,  # noqa: UP006
        list[int],
        list[Output[int]],
        list[Any],
        dict[str, DynamicOutput[int]],
        tuple[DynamicOutput[int], ...],
        DynamicOutput[int],
        DynamicOutput,
        str,
        Any,
    ],
    ids=str,
)
def test_any_other_annotation_declares_nothing(annotation):
    with refused(
        DeclarationError,
        "Task 'produce': declares no output: there is no out= and the return annotation is "
        f"{annotation!r}. Write @task.dynamic(out=DynamicOut(str)), or annotate the function "
        "with -> list[DynamicOutput[str]].",
    ):
        read_declarations(None, annotated(annotation))


@pytest.mark.parametrize("function", [produce, len, functools.partial(produce), asyncio.Event()], ids=shown)
def test_no_annotation_declares_nothing(function):
    with refused(DeclarationError, "there is no out= and the return annotation is None. Write") as caught:
        read_declarations(None, function)
    assert caught.value.task_id == getattr(function, "__name__", str(function))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("list[DynamicOutput[NoSuchName]]", "name 'NoSuchName' is not defined"),
        ("list[typing.NoSuchName]", "module 'typing' has no attribute 'NoSuchName'"),
        ("list[DynamicOutput[str", "Forward reference must be an expression"),
        ("list[1 / 0]", "division by zero"),
    ],
)
def test_an_annotation_that_cannot_be_evaluated_is_refused_with_the_reason(text, reason):
    with refused(DeclarationError, f"the return annotation is {text!r}, which cannot be evaluated: {reason}"):
        read_declarations(None, annotated(text))


def test_declarations_are_described_by_a_table():
    outs = {
        "total": Out(int, description="How many there were", metadata={"owner": "a", "unit": None}),
        "files": DynamicOut(str),
        "rows": DynamicOut(list[int]),
    }
    assert describe(outs).splitlines() == [
        "| output | type | description |",
        "|---|---|---|",
        "| total | int | How many there were; owner: a; unit: None |",
        "| files | str per key |  |",
        "| rows | list[int] per key |  |",
    ]


def test_a_description_stays_in_its_cell():
    out = Out(
        int | None, description="one | two\n\nthree", metadata={"note": MetadataValue.md("# a\n\n| b |")}
    )
    assert describe({"result": out}).splitlines()[2:] == [
        r"| result | int \| None | one \| two three; note: # a \| b \| |"
    ]
