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
a NamedTuple, a dataclass               ``{"$class": "module:Class", "fields": {...}}``; fields that the
                                        constructor does not take are in ``"later"``
a pydantic model                        ``{"$model": "module:Class", "fields": {...}, "set": [name, ...]}``
a list                                  itself
a member of an enum                     ``{"$member": "module:Class", "name": name}``
a class                                 ``{"$object": "module:Class"}``
an ``OrderedDict``                      ``{"$ordered": [[key, value], ...]}``
bytes, a path, ... (see `constants`)    ``{"$leaf": "bytes", "form": JSON}``
a set that Airflow would change         ``{"$set": "set", "items": [...]}``
everything else                         itself; XCom's serializer carries it
======================================  =================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.forms import reading
from airflow_dynamic_provider.workflows.plan.references import Attribute, Known, Reference, Step
from airflow_dynamic_provider.workflows.plan.template_text import Template

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
    if kind is dict:
        return _pack_dict(value, find)
    if kind is tuple:
        return {"$tuple": [pack(item, find) for item in value]}
    return _pack_other(value, find)


def _pack_other(value: Any, find: Finder) -> Any:
    # Imported here, because most constants are of JSON's types.
    from airflow_dynamic_provider.workflows.plan.constants import pack_constant
    from airflow_dynamic_provider.workflows.plan.objects import pack_object

    def part(item: Any) -> Any:
        return pack(item, find)

    template = pack_object(value, part, lambda fields: bool(references(fields)))
    if template is None:
        template = pack_constant(value, part)
    if template is not None:
        return template
    if isinstance(value, dict):
        return _pack_dict(value, find)
    return [pack(item, find) for item in value] if isinstance(value, list) else value


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
    # Imported here, because most constants are of JSON's types.
    from airflow_dynamic_provider.workflows.plan import constants, objects

    for kinds, read in (
        (objects.KINDS, objects.resolve_object),
        (constants.KINDS, constants.resolve_constant),
    ):
        if special in kinds:
            with reading("a template", template):
                return read(template, lambda part: resolve(part, lookup))
    raise LayoutError(f"this is not a template as it is stored: {excerpt(template)}")


def _pair(entry: Any) -> tuple[Any, Any]:
    if not isinstance(entry, list | tuple) or len(entry) != 2:
        raise LayoutError(f"this is not an entry of a stored dict: {excerpt(entry)}")
    return entry[0], entry[1]
