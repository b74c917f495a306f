"""Makes an operator that a mapped function created a clone: labelled by its key, its values read by key.

It works for every operator class, since it touches only what all of them have: template fields, the
``map_index_template``, and the hooks around ``execute``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dynamic_provider.authoring.handles import Collection, Item
from airflow_dynamic_provider.authoring.key_space import source_of
from airflow_dynamic_provider.execution.clones import (
    MAP_INDEX_TEMPLATE,
    CloneSpec,
    after_execute,
    before_execute,
    chain_hook,
    start_clone,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from airflow_dynamic_provider.authoring.key_space import KeySpace

#: The template field that every clone gets first: it shows the key among the rendered fields.
KEY_FIELD = "dynamic_mapping_key"


class KeyField:
    """The value of a clone's first template field: rendering it finds out the key, before all else.

    Args:
        spec: What the clone has to know.
    """

    def __init__(self, spec: CloneSpec) -> None:
        self.spec = spec

    def resolve(self, context: MutableMapping[str, Any]) -> str:
        """Return the clone's mapping key. Airflow calls this in the task's process."""
        return start_clone(context, self.spec).mapping_key

    def __repr__(self) -> str:
        return f"<mapping key of {self.spec.producer_id}.{self.spec.output}>"

    def __str__(self) -> str:
        return repr(self)


def make_clone(task: Any, space: KeySpace) -> None:
    """Have a task cloned per key of ``space``. Call it inside the scope of that map."""
    spec = CloneSpec(task.task_id, space.producer.task_id, space.output)
    space.specs[task.task_id] = spec
    _read_by_key(task, space)
    setattr(task, KEY_FIELD, KeyField(spec))
    task.template_fields = (KEY_FIELD, *task.template_fields)
    task.map_index_template = MAP_INDEX_TEMPLATE
    # Private names of public arguments: the operator exists already, so they cannot be passed to it.
    task._pre_execute_hook = chain_hook(task._pre_execute_hook, before_execute)
    task._post_execute_hook = chain_hook(task._post_execute_hook, after_execute)
    if isinstance(task, EmptyOperator) and not task.has_on_execute_callback:
        # The scheduler ends an empty operator without running it, and only a running task gets a label.
        task.on_execute_callback = [_run_on_worker]


def _run_on_worker(context: Any) -> None:
    """Make Airflow run an empty operator on a worker."""


def _read_by_key(task: Any, space: KeySpace) -> None:
    # Airflow would read a sibling's value by position, in three API calls; the key is not looked at.
    for name in task.template_fields:
        value = getattr(task, name, None)
        replaced = _replace(value, space)
        if replaced is not value:
            setattr(task, name, replaced)


def _replace(value: Any, space: KeySpace) -> Any:
    if isinstance(value, Collection):
        # Of all keys, though to Airflow it refers to one task like any other.
        return value
    if isinstance(value, PlainXComArg) and value.operator.task_id in space.specs:
        source, path = source_of(value.operator, value.key)
        return Item(space, source, path)
    if isinstance(value, dict):
        items = {key: _replace(item, space) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in value) else value
    if type(value) in (list, tuple):
        parts = [_replace(item, space) for item in value]
        return (
            type(value)(parts)
            if any(new is not old for new, old in zip(parts, value, strict=True))
            else value
        )
    return value
