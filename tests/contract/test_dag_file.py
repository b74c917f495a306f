"""The assumptions of the Dag file's side: about Airflow's task graph, its decorators and stored Dags."""

from __future__ import annotations

import gc
import warnings
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import (
    DAG,
    BaseOperator,
    EdgeModifier,
    Label,
    TaskGroup,
    TriggerRule,
    XComArg,
    chain,
    task,
    task_group,
)
from airflow.sdk.bases.decorator import DecoratedOperator
from airflow.sdk.definitions._internal.mixins import DependencyMixin
from airflow.sdk.definitions.taskgroup import MappedTaskGroup
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dynamic_provider.airflow_adapter import calls, late_dags, objects, task_graph
from airflow_dynamic_provider.workflows.recording import interception
from tests.contract.assumptions import assumes
from tests.dag_runs import dag_serialization, read_folder
from tests.task_runs import run_task


@task
def number():
    return 1


@task
def take(value):
    return value


@task_group
def pair(value):
    return take(take.override(task_id="first")(value))


def stored(dag: Any) -> Any:
    """Return a Dag as Airflow loads it after it was stored."""
    serialization = dag_serialization()
    return serialization.deserialize_dag(serialization.serialize_dag(dag))


@assumes(
    "TaskGroupContext.get_current() returns the task group that the Dag file is currently in.",
    rests="putting the clones of a map into the group in which the map is written",
    where="airflow_adapter/task_graph.py",
    names="TaskGroupContext",
)
def test_the_group_that_the_dag_file_is_in_is_known():
    with DAG("contract", schedule=None) as dag, TaskGroup("outer") as outer:
        assert task_graph.current_group(dag).group_id == outer.group_id


@assumes(
    "A task that was moved to another group keeps its id, and is stored as a member of that group.",
    rests="tasks that join the group of a map with each later map",
    where="airflow_adapter/task_graph.py",
)
def test_a_task_is_moved_to_another_group():
    with DAG("contract", schedule=None) as dag:
        keys = number()
        group = task_graph.make_mapped_group("each", dag.task_group, keys.operator, "", "")
        moved = take(1).operator
        task_graph.move(moved, group)
    again = stored(dag)
    assert list(again.task_group.children["each"].children) == ["take"]
    assert [each.group_id for each in again.get_task("take").iter_mapped_task_groups()] == ["each"]


@assumes(
    "With the attribute _group_id, a group that was moved to another keeps its id and those of its tasks.",
    rests="task groups as mapped functions",
    where="airflow_adapter/task_graph.py",
    names="_group_id",
)
def test_a_group_is_moved_to_another_group():
    with DAG("contract", schedule=None) as dag:
        keys = number()
        group = task_graph.make_mapped_group("each", dag.task_group, keys.operator, "", "")
        pair(1)
        task_graph.move(dag.task_group.children["pair"], group)
    again = stored(dag)
    assert list(again.task_group.children["each"].children) == ["pair"]
    assert set(again.task_group.children["each"].children["pair"].children) == {"pair.first", "pair.take"}
    again.task_group.topological_sort()
    assert [each.group_id for each in again.get_task("pair.take").iter_mapped_task_groups()] == ["each"]


@assumes(
    "A group is removed by taking it out of its parent's children, and out of the up- and downstream groups.",
    rests="groups of maps that turn out to hold no tasks",
    where="airflow_adapter/task_graph.py",
)
def test_a_group_is_removed():
    with DAG("contract", schedule=None) as dag:
        number() >> task_graph.make_mapped_group("each", dag.task_group, take(1).operator, "", "")
        task_graph.remove_group(dag.task_group.children["each"])
    again = stored(dag)
    again.task_group.topological_sort()
    assert set(again.task_group.get_task_group_dict()) == {None}


@assumes(
    "The ids of a removed task group are free after they have been taken out of used_group_ids.",
    rests="a mapped group that is needed again after its tasks had moved to another",
    where="airflow_adapter/task_graph.py",
)
def test_a_group_is_made_again():
    with DAG("contract", schedule=None) as dag:
        keys = number().operator
        for _ in range(2):
            group = task_graph.make_mapped_group("each", dag.task_group, keys, "", "")
            task_graph.remove_group(group)
        group = task_graph.make_mapped_group("each", dag.task_group, keys, "", "")
        task_graph.move(take(1).operator, group)
    assert list(stored(dag).task_group.children["each"].children) == ["take"]


@assumes(
    "DAG._remove_task() removes a task from a Dag and its group, and frees its id.",
    rests="removing gates that a later map or order makes unnecessary",
    where="airflow_adapter/task_graph.py",
    names="_remove_task",
)
def test_a_task_is_removed():
    with DAG("contract", schedule=None) as dag:
        keys = number()
        group = task_graph.make_mapped_group("each", dag.task_group, keys.operator, "", "")
        removed = EmptyOperator(task_id="removed")
        task_graph.move(removed, group)
        keys >> removed >> take(1)
        task_graph.remove_task(removed)
        EmptyOperator(task_id="removed")
    again = stored(dag)
    assert again.get_task("removed").downstream_task_ids == again.get_task("take").upstream_task_ids == set()
    assert again.get_task("number").downstream_task_ids == set()
    assert set(again.task_group.children["each"].children) == set()


@assumes(
    "The trigger rule of an operator that Airflow expands is in its partial_kwargs.",
    rests="expanded operators that wait for clones that may fail",
    where="airflow_adapter/objects.py airflow_adapter/task_graph.py",
    names="MappedOperator",
)
def test_the_trigger_rule_of_an_expanded_operator_is_changed():
    with DAG("contract", schedule=None) as dag:
        take.expand(value=[1, 2])
        task_graph.set_trigger_rule(dag.get_task("take"), TriggerRule.ALL_DONE)
    assert task_graph.is_mapped(dag.get_task("take"))
    assert stored(dag).get_task("take").trigger_rule == TriggerRule.ALL_DONE.value


@assumes(
    "A function under @task that Airflow expands is in the attribute python_callable, and runs from there.",
    rests="expanded tasks that collect values of the types that they are annotated with",
    where="authoring/dag_graphs.py",
    names="MappedOperator",
)
def test_the_function_of_an_expanded_task_is_changed():
    with DAG("contract", schedule=None) as dag:
        take.expand(value=[1])
        task = dag.get_task("take")
        assert objects.runs_plain_function(task.operator_class)
        task.python_callable = changed = lambda value: value
        assert task.unmap({"op_kwargs": {"value": 1}}).python_callable is changed


class Reference(PlainXComArg):
    """A reference of a class of the package, which resolves to something else."""

    def resolve(self, context: Any) -> Any:
        return "resolved by the package"


@assumes(
    "A reference of a subclass of PlainXComArg is resolved by its own resolve(), and is stored and scheduled "
    "as a reference to its task.",
    rests="collections, static outputs and workflows' outputs as arguments of tasks",
    where="airflow_adapter/xcom.py airflow_adapter/operators.py authoring/references/collection.py "
    "authoring/references/static_handle.py workflows/dag/outputs.py",
    names="PlainXComArg",
)
def test_references_of_its_own_classes_are_resolved_by_them():
    with DAG("contract", schedule=None) as dag:
        take(Reference(number().operator))
    assert stored(dag).get_task("take").upstream_task_ids == {"number"}
    done = run_task(dag, "take")
    assert done.supervisor.xcoms["take", -1, "return_value"] == "resolved by the package"


@assumes(
    "A task or group may be expanded over a reference of a subclass of PlainXComArg.",
    rests="the nodes of workflows, which are expanded over a list that is not passed to them",
    where="workflows/dag/outputs.py workflows/dag/group.py",
)
def test_a_task_is_expanded_over_a_reference_of_its_own_class():
    with DAG("contract", schedule=None) as dag:
        BashOperator.partial(task_id="each").expand_kwargs(Reference(number().operator))
    again = stored(dag).get_task("each")
    assert again.is_mapped
    assert again.upstream_task_ids == {"number"}


@assumes(
    "doc_json of a task is stored with the Dag, but the attributes of the operator's class are not.",
    rests="pages and commands, which find keys and workflows in the stored Dag; the size of stored Dags",
    where="execution/documents.py workflows/tasks/node_task.py database/structure.py",
)
def test_a_task_says_of_itself_what_is_stored():
    class Described(BaseOperator):
        large = "not to be stored " * 10
        custom_operator_name = "described"

    with DAG("contract", schedule=None) as dag:
        Described(task_id="described", doc_json='{"of": "a key space"}')
    again = stored(dag).get_task("described")
    assert again.doc_json == '{"of": "a key space"}'
    assert again.operator_name == "described"
    assert "not to be stored" not in str(dag_serialization().serialize_dag(dag))


@assumes(
    "The scheduler does not end an empty operator that has a callback for its start.",
    rests="the labels of cloned empty operators, because only a running task gets a label",
    where="airflow_adapter/operators.py authoring/arranging/cloning.py",
    names="EmptyOperator",
)
def test_an_empty_operator_with_a_callback_says_so():
    with DAG("contract", schedule=None) as dag:
        EmptyOperator(task_id="without")
        EmptyOperator(task_id="with").on_execute_callback = [print]
    again = stored(dag)
    assert not again.get_task("without").has_on_execute_callback
    assert again.get_task("with").has_on_execute_callback


@assumes(
    "What @task returns is marked, and has the operator class, the function and the arguments.",
    rests="the nodes of workflows that run @task functions",
    where="airflow_adapter/operators.py airflow_adapter/objects.py workflows/tasks/called.py "
    "workflows/declared/finding.py workflows/declared/kinds.py",
    names="_airflow_is_task_decorator task_decorator_factory",
)
def test_a_task_function_says_what_it_is_made_of():
    made = task(retries=3)(take.function)
    assert type(made)._airflow_is_task_decorator
    assert (made.function, made.kwargs["retries"]) == (take.function, 3)
    operator = made.operator_class(
        task_id="made", python_callable=made.function, op_args=[1], op_kwargs={}, multiple_outputs=False
    )
    assert operator.op_args == [1]


@assumes(
    "The operator class of a plain @task function is called _PythonDecoratedOperator.",
    rests="workflow.local(), which calls such functions itself and executes the operators of all others",
    where="airflow_adapter/objects.py workflows/local.py",
    names="_PythonDecoratedOperator",
)
def test_the_operator_of_a_plain_task_function_is_known_by_its_name():
    assert take.operator_class.__name__ == "_PythonDecoratedOperator"


@assumes(
    "An operator keeps the arguments of its constructor in _BaseOperator__init_kwargs.",
    rests="finding the settings of operators that a workflow's body refers to",
    where="airflow_adapter/objects.py workflows/declared/finding.py",
    names="_BaseOperator__init_kwargs _BaseOperator__",
)
def test_an_operator_keeps_its_arguments():
    made = BashOperator(task_id="said", bash_command="true", retries=2)
    kept = vars(made)["_BaseOperator__init_kwargs"]
    assert (kept["bash_command"], kept["retries"]) == ("true", 2)


@assumes(
    "Calling, ordering and reading the output of tasks, groups and operators uses the methods that are "
    "replaced while a body runs.",
    rests="recording what the body of a workflow calls",
    where="airflow_adapter/objects.py airflow_adapter/task_graph.py airflow_adapter/calls.py "
    "workflows/recording/interception.py",
    names="_TaskDecorator _TaskGroupFactory OperatorPartial",
)
def test_calls_go_through_the_methods_that_are_replaced():
    from airflow.sdk.bases.decorator import _TaskDecorator
    from airflow.sdk.definitions.decorators.task_group import _TaskGroupFactory
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

    assert isinstance(take, _TaskDecorator)
    assert isinstance(pair, _TaskGroupFactory)
    assert isinstance(BashOperator.partial(task_id="each"), OperatorPartial)
    assert objects.is_operator(BashOperator(task_id="said", bash_command="true"))
    calls = {
        _TaskDecorator: ("__call__", "override", "expand", "partial", "expand_kwargs"),
        _TaskGroupFactory: ("__call__", "override", "expand", "partial", "expand_kwargs"),
        OperatorPartial: ("expand", "expand_kwargs"),
        BaseOperator: ("set_upstream", "set_downstream", "output"),
    }
    before = {(cls, name): getattr(cls, name) for cls, names in calls.items() for name in names}
    with interception.intercepted():
        replaced = {(cls, name) for cls, name in before if getattr(cls, name) is not before[cls, name]}
    assert replaced == before.keys()
    assert {each: getattr(*each) for each in before} == before


@assumes(
    "The operators >> and << call set_downstream() and set_upstream() of the operator.",
    rests="orders without data between the nodes of a workflow",
    where="workflows/recording/interception.py",
)
def test_the_order_of_tasks_goes_through_two_methods(mocker):
    with DAG("contract", schedule=None):
        first, second = EmptyOperator(task_id="first"), EmptyOperator(task_id="second")
        down = mocker.patch.object(BaseOperator, "set_downstream", autospec=True)
        first >> second
        assert down.call_args.args[:2] == (first, second)
        up = mocker.patch.object(BaseOperator, "set_upstream", autospec=True)
        first << second
        assert up.call_args.args[:2] == (first, second)


@assumes(
    "An operator's constructor accepts a reference instead of any value.",
    rests="checking a call of a classic operator in a body before its arguments exist",
    where="airflow_adapter/objects.py",
)
def test_a_constructor_takes_a_reference():
    with DAG("contract", schedule=None):
        made = BashOperator(task_id="said", bash_command=objects.stand_in())
    assert isinstance(made.bash_command, XComArg)


@assumes(
    "expand() and expand_kwargs() of tasks, operators and groups ask each reference for its task in "
    "ensure_xcomarg_return_value().",
    rests="expanding over a part of what a workflow returns",
    where="airflow_adapter/task_graph.py workflows/dag/outputs.py",
    names="ensure_xcomarg_return_value",
)
def test_what_is_expanded_over_is_asked_for_its_task():
    asked = []

    class Asking(PlainXComArg):
        def iter_references(self):
            asked.append(task_graph.is_expanding())
            return super().iter_references()

    @task_group
    def group(value):
        take(value)

    with DAG("contract", schedule=None):
        made = Asking(number().operator)
        take(made)
        assert not any(asked)
        for expand in (
            lambda: take.expand(value=made),
            lambda: take.expand_kwargs(made),
            lambda: take.expand(value=XComArg.map(made, lambda each: each)),
            lambda: BashOperator.partial(task_id="bash").expand(bash_command=made),
            lambda: group.expand(value=made),
        ):
            asked.clear()
            expand()
            assert asked[0]


@assumes(
    "version_compat finds the names that Airflow has moved.",
    rests="failing, skipping and rescheduling tasks, and schedules of Dagster's programs",
    where="version_compat.py",
    names="AirflowFailException AirflowSkipException AirflowTaskTimeout CronTriggerTimetable "
    "MultipleCronTriggerTimetable XComNotFound _match",
)
def test_moved_names_are_found():
    from airflow_dynamic_provider import version_compat

    for expressions, kind in ((["@daily"], "Cron"), (["@daily", "@weekly"], "MultipleCron")):
        made = version_compat.cron_timetable(expressions, "UTC")
        assert type(made).__name__ == f"{kind}TriggerTimetable"
    assert [name for name in version_compat.__all__ if not hasattr(version_compat, name)] == []


@assumes(
    "chain() orders every DependencyMixin with its set_upstream() and set_downstream(); labels are "
    "EdgeModifiers.",
    rests="ordering promises in the body of a workflow in the same way as tasks",
    where="airflow_adapter/objects.py workflows/recording/promises.py",
    names="DependencyMixin",
)
def test_chain_orders_what_says_that_it_can_be_ordered():
    ordered = []

    class Stand:
        @property
        def __class__(self):
            return DependencyMixin

        def set_downstream(self, other, edge_modifier=None):
            ordered.append((self, other))

    first, second = Stand(), Stand()
    chain(first, second)
    assert ordered == [(first, second)]
    assert isinstance(Label("why"), EdgeModifier)


@assumes(
    "DecoratedOperator and PythonOperator together run a function with its templated arguments, and with "
    "the variables of the context that it asks for.",
    rests="@task.dynamic, whose operator inherits from both",
    where="airflow_adapter/task_graph.py airflow_adapter/operators.py execution/operators.py",
    names="DecoratedOperator PythonOperator",
)
def test_the_operator_of_a_function_is_made_of_two_classes():
    class Both(DecoratedOperator, PythonOperator):
        def execute(self, context: Any) -> Any:
            return self.python_callable(*self.op_args, **self.determine_kwargs({**context, **self.op_kwargs}))

    def described(number: int, text: str, run_id: str) -> str:
        return f"{number} {text} {run_id}"

    with DAG("contract", schedule=None) as dag:
        given: dict[str, Any] = {"op_args": [1], "op_kwargs": {"text": "{{ task.task_id }}"}}
        given["python_callable"] = described
        Both(task_id="both", kwargs_to_upstream=given, **given)
    done = run_task(dag, "both")
    assert done.supervisor.xcoms["both", -1, "return_value"] == "1 both local"


@assumes(
    "A task group that is expanded is a MappedTaskGroup, and its tasks name it as their mapped group.",
    rests="refusing to clone what Airflow expands; the mapped groups of clones",
    where="airflow_adapter/task_graph.py",
    names="MappedTaskGroup",
)
def test_an_expanded_group_is_of_a_class_of_its_own():
    with DAG("contract", schedule=None) as dag:
        pair.expand(value=[1, 2])
    (group,) = dag.task_group.children.values()
    assert isinstance(group, MappedTaskGroup)
    assert [list(task.iter_mapped_task_groups()) for task in dag.tasks] == [[group]] * len(dag.tasks)


@assumes(
    "_get_specified_expand_input() of an expanded operator returns what the operator is expanded over.",
    rests="finding out which tasks an expanded task refers to",
    where="airflow_adapter/task_graph.py",
    names="_get_specified_expand_input",
)
def test_an_expanded_operator_says_what_it_is_expanded_over():
    with DAG("contract", schedule=None):
        made = number()
        each = BashOperator.partial(task_id="each").expand(env=made)
        other = number.override(task_id="other")()
    assert each._get_specified_expand_input().value == {"env": made}
    assert task_graph.refers_to(each, made.operator)
    assert not task_graph.refers_to(each, other.operator)


@assumes(
    "A partial that is not expanded warns, unless its attribute _expand_called is set.",
    rests="refusing expand() in a body without an additional warning from Airflow",
    where="airflow_adapter/calls.py",
    names="_expand_called",
)
def test_a_partial_warns_unless_it_was_expanded():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        partial = BashOperator.partial(task_id="each")
        calls.forget_partial(partial)
        del partial
        gc.collect()
        assert caught == []
        BashOperator.partial(task_id="each")
        gc.collect()
    assert [str(each.message) for each in caught] == ["Task 'each' was never mapped!"]


@assumes(
    "A label between tasks keeps the tasks before it in _upstream, and those after it in _downstream.",
    rests="labels between the calls of a body",
    where="airflow_adapter/calls.py",
    names="_upstream _downstream",
)
def test_a_label_keeps_both_its_sides():
    with DAG("contract", schedule=None):
        first, then = (BashOperator(task_id=name, bash_command="true") for name in ("first", "then"))
        label = Label("after")
        first >> label >> then
    assert (label._upstream, label._downstream) == ([first], [then])
    assert calls.add_upstream(label, [then]) == [then]
    assert calls.add_downstream(label, [first]) == [first, then]


@assumes(
    "The package airflow has the version of its core.",
    rests="the differences between versions, which each process of a task looks up",
    where="version_compat.py",
    names="__version__",
)
def test_the_package_has_its_version():
    from importlib.metadata import version

    import airflow

    assert airflow.__version__ == version("apache-airflow-core")


@assumes(
    "Airflow sets DagContext.current_autoregister_module_name while it reads a Dag file, takes the Dags in "
    "DagContext.autoregistered_dags as Dags of the file, and validates each before it uses it; "
    "DagContext.get_current() is the Dag whose definition runs.",
    rests="Dags that are made of the @workflow functions of a whole file",
    where="airflow_adapter/late_dags.py",
    names="DagContext",
)
def test_a_dag_that_is_registered_while_a_file_is_read_is_validated(tmp_path):
    (tmp_path / "late.py").write_text(
        "import sys\n"
        "from airflow.sdk import DAG\n"
        "from airflow.providers.standard.operators.empty import EmptyOperator\n"
        "from airflow_dynamic_provider.airflow_adapter import late_dags\n"
        "assert late_dags.file_being_read() is sys.modules[__name__]\n"
        "def fill():\n"
        "    assert late_dags.is_in_dag()\n"
        "    EmptyOperator(task_id=LAST)\n"
        "kept, withdrawn = (late_dags.LateDag(fill, dag_id=name) for name in ('kept', 'withdrawn'))\n"
        "for dag in (kept, withdrawn):\n"
        "    late_dags.register(dag, late_dags.file_being_read())\n"
        "late_dags.withdraw(withdrawn, late_dags.file_being_read())\n"
        "del kept, withdrawn, dag\n"
        "LAST = 'last'\n"
    )
    bag = read_folder(tmp_path)
    assert bag.import_errors == {}
    assert {dag_id: dag.task_ids for dag_id, dag in bag.dags.items()} == {"kept": ["last"]}
    assert late_dags.file_being_read() is None
    assert not late_dags.is_in_dag()
