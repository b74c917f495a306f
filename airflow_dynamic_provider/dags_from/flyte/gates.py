"""``approve``, ``wait_for_input`` and ``sleep``: nodes that wait for a person or a time, on no worker."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Param

from airflow_dynamic_provider.airflow_adapter import waits
from airflow_dynamic_provider.dags_from.flyte import values
from airflow_dynamic_provider.dags_from.flyte.cases import is_noting
from airflow_dynamic_provider.dags_from.flyte.contexts import is_local
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.version_compat import AirflowFailException
from airflow_dynamic_provider.workflows.declared.allowed import CALLS_MARK
from airflow_dynamic_provider.workflows.declared.kinds import OperatorTarget
from airflow_dynamic_provider.workflows.recording.calls import pack_arguments
from airflow_dynamic_provider.workflows.recording.current import current_recorder
from airflow_dynamic_provider.workflows.recording.promises import Promise, promised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_APPROVE, _REJECT, _OK = "Approve", "Reject", "OK"

# The field of Airflow's form.
_FIELD = "value"

_Asking: Any = waits.asking_operator()


class Approve(_Asking or BaseOperator):  # type: ignore[misc]
    """Waits until somebody approves a value, and returns it.

    Args:
        value: The value.
        timeout: How long an answer may take.
        kwargs: The arguments of Airflow's operator.
    """

    def __init__(self, *, value: Any, timeout: timedelta, **kwargs: Any) -> None:
        more = {**waits.answer_within(timeout), **kwargs}
        super().__init__(options=[_APPROVE, _REJECT], body=excerpt(value), **more)
        self.value = value

    def execute(self, context: Any) -> Any:
        """Ask, and wait for the answer."""
        if is_local(context):
            answer = input(f"{self.subject}: approve {excerpt(self.value)}? [Y/n] ")
            return self._decided(is_approved=answer.strip().lower() in ("", "y", "yes"))
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Return the value, if it is approved.

        Raises:
            AirflowFailException: It is rejected.
        """
        answer = super().execute_complete(context, event)
        return self._decided(is_approved=list(answer["chosen_options"]) == [_APPROVE])

    def _decided(self, *, is_approved: bool) -> Any:
        if not is_approved:
            raise AirflowFailException(f"{self.subject!r} was not approved.")
        return self.value


class WaitForInput(_Asking or BaseOperator):  # type: ignore[misc]
    """Waits until somebody enters a value, and returns it.

    Args:
        schema: The arguments of the Airflow param for the value.
        timeout: How long an answer may take.
        kwargs: The arguments of Airflow's operator.
    """

    def __init__(self, *, schema: Mapping[str, Any], timeout: timedelta, **kwargs: Any) -> None:
        more = {**waits.answer_within(timeout), **kwargs}
        super().__init__(options=[_OK], params={_FIELD: Param(**schema)}, **more)
        self._kinds = schema.get("type", ())

    def execute(self, context: Any) -> Any:
        """Ask, and wait for the answer."""
        if is_local(context):
            answer = input(f"{self.subject}: ")
            return self._entered(answer if "string" in self._kinds else json.loads(answer))
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Return the value.

        Raises:
            AirflowFailException: None was entered.
        """
        answer = super().execute_complete(context, event)
        return self._entered((answer["params_input"] or {}).get(_FIELD))

    def _entered(self, value: Any) -> Any:
        if value is None:
            raise AirflowFailException(f"No value was entered for {self.subject!r}.")
        return float(value) if "number" in self._kinds else value


class Sleep(BaseOperator):
    """Waits for a time.

    Args:
        duration: How long.
        kwargs: The arguments of every operator.
    """

    def __init__(self, *, duration: timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.duration = duration

    def execute(self, context: Any) -> None:
        """Wait in the triggerer. As plain Python, do not wait, as in flytekit."""
        if not is_local(context):
            self.defer(trigger=waits.time_trigger(self.duration), method_name="execute_complete")

    def execute_complete(self, context: Any, event: Any = None) -> None:
        """Go on."""


def approve(upstream_item: Any, name: str, timeout: timedelta) -> Any:
    """Wait until somebody approves a promise in Airflow's list of required actions, and return it.

    Args:
        upstream_item: The promise.
        name: What is asked.
        timeout: How long an answer may take.

    Raises:
        WorkflowCallError: It is called outside of a body, or Airflow cannot ask.
    """
    if not isinstance(upstream_item, Promise):
        raise WorkflowCallError(
            f"approve({name!r}) is given {excerpt(upstream_item)}",
            remedy="Pass the output of a task.",
        )
    given = {"value": upstream_item, "subject": name, "timeout": timeout}
    return _gate(Approve, name, given, promised(upstream_item).shape)


def wait_for_input(name: str, timeout: timedelta, expected_type: Any) -> Any:
    """Wait until somebody enters a value in Airflow's list of required actions, and return its promise.

    Args:
        name: What is asked.
        timeout: How long an answer may take.
        expected_type: The type of the value.

    Raises:
        WorkflowCallError: It is called outside of a body, or Airflow cannot ask.
    """
    schema = values.param(expected_type, values.REQUIRED)
    given = {"schema": schema, "subject": name, "timeout": timeout}
    return _gate(WaitForInput, name, given, expected_type)


def sleep(duration: timedelta) -> Any:
    """Wait for a time, and return a promise that can be ordered.

    Args:
        duration: How long.

    Raises:
        WorkflowCallError: It is called outside of a body.
    """
    return _gate(Sleep, "sleep", {"duration": duration}, type(None))


def _gate(operator_class: type, name: str, given: Mapping[str, Any], shape: Any) -> Any:
    recorder = current_recorder()
    if recorder is None or is_noting():
        raise WorkflowCallError(
            f"the gate {name!r} is called outside of the body of a workflow, or in a case of a conditional",
            remedy="Call it in a @workflow or @dynamic. A case may call that.",
        )
    if operator_class is not Sleep and _Asking is None:
        raise WorkflowCallError(
            f"the gate {name!r} waits for a person, which this Airflow cannot",
            remedy="Install a newer apache-airflow-providers-standard.",
        )
    kind, _ = recorder.match(OperatorTarget(operator_class))
    arguments = pack_arguments(recorder, given)
    return recorder.promise(
        recorder.node(name, is_explicit=False, kind=kind.name, arguments=arguments), shape
    )


def _calls(function: Callable[..., Any], operator_class: type) -> None:
    # The tasks of a body that names the function are found by this mark.
    setattr(function, CALLS_MARK, (operator_class,))


_calls(approve, Approve)
_calls(wait_for_input, WaitForInput)
_calls(sleep, Sleep)
