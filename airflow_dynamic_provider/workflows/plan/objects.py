"""Templates of objects with fields: dataclasses, named tuples, pydantic models. Fields may hold promises.

Their classes are found by name in the Dag file of the running task (see `dag_files`). No other class is
called.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import LayoutError, WorkflowCallError
from airflow_dynamic_provider.workflows.plan import dag_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.workflows.plan.dag_files import DagFile

    # Packs, or resolves, a part of a value.
    _Part = Callable[[Any], Any]

#: The fields that say what a template is an object of.
KINDS = ("$class", "$model")


def field_names(value: Any) -> list[str] | None:
    """Return the fields of an object that are packed one by one, ``None`` if it has no such fields."""
    cls = type(value)
    if isinstance(value, tuple):
        return list(getattr(cls, "_fields", ())) if hasattr(cls, "_fields") else None
    if dataclasses.is_dataclass(cls):
        return [each.name for each in dataclasses.fields(cls)]
    return [*cls.model_fields, *(value.model_extra or {})] if _is_model(cls) else None


def pack_object(value: Any, part: _Part, has_reference: Callable[[Any], bool]) -> dict[str, Any] | None:
    """Return the template of an object, ``None`` if it has no fields that are packed one by one.

    Args:
        value: The object.
        part: Packs a field.
        has_reference: Returns whether a template holds a reference.

    Raises:
        WorkflowCallError: Another process could not find its class, or could not create it from its fields.
    """
    names, cls = field_names(value), type(value)
    if names is None:
        return None
    fields = {name: part(getattr(value, name)) for name in names if hasattr(value, name)}
    if _is_model(cls):
        return {
            "$model": _address(cls, None),
            "fields": fields,
            "set": sorted(value.model_fields_set),
        }
    own = () if isinstance(value, tuple) else dataclasses.fields(cls)
    later = {each.name: fields.pop(each.name) for each in own if not each.init and each.name in fields}
    packed = {"$class": _address(cls, tuple(fields)), "fields": fields}
    if not later or has_reference(fields):
        # The constructor computes the other fields when the values exist.
        return packed
    made = cls(**{name: getattr(value, name) for name in fields})
    changed = {name: each for name, each in later.items() if _differ(made, value, name)}
    return {**packed, "later": changed} if changed else packed


def resolve_object(template: Mapping[str, Any], part: _Part) -> Any:
    """Return the object of a template.

    Args:
        template: A template made by `pack_object`.
        part: Resolves a field.

    Raises:
        LayoutError: Its class is missing, is not of a suitable kind, or has other fields now.
    """
    fields = {name: part(each) for name, each in template["fields"].items()}
    if "$model" in template:
        return _class_at(template["$model"]).model_construct(set(template["set"]), **fields)
    cls = _class_at(template["$class"])
    try:
        inspect.signature(cls).bind(**fields)
    except TypeError as error:
        raise LayoutError(
            f"the class {cls.__qualname__!r} has changed since the plan was made: {error}",
            task_id=dag_files.running_task_id(),
            remedy="Clear the planning task with its downstream tasks, so that it plans again.",
        ) from error
    made = cls(**fields)
    for name, each in template.get("later", {}).items():
        # A frozen class refuses an ordinary assignment.
        object.__setattr__(made, name, part(each))
    return made


def _differ(made: Any, value: Any, name: str) -> bool:
    return not hasattr(made, name) or bool(getattr(made, name) != getattr(value, name))


def _is_model(cls: Any) -> bool:
    return hasattr(cls, "__pydantic_core_schema__") and hasattr(cls, "model_fields")


def _address(cls: type, names: Sequence[str] | None) -> str:
    own = dag_files.running_dag_file()
    if (problem := _why_not_rebuilt(cls, None if names is None else tuple(names), own)) is not None:
        raise WorkflowCallError(
            f"an object of the class {cls.__qualname__} cannot go into a plan, because {problem}",
            task_id=dag_files.running_task_id(),
            remedy="Use a dataclass or a NamedTuple that is defined at the top level of a module and takes "
            "only its fields.",
        )
    return dag_files.address_of(cls)


@functools.lru_cache(maxsize=1024)
def _why_not_rebuilt(cls: type, names: tuple[str, ...] | None, own: DagFile | None) -> str | None:
    if own is not None and dag_files.is_of_another_dag_file(cls):
        return f"the class is defined in another Dag file: {dag_files.place_of(cls)}"
    try:
        is_found = dag_files.are_one_class(cls, _class_at(dag_files.address_of(cls)))
    except LayoutError:
        is_found = False
    if not is_found:
        return f"the class is not found by its name in the module {cls.__module__}"
    if names is None:
        return None
    try:
        inspect.signature(cls).bind(**dict.fromkeys(names))
    except (TypeError, ValueError) as error:
        return f"it cannot be created from its fields: {error}"
    return None


def _class_at(address: Any) -> Any:
    """Return the class with an address, if it is of one of the three kinds."""
    found = dag_files.class_at(address)
    is_named_tuple = is_class(found) and issubclass(found, tuple) and hasattr(found, "_fields")
    is_fit = is_named_tuple or dataclasses.is_dataclass(found) or _is_model(found)
    if not is_class(found) or not is_fit:
        raise LayoutError(
            f"{excerpt(address)} is not a dataclass or a NamedTuple",
            task_id=dag_files.running_task_id(),
            remedy="Move the class back to where it was when the plan was made, or clear the planning task.",
        )
    return found
