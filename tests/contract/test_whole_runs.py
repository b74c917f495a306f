"""What only a whole Dag run shows: what the scheduler, the triggerer and the database do."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, dag, get_current_context, task
from airflow.triggers.base import BaseTrigger, StartTriggerArgs, TaskSkippedEvent
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.structure import newest_structure
from airflow_dynamic_provider.embedded import one_execution_api
from airflow_dynamic_provider.version_compat import AirflowRescheduleException
from tests.contract.assumptions import assumes
from tests.dag_runs import KeptRun, _message, _update, register, start_run

pytestmark = pytest.mark.usefixtures("database")

#: How many clones there are; a test changes it.
COUNT = [2]


class GivesUp(BaseTrigger):
    """Ends its task instance as skipped, and leaves a word."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.GivesUp", {}

    async def run(self) -> Any:
        yield TaskSkippedEvent(xcoms={"word": f"of {self.task_instance.map_index}"})


class StartsInTriggerer(BaseOperator):
    """Starts in the triggerer."""

    start_from_trigger = True
    start_trigger_args: ClassVar[Any] = StartTriggerArgs(
        trigger_cls=f"{__name__}.GivesUp", trigger_kwargs={}, next_method="go_on", timeout=None
    )

    def execute(self, context: Any) -> Any:
        raise AssertionError("a worker runs it")


class Waits(BaseOperator):
    """Waits in the triggerer."""

    def execute(self, context: Any) -> Any:
        self.defer(trigger=GivesUp(), method_name="go_on")

    def go_on(self, context: Any, event: Any = None) -> Any:
        raise AssertionError("its trigger ends it")


@task
def numbers():
    return list(range(COUNT[0]))


@task
def each(number, ti=None):
    if number == 0 and ti.try_number == 1 and COUNT[0] == 2:
        COUNT[0] = 3
        raise AirflowRescheduleException(datetime.now(timezone.utc) + timedelta(milliseconds=1))
    return number * 10


@task(trigger_rule="all_done")
def look():
    """Return what the package reads of its run."""
    context = get_current_context()
    states = xcom.read_states(context, ["numbers", "each", "end"])
    return {
        "states": sorted([task_id, index, state] for (task_id, index), state in states.items()),
        "is embedded": xcom.is_embedded(),
        "has failed": xcom.has_failed(context, ["numbers", "each"]),
        "part": xcom.pull_slice(context, "each", "return_value", 1, 2),
    }


@pytest.fixture(scope="module")
def plain(airflow_database: None) -> KeptRun:
    """A run of plain tasks, clones and an empty operator."""

    @dag(schedule=None)
    def contract():
        cloned = each.expand(number=numbers())
        end = EmptyOperator(task_id="end")
        cloned >> end >> look()

    COUNT[:] = [1]
    with one_execution_api():
        return start_run(contract()).run()


@assumes(
    "States are told by 'task', and by 'task_3' for the task instance at map index 3.",
    rests="all that waits for clones or tells their states",
    where="airflow_adapter/xcom.py",
)
def test_states_are_told_by_task_and_map_index(plain):
    assert plain.xcom("look")["states"] == [
        ["each", 0, "success"],
        ["end", -1, "success"],
        ["numbers", -1, "success"],
    ]


@assumes(
    "A task finds out that it runs in dag.test(), and how many task instances are in a state.",
    rests="workflows in dag.test(), and stopping at the first failure",
    where="airflow_adapter/xcom.py workflows/tasks/node_task.py",
)
def test_a_task_finds_out_where_it_runs(plain):
    seen = plain.xcom("look")
    assert (seen["is embedded"], seen["has failed"]) == (True, False)


@assumes(
    "A slice beyond the XComs that there are is empty.",
    rests="large collections of which the last part is not full",
    where="airflow_adapter/xcom.py",
)
def test_a_slice_beyond_the_end_is_empty(plain):
    assert plain.xcom("look")["part"] == []


@assumes(
    "The scheduler ends an empty operator without running it.",
    rests="tasks that the package adds and that cost no worker",
    where="execution/helpers.py",
)
def test_an_empty_operator_is_not_run(plain):
    assert plain.state_of("end") == "success"
    assert ("end", -1) not in plain.calls.messages


@assumes(
    "TaskInstance, DagRun and XComModel have the columns of ids, states, times, tries, labels and values.",
    rests="pages and commands",
    where="database/cells.py database/history.py database/instances.py database/runs.py embedded.py "
    "ui/presenting.py",
)
def test_the_database_has_the_columns_that_are_read(plain):
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel

    wanted = {
        TaskInstance: "dag_id run_id task_id map_index state try_number start_date end_date duration "
        "_rendered_map_index",
        DagRun: "id dag_id run_id state start_date end_date logical_date bundle_version "
        "created_dag_version_id",
        XComModel: "dag_id run_id task_id map_index key value",
        DagModel: "dag_id",
    }
    with create_session() as session:
        for model, names in wanted.items():
            columns = [getattr(model, name) for name in names.split()]
            found = session.execute(select(*columns).where(model.dag_id == "contract"))
            assert len(found.all()) > 0, model


@assumes(
    "A row of XComModel is what the deployment's XCom backend loads a value from.",
    rests="values on pages and in commands",
    where="database/runs.py embedded.py",
)
def test_a_row_is_loaded_by_the_backend(plain):
    with create_session() as session:
        run = open_run(session, "contract", plain.run_id)
        assert run.source.pull("each", "return_value", 0) == 0


@assumes(
    "The newest version of a Dag is in DagVersion, and its tasks and hash in SerializedDagModel.",
    rests="what pages and commands know of a Dag's keys",
    where="database/structure.py",
)
def test_the_stored_dag_is_read_from_the_database(plain):
    with create_session() as session:
        structure = newest_structure(session, "contract")
    assert structure is not None
    assert structure.order == ("numbers", "each", "end", "look")


@assumes(
    "Clearing a task instance raises max_tries by the tries that it had, and keeps counting its tries.",
    rests="telling keys of an earlier try from those of now; a node's own number of retries",
    where="database/clearing.py workflows/tasks/called.py execution/clones.py",
)
def test_tries_are_counted_on_after_a_clear(plain):
    from airflow.models.taskinstance import clear_task_instances

    with create_session() as session:
        found = [ti for ti in plain.dag_run.get_task_instances(session=session) if ti.task_id == "numbers"]
        clear_task_instances(found, session)
    again = plain.run()
    (ti,) = again.instances("numbers").values()
    assert (ti.try_number, ti.max_tries, ti.state) == (2, 1, "success")


@assumes(
    "A clone that goes back to the scheduler has it make clones for what its list has grown by.",
    rests="nodes that are planned while a workflow runs",
    where="workflows/progress/growth.py workflows/tasks/node_task.py",
)
def test_clones_are_added_when_one_goes_back_to_the_scheduler():
    @dag(schedule=None)
    def contract_of_growth():
        each.expand(number=numbers())

    COUNT[:] = [2]
    run = start_run(contract_of_growth())
    _grow_when_asked(run)
    run.run()
    assert run.states("each") == {0: "success", 1: "success", 2: "success"}


def _grow_when_asked(run: KeptRun) -> None:
    """Have the list of the clones grow while the first of them is away."""
    execute = run._execute

    def executed(ti: Any) -> None:
        before = COUNT[0]
        execute(ti)
        if COUNT[0] > before:
            _set_length(run, COUNT[0])

    run._execute = executed  # type: ignore[method-assign]


def _set_length(run: KeptRun, length: int) -> None:
    """Store a longer list as what the task "numbers" has returned."""
    from airflow.sdk.execution_time.supervisor import run_task_in_process

    (ti,) = run.instances("numbers").values()
    _update(ti.id, state="queued")
    run_task_in_process(ti=_message(ti), task=run.dag.get_task("numbers"))


@assumes(
    "A trigger knows its task instance, and ends it as skipped with XComs.",
    rests="nodes that do not run because one before them failed, and that say so",
    where="airflow_adapter/triggers.py workflows/trigger.py",
    names="BaseTrigger TaskSkippedEvent TaskSuccessEvent TriggerEvent",
)
def test_a_trigger_ends_its_task_instance_as_skipped():
    @dag(schedule=None)
    def contract_of_triggers():
        Waits(task_id="waits")

    run = _run_with_triggers(start_run(contract_of_triggers()))
    assert run.state_of("waits") == "skipped"
    # What a trigger pushes is stored as text.
    assert run.xcom("waits", "word") == '"of -1"'


@assumes(
    "A clone of an operator with start_from_trigger starts in the triggerer, and no worker runs it.",
    rests="nodes that wait without ever having held a worker",
    where="airflow_adapter/triggers.py workflows/dag/group.py",
    names="StartTriggerArgs",
    since=(3, 3),
)
def test_a_clone_starts_in_the_triggerer():
    @dag(schedule=None)
    def contract_of_starts():
        StartsInTriggerer.partial(task_id="starts").expand_kwargs([{}, {}])

    run = _run_with_triggers(start_run(contract_of_starts()))
    assert {index: str(ti.state) for index, ti in run.instances("starts").items()} == {
        0: "skipped",
        1: "skipped",
    }
    # What a trigger pushes is stored as text.
    assert run.xcoms("starts", "word") == {0: '"of 0"', 1: '"of 1"'}
    assert not [each for each in run.calls.messages if each[0] == "starts"]


def _run_with_triggers(run: KeptRun) -> KeptRun:
    """Run to the end, and run the triggers of all that waits in them meanwhile."""
    run._trigger = lambda ti: None  # type: ignore[method-assign]
    run._look_for_waiting_nodes = lambda: _run_triggers(run)  # type: ignore[method-assign]
    return run.run()


def _run_triggers(run: KeptRun) -> None:
    from airflow.models.trigger import Trigger
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

    with create_session() as session:
        found = run.dag_run.get_task_instances(session=session)
        waiting = [(_message(ti), ti.trigger_id) for ti in found if ti.state == "deferred"]
    for ti, trigger_id in waiting:
        trigger = GivesUp()
        assert trigger.task_instance is None
        trigger.task_instance = ti
        event = InProcessTestSupervisor.run_trigger_in_process(trigger=trigger, ti=ti)
        with create_session() as session:
            Trigger.submit_event(trigger_id, event, session=session)


@assumes(
    "dag.test() takes a run's configuration, and calls listeners in its own process.",
    rests="Dag files that run by themselves, and show how far they are",
    where="embedded.py",
)
def test_an_embedded_run_is_watched():
    from airflow.listeners import hookimpl

    from airflow_dynamic_provider.embedded import _listener_manager

    @task
    def configured(params=None):
        return get_current_context()["dag_run"].conf["word"]

    @dag(schedule=None)
    def contract_of_test():
        configured()

    class Listener:
        seen: ClassVar[list[str]] = []

        @hookimpl
        def on_task_instance_running(self, task_instance: Any) -> None:
            self.seen.append(task_instance.task_id)

    made, listener, manager = contract_of_test(), Listener(), _listener_manager()
    register(made)
    manager.add_listener(listener)
    try:
        assert made.test(run_conf={"word": "told"}).state == "success"
    finally:
        manager.pm.unregister(listener)
    assert listener.seen == ["configured"]


@assumes(
    "The application that answers tasks in dag.test() is made by supervisor.in_process_api_server().",
    rests="embedded runs in seconds and not minutes up to Airflow 3.2",
    where="embedded.py",
)
def test_one_application_answers_all_tasks_of_a_test():
    from airflow.sdk.execution_time import supervisor

    with one_execution_api():
        assert supervisor.in_process_api_server() is supervisor.in_process_api_server()
