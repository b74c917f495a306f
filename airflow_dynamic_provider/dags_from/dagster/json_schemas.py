"""The config of ops as JSON schemas, by which Airflow refuses a run before anything of it runs."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.config import (
    Array,
    Enum,
    Field,
    Map,
    Noneable,
    Permissive,
    Selector,
    Shape,
    resolve,
)
from airflow_dynamic_provider.dags_from.dagster.config_forms import is_pythonic
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidConfigError

if TYPE_CHECKING:
    from airflow_dynamic_provider.dags_from.dagster.nodes import Job

_SCALARS: dict[Any, str] = {
    int: "integer",
    float: "number",
    str: "string",
    bool: "boolean",
    dict: "object",
    list: "array",
}


def ops_schema(job: Job) -> dict[str, Any] | None:
    """Return the schema of the part ``ops`` of a run's config; ``None`` if no op takes anything from it."""
    definitions: dict[str, Any] = {}
    tree: dict[str, Any] = {}
    for path, node in job.composition.nodes.items():
        place = tree
        *graphs, name = path.split(".")
        for graph in graphs:
            place = place.setdefault(graph, {}).setdefault("ops", {})
        entry = place.setdefault(name, {})
        if node.definition.config_schema is not None:
            entry["config"] = _schema(node.definition.config_schema, definitions)
        if any(declared not in node.inputs for declared in node.definition.ins):
            entry["inputs"] = {"type": "object"}
    for path, inputs in job.composition.inputs.items():
        place = tree
        for graph in path.split(".") if path else ():
            place = place.setdefault(graph, {})
            last, place = place, place.setdefault("ops", {})
        if path and inputs:
            last["inputs"] = {"type": "object"}
    made = _ops(tree)
    if made is None:
        return None
    return {**made, **({"$defs": definitions} if definitions else {})}


def without_required(schema: Any) -> Any:
    """Return a schema that allows everything to be missing.

    A scheduled Dag needs params whose defaults fit. The task itself then refuses what is missing.
    """
    if isinstance(schema, list):
        return [without_required(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        # A field of a config may have this name too.
        name: without_required(each)
        for name, each in schema.items()
        if name != "required" or not isinstance(each, list)
    }


def fields_of(schema: Any) -> dict[str, Any]:
    """Return the schemas of the fields of a config: a dict, a `Shape`, a ``Config`` class or a `Field`."""
    definitions: dict[str, Any] = {}
    fields = _schema(schema, definitions).get("properties", {})
    shared = {"$defs": definitions} if definitions else {}
    return {name: {**each, **shared} for name, each in fields.items()}


def _ops(tree: dict[str, Any]) -> dict[str, Any] | None:
    properties = {}
    for name, entry in tree.items():
        parts = {part: entry[part] for part in ("config", "inputs") if part in entry}
        inner = _ops(entry.get("ops", {}))
        if inner is not None:
            parts["ops"] = inner
        if parts:
            needed = [part for part in ("config", "ops") if parts.get(part, {}).get("required")]
            kinds = "object" if needed else ["object", "null"]
            properties[name] = {"type": kinds, "properties": parts, "required": needed}
    needed = [name for name, each in properties.items() if each["required"]]
    return {"type": "object", "properties": properties, "required": needed} if properties else None


def _schema(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if is_pythonic(schema):
        # Imported here, because it takes long, and few jobs have such a class.
        from airflow_dynamic_provider.dags_from.dagster.config_schemas import ConfigSchema

        template = f"#/$defs/{schema.__name__}.{{model}}"
        made = schema.model_json_schema(ref_template=template, schema_generator=ConfigSchema)
        for name, each in made.pop("$defs", {}).items():
            definitions[f"{schema.__name__}.{name}"] = each
        return _with_environment(made)
    if isinstance(schema, Field):
        return _schema(schema.config, definitions)
    if isinstance(schema, Noneable):
        return {"anyOf": [{"type": "null"}, _schema(schema.inner_type, definitions)]}
    if isinstance(schema, (dict, Shape)):
        fields = schema.fields if isinstance(schema, Shape) else schema
        made = {
            "type": "object",
            "properties": {name: _schema(each, definitions) for name, each in fields.items()},
            "additionalProperties": isinstance(schema, Permissive),
            "required": [name for name, each in fields.items() if _is_required(each)],
        }
        if isinstance(schema, Selector):
            return {**made, "required": [], "minProperties": 1, "maxProperties": 1}
        return made
    if isinstance(schema, (Array, list)) or typing.get_origin(schema) is list:
        inner = (
            getattr(schema, "inner_type", None)
            or (schema if isinstance(schema, list) else typing.get_args(schema))[0]
        )
        return {"type": "array", "items": _schema(inner, definitions)}
    if isinstance(schema, Map):
        return {"type": "object", "additionalProperties": _schema(schema.inner_type, definitions)}
    if isinstance(schema, Enum):
        return {"enum": list(schema.values)}
    if inspect.isclass(schema) and schema in _SCALARS:
        return {"type": _SCALARS[schema]}
    return {}


def _is_required(schema: Any) -> bool:
    """Return whether a field must be given, because neither it nor its type has a default."""
    if isinstance(schema, Field) and not schema.is_required:
        return False
    inner = schema.config if isinstance(schema, Field) else schema
    if isinstance(inner, (dict, Shape)) and not isinstance(inner, Selector):
        return any(map(_is_required, inner.values() if isinstance(inner, dict) else inner.fields.values()))
    try:
        resolve(schema, MISSING, "")
    except DagsterInvalidConfigError:
        return True
    return False


def _with_environment(made: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which a field may name an environment variable: ``{"env": "NAME"}``."""
    env = {"env": {"type": "string"}}
    by_name = {"type": "object", "properties": env, "additionalProperties": False, "minProperties": 1}
    properties = {name: {"anyOf": [each, by_name]} for name, each in made.get("properties", {}).items()}
    return {**made, "properties": properties, "required": made.get("required", [])}
