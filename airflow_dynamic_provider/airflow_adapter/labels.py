"""The label of a clone in Airflow's UI, which is shown from the start of the clone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

#: The name of the label in Airflow's task context. The clone's ``map_index_template`` reads it.
_LABEL_KEY = "dynamic_label"

MAP_INDEX_TEMPLATE = "{{ " + _LABEL_KEY + " }}"


class _Text(bytes):
    """A string that a native template does not convert.

    Such a template converts a string that reads like a literal ("123", "None") to that value, and Airflow up
    to 3.3 then fails the task (apache/airflow#71586). The template does not convert bytes, and the message
    with the label accepts UTF-8 bytes as a string. Later versions of Airflow convert the result to a string.
    """

    def __str__(self) -> str:
        return self.decode()


def set_label(context: MutableMapping[str, Any], label: str) -> None:
    """Label the running task instance."""
    # A task instance that fails before its label is rendered reports this attribute with its failure.
    context["ti"].rendered_map_index = label
    context[_LABEL_KEY] = _Text(label.encode()) if _renders_natively(context) else label


def _renders_natively(context: MutableMapping[str, Any]) -> bool:
    from jinja2.nativetypes import NativeEnvironment

    return isinstance(context["dag"].get_template_env(), NativeEnvironment)
