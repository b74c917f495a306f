"""The assumptions of a task's process: about Airflow's task runner, its messages and its operators."""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset, BaseOperator, Param, dag, get_current_context, task, task_group

from airflow_dynamic_provider.airflow_adapter import containers, labels, waits, xcom
from airflow_dynamic_provider.errors import UnstorableOutputError
from tests.contract.assumptions import assumes
from tests.task_runs import FakeSupervisor, run_task

LABEL = "123"


def run_inside(body: Any, supervisor: FakeSupervisor | None = None) -> Any:
    """Run a function of the context in a task's process, and return its result and the supervisor."""
    returned: list[Any] = []

    @task
    def many():
        """Have XComs that are read."""

    @task
    def probe():
        returned.append(body(get_current_context()))

    @dag(schedule=None)
    def contract():
        many()
        probe()

    done = run_task(contract(), "probe", supervisor=supervisor)
    assert done.state == "success", done.error
    return returned[0], done.supervisor


def asked(supervisor: FakeSupervisor, name: str) -> list[Any]:
    return [msg for msg in supervisor.messages if type(msg).__name__ == name]


def of_three_clones() -> FakeSupervisor:
    return FakeSupervisor(xcoms={("many", index, "key"): f"value {index}" for index in range(3)})


@assumes(
    "xcom_pull() with a list of one task returns the XComs of all its map indexes in order, in one message.",
    rests="collections of up to 1,000 values, which are read at once",
    where="airflow_adapter/xcom.py",
)
def test_all_xcoms_of_a_task_come_in_one_message():
    values, supervisor = run_inside(lambda context: xcom.pull_all(context, "many", "key"), of_three_clones())
    assert values == ["value 0", "value 1", "value 2"]
    assert supervisor.count("GetXCom", "GetXComSequenceSlice") == 1


@assumes(
    "A slice of LazyXComSequence is one message, with the start and the stop of the slice.",
    rests="large collections, which are read in parts",
    where="airflow_adapter/xcom.py",
    names="LazyXComSequence",
)
def test_a_part_of_a_sequence_is_one_message():
    values, supervisor = run_inside(
        lambda context: xcom.pull_slice(context, "many", "key", 1, 3), of_three_clones()
    )
    assert values == ["value 1", "value 2"]
    (asked_for,) = asked(supervisor, "GetXComSequenceSlice")
    assert (asked_for.start, asked_for.stop) == (1, 3)


@assumes(
    "XCom.delete() deletes an XCom of the running task instance by its coordinates, in one message.",
    rests="a node that deletes what its earlier tries have left",
    where="airflow_adapter/xcom.py workflows/tasks/node_task.py",
)
def test_an_xcom_is_deleted_by_its_coordinates():
    _, supervisor = run_inside(lambda context: xcom.delete(context, "key"))
    (deleted,) = asked(supervisor, "DeleteXCom")
    assert (deleted.task_id, deleted.map_index, deleted.key) == ("probe", -1, "key")


@assumes(
    "A running task instance, or its trigger, can store its own return value with the number of clones.",
    rests="clones for a list of nodes before the task that lists them has ended",
    where="version_compat.py airflow_adapter/xcom.py workflows/listing/lane_list.py",
    names="_push _mapped_length",
)
def test_a_return_value_is_stored_early_with_its_length():
    _, supervisor = run_inside(
        lambda context: xcom.push_early(context["ti"], "return_value", [{}, {}], mapped_length=2)
    )
    early = asked(supervisor, "SetXCom")[0]
    assert (early.task_id, early.map_index, early.value, early.mapped_length) == ("probe", -1, [{}, {}], 2)


@assumes(
    "XCom.get_one() reads an XCom by its coordinates without a running task instance.",
    rests="nodes that wait in the triggerer, where there is no task context",
    where="airflow_adapter/xcom.py",
)
def test_an_xcom_is_read_without_a_task_instance():
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms

    with set_supervisor_comms(of_three_clones()):
        assert xcom.pull_of_run("dag", "run", "many", "key", 2) == "value 2"
        assert xcom.pull_of_run("dag", "run", "many", "other") is None


@assumes(
    "RuntimeTaskInstance.get_task_states() needs no task instance.",
    rests="nodes that wait in the triggerer until their upstream nodes have ended",
    where="airflow_adapter/xcom.py",
    names="RuntimeTaskInstance",
)
def test_states_are_read_without_a_task_instance():
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms

    supervisor = FakeSupervisor(states={("many", 0): "success", ("many", 1): "failed", ("one", -1): None})
    with set_supervisor_comms(supervisor):
        states = xcom.read_states_of_run("dag", "run", ["many", "one"])
    assert states == {("many", 0): "success", ("many", 1): "failed", ("one", -1): None}


@assumes(
    "The class of the supervisor in dag.test() is called InProcessSupervisorComms.",
    rests="recognising a run of dag.test(), in which a node must not wait in a trigger",
    where="airflow_adapter/xcom.py",
    names="task_runner",
)
def test_the_supervisor_of_a_test_is_known_by_its_name():
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    assert InProcessSupervisorComms.__name__ == "InProcessSupervisorComms"


@assumes(
    "BaseXCom.serialize_value() fails if a value cannot be stored; deserialize_value() returns the value.",
    rests="an error with the key, where a value is produced that cannot be stored",
    where="airflow_adapter/xcom.py",
    names="BaseXCom",
)
def test_values_are_serialized_without_being_stored():
    from airflow.sdk.bases.xcom import BaseXCom

    value = {"a": [1, None, "text"], "at": datetime(2026, 1, 1, tzinfo=timezone.utc)}
    assert BaseXCom.deserialize_value(SimpleNamespace(value=BaseXCom.serialize_value(value))) == value
    with pytest.raises((TypeError, AttributeError)):
        BaseXCom.serialize_value(object())


@assumes(
    "airflow.sdk.execution_time.xcom.XCom is the deployment's XCom backend, by default BaseXCom.",
    rests="no checks of values for a custom backend, which may store what JSON cannot",
    where="version_compat.py airflow_adapter/xcom.py database/runs.py embedded/reading.py",
    names="XCom",
)
def test_the_backend_is_known(mocker):
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    assert issubclass(XCom, BaseXCom)
    with pytest.raises(UnstorableOutputError):
        xcom.check_storable(object())

    class Legacy(BaseXCom):
        @staticmethod
        def serialize_value(*_value, **_coordinates):
            return "stored elsewhere"

        @staticmethod
        def deserialize_value(result):
            return [result.value]

    mocker.patch("airflow.sdk.execution_time.xcom.XCom", Legacy)
    xcom.check_storable(object())
    assert xcom.load(SimpleNamespace(value="reference")) == ["reference"]


@assumes(
    "An XCom backend may store and load values with store_value() and load_value() instead.",
    rests="custom backends that are made for Airflow 3.4",
    where="version_compat.py airflow_adapter/xcom.py",
    names="_load",
    since=(3, 4),
)
def test_a_backend_of_the_new_form_is_known(mocker):
    from airflow.sdk.bases.xcom import BaseXCom

    class New(BaseXCom):
        @classmethod
        def store_value(cls, *_written):
            return "stored elsewhere"

        @classmethod
        def load_value(cls, stored):
            return [stored]

    mocker.patch("airflow.sdk.execution_time.xcom.XCom", New)
    xcom.check_storable(object())
    assert xcom.load(SimpleNamespace(value="reference")) == ["reference"]


class Labelled:
    """The value of a template field that sets the label when it is rendered."""

    def resolve(self, context: Any) -> str:
        labels.set_label(context, LABEL)
        context["word"] = "told"
        return "resolved"


class LabelledOperator(BaseOperator):
    """Has a value to resolve, and a template that is rendered after it."""

    template_fields = ("labelled", "other")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(map_index_template=labels.MAP_INDEX_TEMPLATE, **kwargs)
        self.labelled: Any = Labelled()
        self.other = "{{ word }}"

    def execute(self, context: Any) -> Any:
        return [self.labelled, self.other]


def run_labelled(**settings: Any) -> Any:
    @dag(schedule=None, **settings)
    def contract():
        LabelledOperator(task_id="labelled")

    return run_task(contract(), "labelled", 0)


@assumes(
    "An object with a method resolve() in a template field is resolved before the template fields after it.",
    rests="a clone that finds its key before any of its other values is rendered",
    where="authoring/arranging/cloning.py workflows/tasks/node_task.py",
)
def test_template_fields_are_resolved_in_their_order():
    done = run_labelled()
    assert done.supervisor.xcoms["labelled", 0, "return_value"] == ["resolved", "told"]


@assumes(
    "The label is rendered from the task's context, and sent before the operator is executed.",
    rests="finding a clone by its key while it runs",
    where="airflow_adapter/labels.py",
    since=(3, 2),
)
def test_a_label_is_sent_before_the_operator_is_executed():
    sent = [type(msg).__name__ for msg in run_labelled().supervisor.messages]
    assert "SetRenderedMapIndex" in sent[: sent.index("SetXCom")]


@pytest.mark.parametrize("is_native", [False, True])
@assumes(
    "A label that looks like a number is sent as a string, even if the Dag renders native templates.",
    rests="clones of keys like '123' and 'None', which Airflow fails if the label is not a string",
    where="airflow_adapter/labels.py",
    since=(3, 2),
)
def test_a_label_stays_a_text(is_native):
    assert run_labelled(render_template_as_native_obj=is_native).label == LABEL


@assumes(
    "The attribute rendered_map_index of a task instance is reported when it ends.",
    rests="the label of a clone that fails before its template is rendered",
    where="airflow_adapter/labels.py",
)
def test_the_attribute_of_the_label_is_reported():
    from airflow.sdk.execution_time import comms
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    assert "rendered_map_index" in RuntimeTaskInstance.model_fields
    ended = ("SucceedTask", "RetryTask", "TaskState", "DeferTask")
    assert [name for name in ended if "rendered_map_index" not in getattr(comms, name).model_fields] == []


@assumes(
    "An operator calls its _pre_execute_hook and _post_execute_hook around its execute().",
    rests="storing a clone's result with its key, for every operator",
    where="airflow_adapter/operators.py airflow_adapter/objects.py execution/clones.py",
    names="_pre_execute_hook _post_execute_hook",
)
def test_hooks_are_called_around_execute():
    seen: list[Any] = []

    @task
    def work():
        seen.append("execute")
        return 1

    @dag(schedule=None)
    def contract():
        operator: Any = work().operator
        operator._pre_execute_hook = lambda context: seen.append(context["ti"].task_id)
        operator._post_execute_hook = lambda context, result: seen.append(result)

    assert run_task(contract(), "work").state == "success"
    assert seen == ["work", "execute", 1]


@assumes(
    "An operator runs inside another if its Dag is in _dag and ExecutorSafeguard.tracker names it.",
    rests="nodes of workflows, which run the author's operator in their own process",
    where="airflow_adapter/running.py workflows/tasks/called.py",
    names="_dag ExecutorSafeguard",
)
def test_an_operator_runs_inside_another():
    from airflow.sdk.bases.operator import ExecutorSafeguard

    def nested(context):
        made = LabelledOperator(task_id="made")
        object.__setattr__(made, "_dag", context["dag"])
        assert made.dag is context["dag"]
        made.render_template_fields(context)
        assert isinstance(ExecutorSafeguard.tracker, ContextVar)
        made.allow_nested_operators = False
        token = ExecutorSafeguard.tracker.set(made)
        try:
            return made.execute(context)
        finally:
            ExecutorSafeguard.tracker.reset(token)

    assert run_inside(nested)[0] == ["resolved", "told"]


@assumes(
    "resume_execution() calls a method by its name; the name '__fail__' means that the trigger has failed.",
    rests="operators in a node that wait in a trigger",
    where="workflows/tasks/node_task.py workflows/tasks/called.py",
)
def test_an_operator_goes_on_with_a_method():
    from airflow.sdk.bases import operator

    class Waiting(BaseOperator):
        def go_on(self, context, event=None):
            return event

    assert Waiting(task_id="waiting").resume_execution("go_on", {"event": "came"}, {}) == "came"
    assert operator.TRIGGER_FAIL_REPR == "__fail__"


@assumes(
    "TimeoutPosix raises AirflowTaskTimeout in code that runs too long.",
    rests="the time limits of workflows and of their nodes",
    where="airflow_adapter/running.py workflows/waiting/deadline.py version_compat.py",
    names="TimeoutPosix",
)
def test_a_limit_of_time_raises():
    from airflow.sdk.execution_time.timeout import TimeoutPosix

    from airflow_dynamic_provider.version_compat import AirflowTaskTimeout

    with pytest.raises(AirflowTaskTimeout), TimeoutPosix(0.001):
        time.sleep(10)


@assumes(
    "set_current_context() sets the context for the code in its block.",
    rests="workflow.local(), in which functions read their context although Airflow does not run",
    where="airflow_adapter/running.py workflows/local.py",
    names="set_current_context",
)
def test_a_context_is_given_to_code_outside_a_task():
    from airflow.sdk.execution_time.context import set_current_context

    with set_current_context({"ti": "mine"}):  # type: ignore[arg-type]
        assert get_current_context()["ti"] == "mine"


@assumes(
    "KNOWN_CONTEXT_KEYS has the names in Airflow's task context.",
    rests="distinguishing an argument that Airflow fills in from one that a workflow's body forgot",
    where="airflow_adapter/running.py airflow_adapter/task_graph.py",
    names="KNOWN_CONTEXT_KEYS",
)
def test_the_names_of_the_context_are_known():
    from airflow.sdk.bases.decorator import KNOWN_CONTEXT_KEYS  # type: ignore[attr-defined]

    assert {"ti", "params", "ds", "dag_run", "logical_date"} <= set(KNOWN_CONTEXT_KEYS)


@assumes(
    "AirflowRescheduleException returns a task instance to the scheduler until a given time.",
    rests="clones that were started too early, and nodes that wait in dag.test()",
    where="execution/clones.py workflows/tasks/node_task.py version_compat.py",
    names="AirflowRescheduleException",
)
def test_a_task_instance_goes_back_to_the_scheduler():
    from airflow_dynamic_provider.version_compat import AirflowRescheduleException

    until = datetime.now(timezone.utc) + timedelta(hours=1)

    @task
    def too_early():
        raise AirflowRescheduleException(until)

    @dag(schedule=None)
    def contract():
        too_early()

    assert run_task(contract(), "too_early").state == "up_for_reschedule"


@assumes(
    "Airflow keeps the context of the running task in the list _CURRENT_CONTEXT, and get_current_context() "
    "returns its last entry.",
    rests="the context of a key of a batch in another process",
    where="airflow_adapter/running.py",
    names="_CURRENT_CONTEXT",
)
def test_the_last_context_in_the_list_is_the_current_one():
    from airflow.sdk import get_current_context

    from airflow_dynamic_provider.airflow_adapter import running

    context = {"mapping_key": "a"}
    assert running.current_context() is None
    running.make_current(context)
    try:
        assert running.current_context() is context
        assert get_current_context() is context
    finally:
        running.forget_current()
    with pytest.raises(RuntimeError):
        get_current_context()


@assumes(
    "Whoever asks for a variable or a connection sends it through task_runner.SUPERVISOR_COMMS.",
    rests="the refusal of such calls in a process that a batch has forked",
    where="airflow_adapter/running.py",
    names="task_runner",
)
def test_variables_are_asked_through_the_connection_to_the_supervisor(monkeypatch):
    from airflow.sdk import Variable
    from airflow.sdk.execution_time import task_runner

    from airflow_dynamic_provider.airflow_adapter import running

    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", None, raising=False)
    running.refuse_calls("this test")
    with pytest.raises(running.CallRefused, match="not available in this test"):
        Variable.get("anything")


@assumes(
    "airflow.sdk.log.redact() hides the values that mask_secret() was told.",
    rests="the secrets in the errors of keys, which pages show",
    where="airflow_adapter/secrets.py",
    names="redact",
)
def test_redact_hides_secrets():
    from airflow.sdk.log import mask_secret

    from airflow_dynamic_provider.airflow_adapter.secrets import mask

    mask_secret("a-very-long-secret")
    assert mask("it is a-very-long-secret indeed") == "it is *** indeed"
    assert mask("nothing to hide") == "nothing to hide"


@assumes(
    "The task state store keeps JSON of a task instance over its tries, and its max_tries changes with a "
    "clear alone.",
    rests="a retry of a batch, which runs only the keys that did not succeed",
    where="airflow_adapter/state_store.py execution/batches/recording.py",
    since=(3, 3),
)
def test_there_is_a_task_state_store():
    from airflow.sdk import Context
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    assert "task_state_store" in Context.__annotations__
    assert "max_tries" in RuntimeTaskInstance.model_fields


class _Resumed(BaseOperator):
    """Notes what is known of its start, at once or after a wait."""

    seen: list[bool]

    def execute(self, context: Any) -> None:
        self.seen.append(xcom.is_resumed(context))

    def go_on(self, context: Any) -> None:
        self.execute(context)


@assumes(
    "A task instance that goes on after a wait has the method that is called in _ti_context_from_server.",
    rests="max_failures, which stops no clone that has started and waits in the triggerer",
    where="airflow_adapter/xcom.py",
    names="_ti_context_from_server",
)
@pytest.mark.parametrize("next_method", [None, "go_on"])
def test_a_task_instance_that_goes_on_is_known(next_method):
    @dag(schedule=None)
    def contract():
        _Resumed(task_id="waits").seen = seen

    seen: list[bool] = []
    run = run_task(contract(), "waits", next_method=next_method)
    assert (run.state, seen) == ("success", [next_method is not None])


@assumes(
    "Airflow's task runner runs a task whose requests another object than its supervisor answers, and calls "
    "the callbacks of its author.",
    rests="runs of whole Dags in plain Python",
    where="airflow_adapter/in_memory.py",
    names="DagRun DagRunState DagRunType ErrorResponse ErrorType InactiveAssetsResult RuntimeTaskInstance "
    "TICount TIRunContext TaskStateStoreResult TaskStatesResult XComCountResponse XComResult "
    "XComSequenceIndexResult XComSequenceSliceResult _ti_context_from_server finalize run "
    "set_supervisor_comms",
)
def test_a_task_runs_with_its_values_in_memory():
    from airflow_dynamic_provider.airflow_adapter.in_memory import Memory, MemoryRun, run_instance

    seen = []

    @task(outlets=[Asset("table")], retries=1, on_retry_callback=lambda context: seen.append("retry"))
    def work(ti=None):
        ti.xcom_push("key", ti.try_number)
        if ti.try_number == 1:
            raise ValueError("not yet")
        return ti.xcom_pull(task_ids="other", key="key")

    @dag(schedule=None)
    def contract():
        work()

    made = contract()
    run = MemoryRun(made, Memory(xcoms={("other", -1, "key"): 3}), {}, datetime.now(timezone.utc))
    first, second = (run_instance(run, made.get_task("work"), -1, tried) for tried in (1, 2))
    assert (first.state, str(first.error), second.state) == ("up_for_retry", "not yet", "success")
    assert run.memory.xcoms["work", -1, "key"] == 2
    assert run.memory.xcoms["work", -1, "return_value"] == 3
    assert seen == ["retry"]


@assumes(
    "A mapped task, and a mapped group, have what Airflow expands them over in their expand input.",
    rests="the number of task instances of a mapped task, in runs of whole Dags in plain Python",
    where="airflow_adapter/expansion.py",
    names="MappedOperator PlainXComArg _expand_input _get_specified_expand_input",
)
def test_a_task_shows_what_it_is_expanded_over():
    from airflow_dynamic_provider.airflow_adapter.expansion import inputs_of

    @task
    def many():
        return [1, 2]

    @task
    def each(one, other=None):
        """Use a value."""

    @task_group
    def group(one):
        each.override(task_id="inside")(one)

    @dag(schedule=None)
    def contract():
        values = many()
        each.expand(one=values, other=[1, 2, 3])
        group.expand(one=values)

    made = contract()
    found = {name: inputs_of(made.get_task(name)) for name in made.task_ids}
    assert found == {"many": None, "each": ("many", 3), "group.inside": ("many",)}


@assumes(
    "An operator that asks people returns the chosen options and the input, by name, to execute_complete.",
    rests="the gates of programs for Flyte",
    where="airflow_adapter/waits.py dags_from/flyte/gates.py",
    names="HITLOperator",
)
def test_an_asking_operator_returns_the_answer():
    operator = waits.asking_operator()(
        task_id="asks",
        subject="rate",
        options=["OK"],
        params={"value": Param(default=None, type=["null", "number"])},
        **waits.answer_within(timedelta(hours=1)),
    )
    event = {
        "chosen_options": ["OK"],
        "params_input": {"value": 3},
        "responded_at": datetime.now(timezone.utc),
        "responded_by_user": None,
    }
    answer = operator.execute_complete({}, event)
    assert (answer["chosen_options"], answer["params_input"]) == (["OK"], {"value": 3})
    (name,) = waits.answer_within(timedelta(hours=1))
    assert getattr(operator, name) == timedelta(hours=1)


@assumes(
    "A trigger for a time fires once it is over.",
    rests="the gate `sleep` of programs for Flyte",
    where="airflow_adapter/waits.py dags_from/flyte/gates.py",
    names="TimeDeltaTrigger",
)
def test_a_trigger_waits_for_a_time():
    async def fired() -> int:
        return len([event async for event in waits.time_trigger(timedelta()).run()])

    assert asyncio.run(fired()) == 1


@assumes(
    "Without their providers, the modules of the operators of containers cannot be imported.",
    rests="the error of a ContainerTask that says what to install; `make test-flyte` has the providers",
    where="airflow_adapter/containers.py dags_from/flyte/containers.py",
    names="DockerOperator KubernetesPodOperator",
)
def test_operators_of_containers_need_their_providers():
    assert (containers.docker_operator(), containers.pod_operator()) == (None, None)
