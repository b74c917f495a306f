"""``ConfigMapping``: a run gives a few fields, from which a function makes the config of the ops."""

from __future__ import annotations

import inspect
import typing
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.config import resolve
from airflow_dynamic_provider.dags_from.dagster.config_forms import is_pythonic
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidDefinitionError
from airflow_dynamic_provider.dags_from.dagster.json_schemas import fields_of
from airflow_dynamic_provider.dags_from.dagster.run_config import plain_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ConfigMapping:
    """The fields that a run gives, and the function that makes the config of the ops from them.

    Args:
        config_fn: The function. It is called in the process of each task.
        config_schema: The schema of the fields; by default, the ``Config`` class of the function's parameter.
        receive_processed_config_values: ``False`` if the function takes the fields as they are given, without
            defaults.
    """

    def __init__(
        self,
        config_fn: Callable[[Any], Any],
        config_schema: Any = None,
        receive_processed_config_values: bool | None = None,
    ) -> None:
        self.config_fn = config_fn
        self.config_schema = _annotated(config_fn) if config_schema is None else config_schema
        self._is_processed = receive_processed_config_values is not False
        self.fields = fields_of(self.config_schema)
        if not self.fields:
            raise DagsterInvalidDefinitionError(
                f"the config mapping {config_fn.__name__!r} has no fields",
                remedy="Pass config_schema={...}, or annotate its parameter with a Config class.",
            )

    def inner(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the config of the ops for the fields of a run, with the other parts of the run's conf.

        Raises:
            DagsterInvalidConfigError: The fields do not fit.
        """
        fields = {name: given[name] for name in self.fields if given.get(name) is not None}
        others = {name: given[name] for name in ("inputs", "partition_key") if name in given}
        found = resolve(self.config_schema, fields, "the config")
        return {**others, **plain_config(self.config_fn(found if self._is_processed else fields))}


def config_mapping(config_fn: Callable[[Any], Any] | None = None, **settings: Any) -> Any:
    """Turn a function into a `ConfigMapping`, as Dagster's ``@config_mapping`` does.

    Args:
        config_fn: The function, when the decorator is used without parentheses.
        settings: ``config_schema``, ``receive_processed_config_values``.
    """
    if config_fn is not None:
        return ConfigMapping(config_fn, **settings)
    return lambda function: ConfigMapping(function, **settings)


def _annotated(function: Callable[[Any], Any]) -> Any:
    hints = typing.get_type_hints(function)
    name = next(iter(inspect.signature(function).parameters), "")
    return hints[name] if is_pythonic(hints.get(name)) else {}
