"""The document by which pages and commands, which read only the stored Dag, know the facts about a task.

It is written while the Dag file is parsed, as a part of the task's ``doc_json``, which Airflow stores with
the Dag. The functions convert between Python objects and plain JSON, and do not call Airflow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, as_dict
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import build, misshapen, reading
from airflow_dynamic_provider.execution.spaces import JoinedSpace, NestedSpace, ProducedSpace, Space

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.declarations import Declarations

#: The field of ``doc_json`` for the package's own part.
_PART = "dynamic_outputs"

#: The field of ``doc_json`` for an author's own text that is not a JSON object.
_AUTHORS_TEXT = "text"

#: The fields of a key space that are key spaces themselves.
_LINKS: dict[type[Space], tuple[str, ...]] = {
    ProducedSpace: ("enclosing",),
    NestedSpace: ("enclosing", "outer"),
    JoinedSpace: ("enclosing", "left", "right"),
}


class DeclaredOutput(Record):
    """One output that a task declares.

    Attributes:
        name: The output.
        type: Its type as a string.
        description: The author's description.
        is_dynamic: Whether it has a value for each key.
        is_required: Whether a run that does not produce it is an error.
    """

    name: str
    type: str = "Any"
    description: str | None = None
    is_dynamic: bool = False
    is_required: bool = True


class BatchesOfTask(Record):
    """The tasks that prepare the batches of a task that runs many keys in one task instance.

    Attributes:
        lister_id: The task that divides its keys into batches.
        gate_id: The task that decides for each batch whether a key of it can start, if there is one.
    """

    lister_id: str
    gate_id: str | None = None


class TaskDocument(Record):
    """The facts about a task that pages and commands need.

    Attributes:
        outputs: The outputs that it declares.
        lists: The key space whose keys it lists, if any.
        clone_of: The key space that it is cloned for, if any.
        same_key: The upstream tasks for which a clone waits only for the clones that matter to its own key.
        needs_success: Whether the author lets it run only after all its upstream tasks succeeded.
        is_helper: Whether the package added it.
        batches: Its batches, if its map index is the number of a batch and not the position of a key.
        is_cached: Whether it keeps its results over runs.
    """

    outputs: tuple[DeclaredOutput, ...] = ()
    lists: Space | None = None
    clone_of: Space | None = None
    same_key: tuple[str, ...] = ()
    needs_success: bool = True
    is_helper: bool = False
    batches: BatchesOfTask | None = None
    is_cached: bool = False


def space_id(space: Space) -> str:
    """Return the name that pages and commands use for a key space. It is unique in a Dag."""
    if isinstance(space, (ProducedSpace, NestedSpace)):
        return f"{space.producer_id}.{space.output}"
    return space.keys_task_id


def declared_outputs(declarations: Declarations) -> tuple[DeclaredOutput, ...]:
    """Return a task's declarations as plain values."""
    from airflow_dynamic_provider.definitions.declarations import DynamicOut, type_name

    return tuple(
        DeclaredOutput(name, type_name(out), out.description, isinstance(out, DynamicOut), out.is_required)
        for name, out in declarations.items()
    )


def write_document(text: Any, document: TaskDocument) -> str:
    """Return a task's ``doc_json`` with the document added to it. The author's own text stays."""
    whole = read_object(text)
    if text and not whole:
        whole = {_AUTHORS_TEXT: text}
    packed = {
        "outputs": [as_dict(output) for output in document.outputs],
        "lists": _pack(document.lists),
        "clone_of": _pack(document.clone_of),
        "same_key": list(document.same_key),
        "takes_failures": not document.needs_success,
        "is_helper": document.is_helper,
        "batches": None if document.batches is None else as_dict(document.batches),
        "is_cached": document.is_cached,
    }
    return json.dumps({**whole, _PART: {name: part for name, part in packed.items() if part}})


def read_object(text: Any) -> dict[str, Any]:
    """Return the JSON object in a task's ``doc_json``. It is empty if ``doc_json`` is not a JSON object."""
    try:
        whole = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return whole if isinstance(whole, dict) else {}


def read_documents(tasks: Iterable[Any]) -> dict[str, TaskDocument]:
    """Return task id -> document for the tasks of a Dag that have one, with one object for each key space.

    Raises:
        LayoutError: The release that parsed the Dag file stored a document that this release cannot read.
    """
    spaces: dict[str, Space] = {}
    parts = {task.task_id: read_object(getattr(task, "doc_json", None)).get(_PART) for task in tasks}
    return {
        task_id: _read_document(task_id, part, spaces)
        for task_id, part in parts.items()
        if isinstance(part, Mapping)
    }


def _read_document(task_id: str, part: Mapping[str, Any], spaces: dict[str, Space]) -> TaskDocument:
    try:
        with reading("the document of a task", part):
            return _unpack_document(part, spaces)
    except LayoutError as error:
        raise error.about(task_id=task_id) from error


def _unpack_document(part: Mapping[str, Any], spaces: dict[str, Space]) -> TaskDocument:
    return TaskDocument(
        tuple(build(DeclaredOutput, "a declared output", each) for each in part.get("outputs", ())),
        _unpack(part.get("lists"), spaces),
        _unpack(part.get("clone_of"), spaces),
        tuple(part.get("same_key", ())),
        not part.get("takes_failures"),
        bool(part.get("is_helper")),
        None if (batches := part.get("batches")) is None else build(BatchesOfTask, "batches", batches),
        bool(part.get("is_cached")),
    )


def _pack(space: Space | None) -> dict[str, Any] | None:
    if space is None:
        return None
    packed: dict[str, Any] = {"keys_task_id": space.keys_task_id, "keys_xcom": space.keys_xcom}
    if isinstance(space, JoinedSpace):
        packed |= {"left": _pack(space.left), "right": _pack(space.right), "how": space.how}
    else:
        assert isinstance(space, (ProducedSpace, NestedSpace))
        packed |= {name: getattr(space, name) for name in ("producer_id", "output", "is_required")}
    if isinstance(space, NestedSpace):
        packed["outer"] = _pack(space.outer)
    if space.enclosing is not None:
        packed["enclosing"] = _pack(space.enclosing)
    return packed


def _unpack(packed: Mapping[str, Any] | None, known: dict[str, Space]) -> Space | None:
    """Return a key space. A name always returns the same object, because spaces are compared by identity."""
    if packed is None:
        return None
    if not isinstance(packed, Mapping):
        raise misshapen("a key space", packed)
    space = _unpack_one(packed, known)
    return known.setdefault(space_id(space), space)


def _unpack_one(packed: Mapping[str, Any], known: dict[str, Space]) -> Space:
    kind: type[Space] = ProducedSpace
    if "how" in packed or "outer" in packed:
        kind = JoinedSpace if "how" in packed else NestedSpace
    linked = {name: _unpack(packed[name], known) for name in _LINKS[kind] if name in packed}
    linked.setdefault("enclosing", None)
    return build(kind, "a key space", packed, **linked)
