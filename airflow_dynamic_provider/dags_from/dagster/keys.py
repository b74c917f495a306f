"""Dagster's rule for mapping keys and names, which is narrower than the package's own."""

from __future__ import annotations

import keyword
import re

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    DagsterInvalidMappingKeyError,
)

_NAME = re.compile(r"^[A-Za-z0-9_]+$")

#: The names that Dagster reserves, beside Python's keywords.
RESERVED = frozenset(
    {
        *("context", "conf", "config", "meta", "arg_dict", "dict", "input_arg_dict", "output_arg_dict"),
        *("int", "str", "float", "bool", "input", "output", "type"),
    }
)

_own_keys_allowed = False


def allow_any_mapping_key(allowed: bool = True) -> None:
    """Allow file names, dates, URLs and other strings as mapping keys, as the rest of this package does.

    Call it in the Dag file. By default, a key has only letters, digits and underscores, as in Dagster.

    Args:
        allowed: ``False`` restores Dagster's rule.

    Example:
        >>> allow_any_mapping_key()
        >>> DynamicOutput(1, mapping_key="2026-01-31.csv").mapping_key
        '2026-01-31.csv'
        >>> allow_any_mapping_key(False)
    """
    global _own_keys_allowed
    _own_keys_allowed = allowed


def check_dagster_key(key: object) -> None:
    """Refuse a mapping key that Dagster refuses, unless the Dag file allows all keys of this package."""
    if _own_keys_allowed or not isinstance(key, str):
        return  # The package itself refuses what is not a str.
    if problem := _problem(key):
        raise DagsterInvalidMappingKeyError(
            problem,
            remedy="Use letters, digits and underscores, or call allow_any_mapping_key() in the Dag file, "
            "which allows file names, dates and URLs as they are.",
        )


def check_name(name: object, what: str) -> str:
    """Return the name of an op, an input or an output, or refuse it."""
    if not isinstance(name, str) or (problem := _problem(name)):
        shown = problem if isinstance(name, str) else f"{name!r} is not a str"
        raise DagsterInvalidDefinitionError(
            f"the name of {what} is refused: {shown}", remedy="Choose another."
        )
    return name


def _problem(name: str) -> str | None:
    if not _NAME.match(name):
        return f"{name!r} is not a valid name in Dagster; names have only letters, digits and underscores"
    if name in RESERVED or keyword.iskeyword(name):
        return f"{name!r} is not a valid name in Dagster, because it is reserved by Dagster or Python"
    return None
