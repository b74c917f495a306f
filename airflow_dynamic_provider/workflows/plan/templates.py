"""Templates: values with references, as plain JSON, for the arguments of a node and the output of a plan.

======================================  =================================================================
a value                                 its template
======================================  =================================================================
a promise                               ``{"$ref": name}``, with ``"path": [...]`` if it was indexed; an
                                        attribute in the path is ``{"$attribute": name}``
a tuple                                 ``{"$tuple": [...]}``
a string to be rendered                 ``{"$template": string}``
a dict with string keys without ``$``   itself
any other dict                          ``{"$dict": [[key, value], ...]}``
a NamedTuple, a dataclass               ``{"$class": "module:Class", "fields": {...}}``
a list                                  itself
everything else                         itself; XCom's serializer carries it
======================================  =================================================================
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import LayoutError, WorkflowCallError
from airflow_dynamic_provider.execution.forms import reading
from airflow_dynamic_provider.workflows.plan import dag_files
from airflow_dynamic_provider.workflows.plan.references import Attribute, Known, Reference, Step
from airflow_dynamic_provider.workflows.plan.template_text import Template

if TYPE_CHECKING:
    from airflow_dynamic_provider.workflows.plan.dag_files import DagFile

#: Returns the reference of a promise or its known value, ``None`` for any other value; refuses values that
#: cannot be in a plan.
Finder = Callable[[Any], Reference | Known | None]
Lookup = Callable[[Reference], Any]

_PLAIN = frozenset({str, int, float, bool, type(None)})


def pack(value: Any, find: Finder) -> Any:
    """Return the template of a value. Containers are copied, so that later changes have no effect.

    Raises:
        WorkflowCallError: Another process could not find the class of a dataclass or a NamedTuple.
        DynamicOutputsError: ``find`` refuses a value.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is Template:
        return {"$template": str(value)}
    if (found := find(value)) is not None:
        return pack(found.value, find) if isinstance(found, Known) else _pack_reference(found)
    if kind is list:
        return [pack(item, find) for item in value]
    if isinstance(value, dict):
        return _pack_dict(value, find)
    if isinstance(value, tuple):
        if (names := getattr(kind, "_fields", None)) is not None:
            named = zip(names, value, strict=True)
            return _pack_object(kind, {name: pack(item, find) for name, item in named})
        return {"$tuple": [pack(item, find) for item in value]}
    if isinstance(value, list):
        return [pack(item, find) for item in value]
    if dataclasses.is_dataclass(kind):
        names = [each.name for each in dataclasses.fields(kind) if each.init]
        return _pack_object(kind, {name: pack(getattr(value, name), find) for name in names})
    return value


def resolve(template: Any, lookup: Lookup) -> Any:
    """Return the value of a template.

    Args:
        template: A template made by `pack`.
        lookup: Returns the value of a reference, with its path applied (see `Reference.select`).

    Raises:
        LayoutError: It is not a template, or it names something that is missing or not a suitable class.
    """
    kind = type(template)
    if kind in _PLAIN:
        return template
    if isinstance(template, Mapping):
        return _resolve_mapping(template, lookup)
    if isinstance(template, list):
        return [resolve(item, lookup) for item in template]
    return template


def references(template: Any) -> list[Reference]:
    """Return the references in a template, in their order."""
    return list(_walk(template))


def constants(template: Any) -> Iterator[Any]:
    """Yield the values in a template that `pack` left unchanged and that are not plain JSON."""
    if isinstance(template, Mapping):
        for item in template.values():
            yield from constants(item)
    elif isinstance(template, list):
        for item in template:
            yield from constants(item)
    elif type(template) not in _PLAIN:
        yield template


def renamed(template: Any, rename: Callable[[str], str]) -> Any:
    """Return the template with other names in its references."""
    kind = type(template)
    if kind in _PLAIN:
        return template
    if isinstance(template, Mapping):
        if "$ref" in template:
            return {**template, "$ref": rename(template["$ref"])}
        return {key: renamed(item, rename) for key, item in template.items()}
    if isinstance(template, list):
        return [renamed(item, rename) for item in template]
    return template


def _walk(template: Any) -> Iterator[Reference]:
    if isinstance(template, Mapping):
        if "$ref" in template:
            yield _unpack_reference(template)
            return
        for item in template.values():
            yield from _walk(item)
    elif isinstance(template, list):
        for item in template:
            yield from _walk(item)


def _pack_reference(reference: Reference) -> dict[str, Any]:
    path = [{"$attribute": step.name} if isinstance(step, Attribute) else step for step in reference.path]
    return {"$ref": reference.name, "path": path} if path else {"$ref": reference.name}


def _unpack_reference(template: Mapping[str, Any]) -> Reference:
    with reading("a reference", template):
        name, path = template["$ref"], template.get("path", ())
        if not isinstance(name, str) or not isinstance(path, list | tuple):
            raise TypeError("a reference has a name and a list of steps")
        return Reference(name, tuple(map(_unpack_step, path)))


def _unpack_step(step: Any) -> Step:
    if isinstance(step, Mapping) and set(step) == {"$attribute"}:
        return Attribute(step["$attribute"])
    if not isinstance(step, int | str):
        raise LayoutError(f"this is not a step of a reference: {excerpt(step)}")
    return step


def _pack_dict(value: Mapping[Any, Any], find: Finder) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: pack(item, find) for key, item in value.items()}
    return {"$dict": [[pack(key, find), pack(item, find)] for key, item in value.items()]}


def _resolve_mapping(template: Mapping[str, Any], lookup: Lookup) -> Any:
    special = next((key for key in template if key.startswith("$")), None)
    if special is None:
        return {key: resolve(item, lookup) for key, item in template.items()}
    body = template[special]
    if special == "$ref" and isinstance(body, str):
        return lookup(_unpack_reference(template))
    if special == "$template" and isinstance(body, str):
        return Template(body)
    if special == "$tuple" and isinstance(body, list):
        return tuple(resolve(item, lookup) for item in body)
    if special == "$dict" and isinstance(body, list):
        with reading("a stored dict", template):
            return {resolve(key, lookup): resolve(item, lookup) for key, item in map(_pair, body)}
    if special == "$class" and isinstance(template.get("fields"), Mapping):
        return _rebuilt(body, {name: resolve(item, lookup) for name, item in template["fields"].items()})
    raise LayoutError(f"this is not a template as it is stored: {excerpt(template)}")


def _rebuilt(address: Any, fields: Mapping[str, Any]) -> Any:
    cls = _class_at(address)
    try:
        inspect.signature(cls).bind(**fields)
    except TypeError as error:
        raise LayoutError(
            f"the class {cls.__qualname__!r} has changed since the plan was made: {error}",
            task_id=dag_files.running_task_id(),
            remedy="Clear the planning task with its downstream tasks, so that it plans again.",
        ) from error
    return cls(**fields)


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, list | tuple) or len(entry) != 2:
        raise LayoutError(f"this is not an entry of a stored dict: {excerpt(entry)}")
    return entry[0], entry[1]


def _pack_object(cls: type, fields: dict[str, Any]) -> dict[str, Any]:
    own = dag_files.running_dag_file()
    if (problem := _why_not_rebuilt(cls, tuple(fields), own)) is not None:
        raise WorkflowCallError(
            f"an object of the class {cls.__qualname__} cannot go into a plan, because {problem}",
            task_id=dag_files.running_task_id(),
            remedy="Use a dataclass or a NamedTuple that is defined at the top level of a module and takes "
            "only its fields.",
        )
    return {"$class": _address(cls), "fields": fields}


@functools.lru_cache(maxsize=1024)
def _why_not_rebuilt(cls: type, names: tuple[str, ...], own: DagFile | None) -> str | None:
    if own is not None and dag_files.is_of_another_dag_file(cls):
        return f"the class is defined in another Dag file: {dag_files.place_of(cls)}"
    try:
        is_found = dag_files.are_one_class(cls, _class_at(_address(cls)))
    except LayoutError:
        is_found = False
    if not is_found:
        return f"the class is not found by its name in the module {cls.__module__}"
    try:
        inspect.signature(cls).bind(**dict.fromkeys(names))
    except (TypeError, ValueError) as error:
        return f"it cannot be created from its fields: {error}"
    return None


def _address(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _class_at(address: Any) -> Any:
    """Return the class that `_address` names. Only dataclasses and NamedTuples are ever called."""
    module, _, qualname = str(address).partition(":")
    found = dag_files.find(module, qualname)
    is_named_tuple = isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields")
    if not isinstance(found, type) or not (is_named_tuple or dataclasses.is_dataclass(found)):
        raise LayoutError(
            f"{excerpt(address)} is not a dataclass or a NamedTuple",
            task_id=dag_files.running_task_id(),
            remedy="Move the class back to where it was when the plan was made, or clear the planning task.",
        )
    return found
