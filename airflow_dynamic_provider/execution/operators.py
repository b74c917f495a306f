"""The operators that run in a task's process: the producing task, and the list that Airflow expands over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import BaseOperator
from airflow.sdk.bases.decorator import DecoratedOperator

from airflow_dynamic_provider.execution import layout, xcom
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY
from airflow_dynamic_provider.execution.producing import PRODUCTION_KEY, Production, produce, store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from airflow_dynamic_provider.definitions.declarations import Declarations


class DynamicTaskOperator(DecoratedOperator, PythonOperator):
    """Runs a function that produces declared outputs. Made by ``@task.dynamic``.

    Args:
        python_callable: The function.
        op_args: Its positional arguments (templated).
        op_kwargs: Its keyword arguments (templated).
        declarations: Output name -> `Out` or `DynamicOut`.
    """

    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "templates_dict": "json",
        "op_args": "py",
        "op_kwargs": "py",
    }
    custom_operator_name = "@task.dynamic"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        declarations: Declarations,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kwargs_to_upstream={
                "python_callable": python_callable,
                "op_args": op_args,
                "op_kwargs": op_kwargs,
            },
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            **kwargs,
        )
        self.declarations = declarations
        # Written while the Dag file is parsed, by the handles that are made of the outputs.
        self.mapped_outputs: dict[str, str] = {}
        self.collected_outputs: set[str] = set()

    def execute(self, context: Any) -> Any:
        """Run the function, check what it produces, store it. Airflow calls this in the task's process."""
        production = Production(self.task_id, self.declarations)
        context[PRODUCTION_KEY] = production
        arguments = {**context, **self.op_kwargs, "templates_dict": self.templates_dict}
        produce(self.python_callable, self.op_args, self.determine_kwargs(arguments), production)
        production.finish()
        if (clone := context.get(RUNTIME_KEY)) is not None:
            clone.produced = {name: event.value for name, event in production.static.items()}
        return store(
            context,
            production,
            mapped_outputs=self.mapped_outputs,
            collected_outputs=self.collected_outputs,
        )


class KeysOperator(EmptyOperator):
    """Holds the keys of one of several dynamic outputs, for Airflow expands only over a task's return value.

    The scheduler ends an empty operator without running it, so it costs no worker and what the producing
    task wrote into its XCom stays. ``dag.test()`` does run it, and then it fetches the keys itself.

    Args:
        producer_id: The producing task.
        dynamic_output: Its dynamic output.
    """

    custom_operator_name = "keys"

    def __init__(self, *, producer_id: str, dynamic_output: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.producer_id = producer_id
        self.dynamic_output = dynamic_output

    def execute(self, context: Any) -> Any:
        """Return the keys. Only ``dag.test()`` calls this."""
        return xcom.pull(context, self.producer_id, layout.keys_xcom(self.dynamic_output))


class KeyGateOperator(BaseOperator):
    """Waits for all clones of a task, then passes on what became of its own key's clone.

    It stands between two mapped groups, where Airflow knows no dependency key by key.

    Args:
        upstream_id: The task to wait for.
    """

    custom_operator_name = "gate"

    def __init__(self, *, upstream_id: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.upstream_id = upstream_id

    def execute(self, context: Any) -> None:
        """Succeed, skip or fail as this key's clone did. Airflow calls this in the task's process."""
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        state = xcom.read_states(context, [self.upstream_id]).get(
            (self.upstream_id, xcom.map_index_of(context))
        )
        if state == "skipped":
            raise AirflowSkipException(f"{self.upstream_id!r} was skipped for this key.")
        if state != "success":
            raise AirflowFailException(f"{self.upstream_id!r} is {state} for this key.")
