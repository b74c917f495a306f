"""Damaged stored documents. Every reader either reads one, or says what is wrong with it."""

from __future__ import annotations

import copy

import pytest

from airflow_dynamic_provider.errors import DynamicOutputsError, LayoutError
from airflow_dynamic_provider.execution.layout import StoredClone
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.progress import stored
from tests.pure.stored_documents import KINDS, example

pytestmark = pytest.mark.pure

ODD = (None, True, -1, 99, 1.5, "x", [], [[]], {}, {"a": {}}, [None])

#: Airflow itself stores the arguments of a trigger. The workflow in them has its own example.
READ = [(name, version) for name, kind in KINDS.items() for version in kind.versions if name != "trigger"]

#: A document without the package's fields is not one of the package's documents.
ABSENT = ("'task'", "'search'")


def places(document, way=()):
    """Yield the paths of everything in a document."""
    yield way
    if isinstance(document, dict | list):
        for step, each in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(each, (*way, step))


def damaged(document):
    """Yield the document with one value deleted, put into a list, or replaced."""
    for way in places({"whole": document}):
        for change in ("delete", "nest", *range(len(ODD))) if way else ():
            holder = {"whole": copy.deepcopy(document)}
            parent = holder
            for step in way[:-1]:
                parent = parent[step]
            if change == "delete" and len(way) > 1:
                del parent[way[-1]]
            else:
                parent[way[-1]] = [parent[way[-1]]] if isinstance(change, str) else ODD[change]
            yield holder["whole"]


def read(name, document):
    """Read a document, and return an error that is not the package's own, if there is one."""
    try:
        found = KINDS[name].read(document)
        if name == "plan":
            arguments = (each for node in found.nodes for each in node.arguments.values())
            for template in (found.output, *arguments):
                templates.references(template)
                templates.resolve(template, lambda _: None)
    except DynamicOutputsError as error:
        return None if len(str(error)) < 800 else error
    except Exception as error:
        return None if isinstance(error, KeyError) and str(error) in ABSENT else error
    return None


@pytest.mark.parametrize(("name", "version"), READ)
def test_a_damaged_document_is_read_or_refused_with_an_error_of_the_package(name, version):
    found = [(document, read(name, document)) for document in damaged(example(name, version))]
    assert [each for each in found if each[1] is not None] == []


@pytest.mark.parametrize("index", ["3", 3.0, None, True, [3]])
def test_a_place_is_a_whole_number(index):
    with pytest.raises(LayoutError, match="this is not the mark of a clone as it is stored"):
        StoredClone.unpack({**example("clone", 1), "map_index": index})


@pytest.mark.parametrize("index", [-1, 99, True])
def test_a_node_is_of_a_plan_that_is_there(index):
    document = copy.deepcopy(example("nodes", 1))
    document["nodes"][0][0] = index
    with pytest.raises(LayoutError, match="this is not a list of nodes as it is stored"):
        stored.unpack_nodes(document)
