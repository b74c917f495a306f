"""Templates of constants that neither JSON nor Airflow's serializer has: enums, sets, bytes, classes.

A plan has no declared types for its constants, so each template names the kind of its value. Classes are
found in the Dag file of the running task (see `dag_files`).
"""

from __future__ import annotations

import enum
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.codecs.codec import MisfitError
from airflow_dynamic_provider.definitions.codecs.leaves import LEAVES, EnumCodec
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import LayoutError, UnstorableOutputError
from airflow_dynamic_provider.workflows.plan import dag_files

if TYPE_CHECKING:
    from collections.abc import Callable

    # Packs, or resolves, a part of a value.
    _Part = Callable[[Any], Any]

_LEAVES = {cls.__name__: (cls, codec) for cls, codec in LEAVES.items()}
_SETS: dict[str, type] = {"set": set, "frozenset": frozenset}

#: The only fields that say what a template is a constant of.
KINDS = ("$member", "$leaf", "$set", "$ordered", "$object")


def pack_constant(value: Any, part: _Part) -> dict[str, Any] | None:
    """Return the template of a constant, ``None`` if it is left to Airflow's serializer.

    Args:
        value: The constant.
        part: Packs a part of it.
    """
    kind = type(value)
    if isinstance(value, enum.Enum) and is_found(kind):
        return {"$member": dag_files.address_of(kind), "name": EnumCodec(kind).encode(value)}
    if is_class(value):
        return {"$object": dag_files.address_of(value)} if is_named(value) else None
    if kind is OrderedDict:
        return {"$ordered": [[part(key), part(each)] for key, each in value.items()]}
    if _is_carried(value):
        return None
    if kind.__name__ in _SETS and kind in _SETS.values():
        parts = sorted((part(each) for each in value), key=lambda each: json.dumps(each, default=repr))
        return {"$set": kind.__name__, "items": parts}
    cls, codec = _LEAVES.get(kind.__name__, (None, None))
    if cls is not kind or codec is None:
        return None
    form = codec.encode(value)
    return None if form is value else {"$leaf": kind.__name__, "form": form}


def resolve_constant(template: Any, part: _Part) -> Any:
    """Return the constant of a template.

    Args:
        template: A template made by `pack_constant`.
        part: Resolves a part of it.

    Raises:
        LayoutError: It names a class that is missing.
    """
    try:
        kind = next(key for key in KINDS if key in template)
        if kind == "$ordered":
            return OrderedDict((part(key), part(each)) for key, each in template[kind])
        if kind == "$set":
            return _SETS[template[kind]](map(part, template["items"]))
        if kind == "$leaf":
            return _LEAVES[template[kind]][1].decode(template["form"])
        found = dag_files.class_at(template[kind])
        if kind == "$object" and is_named(found):
            return found
        if kind == "$member" and is_class(found) and issubclass(found, enum.Enum):
            return EnumCodec(found).decode(template["name"])
    except (MisfitError, LookupError, TypeError, ValueError, StopIteration) as error:
        raise _unreadable(template) from error
    raise _unreadable(template)


def is_found(cls: type) -> bool:
    """Return whether a class is found by its name."""
    try:
        return dag_files.are_one_class(cls, dag_files.class_at(dag_files.address_of(cls)))
    except LayoutError:
        return False


def is_named(cls: Any) -> bool:
    """Return whether a class is one that the Dag file itself names at its top level, or a type of JSON."""
    own = dag_files.running_dag_file()
    if not is_class(cls) or not is_found(cls):
        return False
    return own is None or cls in (str, int, float, bool) or any(cls is each for each in own.names.values())


def _is_carried(value: Any) -> bool:
    try:
        xcom.check_storable(value, exactly=True)
    except UnstorableOutputError:
        return False
    return True


def _unreadable(template: Any) -> LayoutError:
    return LayoutError(
        f"this is not a constant of a plan as it is stored: {excerpt(template)}",
        task_id=dag_files.running_task_id(),
        remedy="Move the class back to where it was when the plan was made, or clear the planning task.",
    )
