"""Templates: values with references in them, as JSON and back."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
import types
from datetime import date
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.errors import LayoutError, SelectionError, WorkflowCallError
from airflow_dynamic_provider.workflows.plan import dag_files, templates
from airflow_dynamic_provider.workflows.plan.references import Attribute, Reference
from tests.pure.json_objects import stored
from tests.pure.refusals import refused
from tests.pure.strategies import storable_text

pytestmark = pytest.mark.pure


class Row(NamedTuple):
    name: object
    values: object = ()


@dataclasses.dataclass(frozen=True)
class Leaf:
    value: object
    double: object = dataclasses.field(init=False, default=0)


steps = st.integers() | storable_text | storable_text.map(Attribute)
found = st.builds(Reference, storable_text, st.lists(steps, max_size=3).map(tuple))
# Neither is valid JSON, and a database may refuse it.
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | storable_text
keys = (
    scalars | st.tuples(scalars, scalars) | st.sampled_from(["$ref", "$tuple", "$class", "$dict", "fields"])
)
structures = st.recursive(
    scalars | found,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        | st.builds(Row, inner, inner)
        | st.builds(Leaf, inner)
    ),
    max_leaves=10,
)


def find(value):
    return value if isinstance(value, Reference) else None


def pack(value):
    return templates.pack(value, find)


def walk(value):
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Leaf):
        yield from walk(value.value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from walk(key)
            yield from walk(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from walk(item)


@given(structures)
def test_a_template_is_json_and_gives_its_value_back(value):
    template = json.loads(json.dumps(pack(value)))
    again = templates.resolve(template, lambda reference: reference)
    assert again == value
    assert repr(again) == repr(value)
    assert templates.resolve(stored(template), lambda reference: reference) == value


@given(structures)
def test_the_references_are_listed_in_order(value):
    assert templates.references(pack(value)) == list(walk(value))


@given(structures)
def test_renaming_renames_references_and_nothing_else(value):
    renamed = templates.renamed(pack(value), lambda name: f"x{name}")
    looked_up = templates.resolve(renamed, lambda reference: Reference(reference.name[1:], reference.path))
    assert repr(looked_up) == repr(value)


@given(structures)
def test_a_reference_gives_what_is_looked_up(value):
    assert templates.references(pack(templates.resolve(pack(value), lambda reference: 0))) == []


def test_the_stored_forms():
    value = [
        Reference("a"),
        Reference("b", (0, "k", Attribute("score"))),
        (1, 2),
        {"plain": 1},
        {1: 2},
        {"$ref": "not one"},
        Row("n"),
        Leaf(Reference("a")),
        date(2024, 1, 1),
    ]
    assert pack(value) == [
        {"$ref": "a"},
        {"$ref": "b", "path": [0, "k", {"$attribute": "score"}]},
        {"$tuple": [1, 2]},
        {"plain": 1},
        {"$dict": [[1, 2]]},
        {"$dict": [["$ref", "not one"]]},
        {"$class": f"{__name__}:Row", "fields": {"name": "n", "values": {"$tuple": []}}},
        {"$class": f"{__name__}:Leaf", "fields": {"value": {"$ref": "a"}}},
        date(2024, 1, 1),
    ]


def test_later_changes_do_not_show():
    inner = [1]
    value = {"a": inner}
    template = pack(value)
    inner.append(2)
    value["b"] = 3
    assert template == {"a": [1]}


def test_a_class_that_cannot_be_found_again_is_refused():
    @dataclasses.dataclass
    class Inside:
        value: int

    with refused(WorkflowCallError, "an object of the class"):
        pack([Inside(1)])


@dataclasses.dataclass
class Narrowed:
    value: int
    factor: dataclasses.InitVar[int]


def test_a_class_that_is_not_made_of_its_fields_is_refused():
    with refused(WorkflowCallError, "it cannot be created from its fields: missing a required argument"):
        pack(Narrowed(1, 2))


@pytest.mark.parametrize(
    "template",
    [
        {"$class": "subprocess:Popen", "fields": {"args": ["true"]}},
        {"$class": "builtins:eval", "fields": {}},
        {"$class": "no_such_module_at_all:Thing", "fields": {}},
        {"$class": f"{__name__}:Missing", "fields": {}},
        {"$class": None, "fields": {}},
    ],
)
def test_nothing_but_a_plain_class_is_ever_called(template):
    with pytest.raises(LayoutError, match=r"is not a dataclass or a NamedTuple|is not imported by"):
        templates.resolve(template, find)


@pytest.mark.parametrize(
    "template",
    [{"$new": 1}, {"$tuple": 3}, {"$dict": [[1]]}, {"$dict": 1}, {"$ref": 1}, {"$class": "a:b"}],
)
def test_an_unknown_form_is_refused(template):
    with pytest.raises(LayoutError, match=r"as it is stored|an entry of a stored dict"):
        templates.resolve([template], find)


def test_an_error_of_the_lookup_is_not_taken_for_one_of_the_template():
    def fail(reference):
        raise KeyError(reference.name)

    with pytest.raises(KeyError, match="a"):
        templates.resolve({"$tuple": [{"$ref": "a"}]}, fail)


NORTH, SOUTH, ELSEWHERE = (f"unusual_prefix_{letter * 40}_flows" for letter in "abc")

DAG_FILE = """
import dataclasses

@dataclasses.dataclass
class Row:
    {field}: int

def make():
    return Row(1)
"""


def read_dag_file(monkeypatch, name, field):
    """A Dag file as Airflow imports it."""
    module = types.ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(DAG_FILE.format(field=field), vars(module))
    return module


def dag_file_of(module):
    return dag_files.DagFile(module.__name__, vars(module))


def test_a_dag_files_class_is_that_of_the_tasks_own_file_wherever_it_lies(monkeypatch):
    north = read_dag_file(monkeypatch, NORTH, "size")
    south = read_dag_file(monkeypatch, SOUTH, "size")
    for own in (north, south):
        with dag_files.running("task", dag_file_of(own)):
            for name in (own.__name__, ELSEWHERE):
                row = templates.resolve({"$class": f"{name}:Row", "fields": {"size": 1}}, find)
                assert type(row) is own.Row


def test_a_class_of_another_dag_file_is_refused(monkeypatch):
    north = read_dag_file(monkeypatch, NORTH, "size")
    south = read_dag_file(monkeypatch, SOUTH, "size")
    with dag_files.running("plan", dag_file_of(north)):
        assert pack(north.make()) == {"$class": f"{NORTH}:Row", "fields": {"size": 1}}
        with refused(
            WorkflowCallError,
            "Task 'plan': an object of the class Row cannot go into a plan, because the class is defined in "
            "another Dag file",
        ):
            pack(south.make())
    other = {"$class": f"unusual_prefix_{'c' * 40}_tables:Row", "fields": {"size": 1}}
    with (
        dag_files.running("work", dag_file_of(north)),
        refused(LayoutError, "Task 'work': the class 'Row' belongs to the Dag file tables.py"),
    ):
        templates.resolve(other, find)


def test_without_a_dag_file_a_class_is_found_by_the_whole_name_only(monkeypatch):
    north = read_dag_file(monkeypatch, NORTH, "size")
    assert type(templates.resolve(pack(north.make()), find)) is north.Row
    with refused(LayoutError, f"the module '{ELSEWHERE}' of the class 'Row' in a plan is not imported by"):
        templates.resolve({"$class": f"{ELSEWHERE}:Row", "fields": {"size": 1}}, find)


def test_a_plan_has_no_module_imported_that_airflow_may_not_load(monkeypatch, tmp_path):
    (tmp_path / "never_imported.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with refused(LayoutError, "the module 'never_imported' of the class 'Row' in a plan is not imported by"):
        templates.resolve({"$class": "never_imported:Row", "fields": {}}, find)
    with refused(LayoutError, "the module 'airflow.no_such' of a class in a plan cannot be imported"):
        templates.resolve({"$class": "airflow.no_such:Row", "fields": {}}, find)


def test_a_dag_file_may_be_imported_twice(monkeypatch):
    first = read_dag_file(monkeypatch, NORTH, "size")
    second = read_dag_file(monkeypatch, NORTH, "size")
    with dag_files.running("task", dag_file_of(first)):
        for module in (first, second):
            assert type(templates.resolve(pack(module.make()), find)) is first.Row


def test_a_class_that_has_changed_since_is_refused_with_its_task(monkeypatch):
    north = read_dag_file(monkeypatch, NORTH, "weight")
    with (
        dag_files.running("work", dag_file_of(north)),
        refused(LayoutError, "Task 'work': the class 'Row' has changed since the plan was made"),
    ):
        templates.resolve({"$class": f"{NORTH}:Row", "fields": {"size": 1}}, find)


def test_a_task_that_is_copied_keeps_its_dag_file(monkeypatch):
    dag_file = dag_file_of(read_dag_file(monkeypatch, NORTH, "size"))
    assert copy.deepcopy([dag_file]) == [dag_file]


def test_selecting():
    value = {"rows": [Leaf(3)]}
    assert Reference("a", ("rows", 0, Attribute("value"))).select(value) == 3
    assert str(Reference("a", ("rows", 0, Attribute("value")))) == "a['rows'][0].value"
    with refused(SelectionError, "the output of 'a' has no ['rows'][1]: IndexError"):
        Reference("a", ("rows", 1, 2)).select(value)
    with refused(SelectionError, "has no ['rows'][0].size: AttributeError"):
        Reference("a", ("rows", 0, Attribute("size"))).select(value)
    with refused(SelectionError, "has no ['rows']['x']: TypeError"):
        Reference("a", ("rows", "x")).select(value)
