"""The label of a clone in Airflow's UI, there from its start on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

#: Where the label is kept in Airflow's task context; the clone's ``map_index_template`` reads it.
_LABEL_KEY = "dynamic_label"

MAP_INDEX_TEMPLATE = "{{ " + _LABEL_KEY + " }}"


class _Text(bytes):
    """A text that a native template leaves as it is.

    Such a template turns text that reads like a literal ("123", "None") into that value, and Airflow up to
    3.3 then fails the task (apache/airflow#71586). It leaves bytes alone, and the label's message takes UTF-8
    bytes for text. Later Airflows make a text of what the template gave.
    """

    def __str__(self) -> str:
        return self.decode()


def set_label(context: MutableMapping[str, Any], label: str) -> None:
    """Label the running task instance."""
    # One that fails before its label is rendered reports this attribute with its failure.
    context["ti"].rendered_map_index = label
    context[_LABEL_KEY] = _Text(label.encode()) if _renders_natively(context) else label


def _renders_natively(context: MutableMapping[str, Any]) -> bool:
    from jinja2.nativetypes import NativeEnvironment

    return isinstance(context["dag"].get_template_env(), NativeEnvironment)
