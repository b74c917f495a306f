"""The operators of a workflow's tasks, as the Dag file makes them.

The process of each task reads the whole Dag file and makes all of them, but runs one. What a task does is in
the modules beside this one. Each operator imports its own when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_dynamic_provider.execution.helpers import HelperOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping, Sequence
    from datetime import timedelta

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.kinds import Kind, Kinds
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.plan.dag_files import DagFile


class PlanOperator(BaseOperator):
    """Runs the body of a workflow, checks the resulting graph, and stores it as the plan.

    Its inputs are the arguments of the call in the Dag file, with upstream values resolved. It stores the
    plan in the XCom ``workflow_plan`` and logs it as a tree.

    Args:
        workflow: The workflow.
        kinds: The kinds of nodes that its body may call.
        op_args: Positional arguments of the body (templated).
        op_kwargs: Keyword arguments of the body (templated).
    """

    template_fields: Sequence[str] = ("op_args", "op_kwargs")
    template_fields_renderers: ClassVar[dict[str, str]] = {"op_args": "py", "op_kwargs": "py"}
    custom_operator_name = "@dynamic_workflow"

    def __init__(
        self,
        *,
        workflow: WorkflowDefinition,
        kinds: Kinds,
        op_args: Sequence[Any] = (),
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.workflow = workflow
        self.kinds = kinds
        self.op_args = op_args
        self.op_kwargs = op_kwargs or {}
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None
        self.dag_file: DagFile | None = None

    def execute(self, context: Any) -> Any:
        """Plan the workflow. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: The plan differs from that of the nodes that have run.
        """
        from airflow_dynamic_provider.workflows.tasks.planning_task import plan

        return plan(context, self)


class NodeListOperator(HelperOperator):
    """Returns the list of a lane's nodes, because Airflow expands only over a task's return value.

    If the lane may grow, the task's trigger keeps the list and ends the task when no more nodes can be added.
    Airflow 3.3 starts such a task directly in the triggerer. Earlier versions start it on a worker.

    Args:
        lane: The lane.
    """

    custom_operator_name = "nodes"

    def __init__(self, *, lane: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        self.lane = lane
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None

    def execute(self, context: Any) -> Any:
        """Return the list, or begin it and wait for later plans. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: The nodes are not listed, or there are more than Airflow may map.
        """
        from airflow_dynamic_provider.workflows.tasks.list_tasks import list_nodes

        return list_nodes(context, self)

    def go_on(self, context: Any, event: Any = None) -> Any:
        """Continue if the trigger could not decide, or fail. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: The trigger met an error that a retry would meet too.
        """
        from airflow_dynamic_provider.workflows.tasks.list_tasks import refuse_error

        refuse_error(event)
        return self.execute(context)


class ListedOperator(HelperOperator):
    """Succeeds when all lists that may grow have begun, even if the tasks that keep them have not ended.

    Airflow then expands a lane over its list. With the trigger rule ``one_success``, the lane needs only this
    task or the one that returns the list.
    """

    custom_operator_name = "listed"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None

    def execute(self, context: Any) -> None:
        """Wait for the lists. Airflow calls this in the task's process. In Airflow 3.3, the triggerer waits.

        Raises:
            AirflowFailException: A plan has a node of a kind that the workflow does not have.
        """
        from airflow_dynamic_provider.workflows.tasks.list_tasks import wait_for_lists

        wait_for_lists(context, self)

    def go_on(self, context: Any, event: Any = None) -> None:
        """Decide after the trigger could not. Airflow calls this in the task's process."""
        self.execute(context)


class GatherPlansOperator(HelperOperator):
    """Lists the nodes that all clones of a planning task have planned.

    It waits until all clones are done. A clone that failed or was skipped has no nodes.

    Args:
        spec: The workflow.
        clone: The planning task.
    """

    custom_operator_name = "gather"

    def __init__(self, *, spec: WorkflowSpec, clone: CloneSpec, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.spec = spec
        self.clone = clone

    def execute(self, context: Any) -> None:
        """List the nodes. Airflow calls this in the task's process.

        Raises:
            AirflowSkipException: There are no keys, because the task that produces them was skipped.
            AirflowFailException: There are no keys, because the task that produces them failed; or the plans
                differ from those of the nodes that have run.
        """
        from airflow_dynamic_provider.workflows.tasks.list_tasks import gather_plans

        gather_plans(context, self.spec, self.clone)


class NodeField:
    """The value of a node's only template field. Rendering it finds the node, before anything else runs.

    Args:
        operator: The node's operator.
    """

    def __init__(self, operator: NodeOperator) -> None:
        self.operator = operator

    def resolve(self, context: MutableMapping[str, Any]) -> Any:
        """Return the planned node, for people to read. Airflow calls this in the task's process."""
        from airflow_dynamic_provider.workflows.tasks.node_task import NodeRun

        return NodeRun(self.operator).shown(context)

    def __repr__(self) -> str:
        return "<a node of the plan>"

    __str__ = __repr__


class NodeOperator(BaseOperator):
    """Runs one node of a workflow. There is a subclass for each lane, and a clone for each node.

    Attributes:
        kind: The kind of its nodes.
        kinds: All kinds of the workflow, for nodes that plan further nodes.
        lane: The lane of its nodes: those that can start at once, or those that wait.
        spec: The workflow.
        dag_file: The Dag file with the classes that the plan names.
        time_limit: How long a node may run: its ``execution_timeout``.
    """

    template_fields: Sequence[str] = ("node",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"node": "json"}
    # On the class, because arguments of an object would go into the serialized Dag.
    kind: ClassVar[Kind]
    kinds: ClassVar[Kinds]
    lane: ClassVar[str]
    spec: ClassVar[WorkflowSpec]
    dag_file: ClassVar[DagFile | None]
    time_limit: ClassVar[timedelta | None]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.node = NodeField(self)

    def execute(self, context: Any) -> Any:
        """Run the node if it is ready, or wait. Airflow calls this in the task's process.

        If Airflow can start tasks in the triggerer, it calls this for waiting nodes only under
        ``dag.test()``.
        """
        from airflow_dynamic_provider.workflows.tasks.node_task import NodeRun

        return NodeRun(self).execute(context)

    def go_on(self, context: Any, event: Any = None) -> Any:
        """Run the node after the wait in the triggerer. Airflow calls this in the task's process."""
        from airflow_dynamic_provider.workflows.tasks.node_task import NodeRun

        return NodeRun(self).go_on(context, event)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Continue after a wait of this package, or after one of the operator that the node runs.

        Raises:
            AirflowFailException: The workflow's time is over.
        """
        from airflow_dynamic_provider.workflows.tasks.node_task import NodeRun

        run = NodeRun(self)
        if run.is_wait_of_operator(next_method, context):
            return run.resume(next_method, next_kwargs, context)
        return super().resume_execution(next_method, next_kwargs, context)


class ResultOperator(HelperOperator):
    """Returns the body's return value, with the values of nodes instead of promises.

    It runs when all nodes have ended. It checks that each node ran as it is planned now, and with the latest
    values of the nodes before it.

    Args:
        parts: The XCom keys of the items of a tuple, in their order.
        returns: The return annotation of the body.

    Attributes:
        fields: The items of a dict that tasks of the Dag use. Each is stored as an XCom too.
    """

    custom_operator_name = "result"

    def __init__(self, *, parts: Sequence[str] = (), returns: Any = Any, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.parts = parts
        self.returns = returns
        self.fields: list[str] = []
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None
        self.dag_file: DagFile | None = None
        self.workflow: WorkflowDefinition | None = None
        self.kinds: Kinds | None = None

    def type_of(self, output: str) -> Any:
        """Return the declared type of the output, or of the part that is stored under a name."""
        assert self.workflow is not None
        return self.workflow.type_of(output, self.parts, self.fields)

    @property
    def first_task_id(self) -> str | None:
        """The first task of the workflow that this task ends."""
        return None if self.spec is None else self.spec.plan_task_id

    def execute(self, context: Any) -> Any:
        """Return the output. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: A node failed, or a value is not current.
            AirflowSkipException: The planning task, or a node whose output is returned, was skipped.
        """
        from airflow_dynamic_provider.workflows.tasks.result_task import return_output

        return return_output(context, self)
