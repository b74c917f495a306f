"""Fills in the arguments of a batched function for each of its keys.

Airflow renders the template fields of a task once. In a batch, the arguments differ from key to key. What is
the same for all keys, such as the output of a task that runs once, is read once.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from airflow.sdk import XComArg

from airflow_dynamic_provider.definitions.records import Record, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_IMMUTABLE = (str, bytes, int, float, bool, type(None))


class Given(Record):
    """The arguments of a call in the Dag file, with references and templates.

    Attributes:
        args: The positional arguments.
        kwargs: The arguments by name.
    """

    args: Sequence[Any]
    kwargs: Mapping[str, Any]


class Arguments(Record, frozen=False):
    """The arguments of one task for the keys of a batch.

    Attributes:
        task: The operator, which renders templates.
        given: The arguments as the author gave them.
        context: The context of the batch.
    """

    task: Any
    given: Given
    context: Any
    _once: dict[int, Any] = field(default_factory=dict)

    def of_key(self, context: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments for one key.

        Args:
            context: The context of the key.
        """
        args = [self._fill(value, context) for value in self.given.args]
        return args, {name: self._fill(value, context) for name, value in self.given.kwargs.items()}

    def _fill(self, value: Any, context: Any) -> Any:
        if isinstance(value, XComArg):
            return self._resolve(value, context)
        if isinstance(value, str):
            return self.task.render_template(value, context) if "{" in value else value
        if isinstance(value, dict):
            return {key: self._fill(each, context) for key, each in value.items()}
        if type(value) in (list, tuple, set):
            return type(value)(self._fill(each, context) for each in value)
        if isinstance(value, _IMMUTABLE):
            return value
        return self.task.render_template(value, context)

    def _resolve(self, reference: Any, context: Any) -> Any:
        if hasattr(reference, "differs_by_key") and reference.differs_by_key(self.task.task_id):
            return reference.resolve(context)
        if id(reference) not in self._once:
            self._once[id(reference)] = reference.resolve(self.context)
        value = self._once[id(reference)]
        # A function may change its list or dict, and each key has its own.
        return value if isinstance(value, _IMMUTABLE) else copy.deepcopy(value)
