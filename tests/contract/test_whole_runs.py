"""The assumptions that only a whole Dag run shows: about the scheduler, the triggerer and the database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, dag, get_current_context, task
from airflow.triggers.base import BaseTrigger, TaskSkippedEvent
from sqlalchemy import select, update

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.models import create_session
from airflow_dynamic_provider.airflow_adapter.starting import StartArguments
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.structure import newest_structure
from airflow_dynamic_provider.embedded import one_execution_api
from airflow_dynamic_provider.version_compat import COUNTS_CLEARS, AirflowRescheduleException
from tests.contract.assumptions import assumes
from tests.dag_runs import KeptRun, _message, _update, register, start_run
from tests.pure.processes import run_python

pytestmark = pytest.mark.usefixtures("database")

#: The number of clones; a test changes it.
COUNT = [2]


class GivesUp(BaseTrigger):
    """Ends its task instance as skipped, and stores an XCom."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.GivesUp", {}

    async def run(self) -> Any:
        yield TaskSkippedEvent(xcoms={"word": f"of {self.task_instance.map_index}"})


class StartsInTriggerer(BaseOperator):
    """Starts in the triggerer."""

    start_from_trigger = True
    start_trigger_args: ClassVar[Any] = StartArguments(
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
    """Return what the package reads about its run."""
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
    "States are reported under 'task', or under 'task_3' for the task instance at map index 3.",
    rests="everything that waits for clones or reads their states",
    where="airflow_adapter/xcom.py",
)
def test_states_are_told_by_task_and_map_index(plain):
    assert plain.xcom("look")["states"] == [
        ["each", 0, "success"],
        ["end", -1, "success"],
        ["numbers", -1, "success"],
    ]


@assumes(
    "A task can find out whether it runs in dag.test(), and how many task instances are in a state.",
    rests="workflows in dag.test(), and stopping at the first failure",
    where="airflow_adapter/xcom.py workflows/tasks/node_task.py",
)
def test_a_task_finds_out_where_it_runs(plain):
    seen = plain.xcom("look")
    assert (seen["is embedded"], seen["has failed"]) == (True, False)


@assumes(
    "A slice beyond the last XCom is empty.",
    rests="large collections whose last part is not full",
    where="airflow_adapter/xcom.py",
)
def test_a_slice_beyond_the_end_is_empty(plain):
    assert plain.xcom("look")["part"] == []


@assumes(
    "The scheduler ends an empty operator without running it.",
    rests="tasks that the package adds and that need no worker",
    where="execution/helpers.py",
)
def test_an_empty_operator_is_not_run(plain):
    assert plain.state_of("end") == "success"
    assert ("end", -1) not in plain.calls.messages


@assumes(
    "TaskInstance, DagRun and XComModel have columns for ids, states, times, tries, labels and values.",
    rests="pages and commands",
    where="airflow_adapter/models.py database/cells.py database/history.py database/instances.py "
    "database/runs.py embedded/reading.py ui/presenting.py",
    names="DagModel DagRun TaskInstance XComModel",
)
def test_the_database_has_the_columns_that_are_read(plain):
    from airflow_dynamic_provider.airflow_adapter.models import DagModel, DagRun, TaskInstance, XComModel

    wanted = {
        TaskInstance: "dag_id run_id task_id map_index state try_number start_date end_date duration",
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
    "A column of TaskInstance holds the label of a clone, and NULL if there is no label.",
    rests="the names of clones and nodes on pages and in commands",
    where="airflow_adapter/models.py database/instances.py",
    names="_rendered_map_index",
)
def test_one_column_has_the_label(plain):
    from airflow_dynamic_provider.airflow_adapter.models import LABEL, TaskInstance

    (clone,) = plain.instances("each").values()
    with create_session() as session:
        session.execute(update(TaskInstance).where(TaskInstance.id == clone.id).values({LABEL: "a label"}))
        labels = select(TaskInstance.task_id, LABEL).where(TaskInstance.run_id == plain.run_id)
        assert dict(session.execute(labels).all()) == {
            "numbers": None,
            "each": "a label",
            "end": None,
            "look": None,
        }
        session.rollback()


@assumes(
    "XComModel.value is JSON, a query can read a part of it, and a dict is stored by its fields.",
    rests="distinguishing keys of an earlier list from current keys, in the database itself",
    where="airflow_adapter/models.py database/cells.py",
)
def test_a_query_reads_a_part_of_a_value(plain):
    from airflow_dynamic_provider.airflow_adapter.models import XComModel

    states = XComModel.value["is embedded"].as_boolean()
    query = select(XComModel.task_id).where(XComModel.run_id == plain.run_id, states)
    with create_session() as session:
        assert session.scalars(query).all() == ["look"]


@assumes(
    "rendered_map_index of a TaskInstance is its label, or its map index if it has no label.",
    rests="the keys that an embedded run prints",
    where="embedded/reading.py",
)
def test_a_task_instance_has_a_label(plain):
    labels = {ti.task_id: ti.rendered_map_index for ti in plain.dag_run.get_task_instances()}
    assert labels == {"numbers": None, "each": "0", "end": None, "look": None}


@assumes(
    "The deployment's XCom backend loads a value from a row of XComModel.",
    rests="values on pages and in commands",
    where="airflow_adapter/models.py airflow_adapter/xcom.py database/runs.py embedded/reading.py",
)
def test_a_row_is_loaded_by_the_backend(plain):
    with create_session() as session:
        run = open_run(session, "contract", plain.run_id)
        assert run.source.pull("each", "return_value", 0) == 0


@assumes(
    "The newest version of a Dag is in DagVersion, and its tasks and hash in SerializedDagModel.",
    rests="what pages and commands know about a Dag's keys",
    where="airflow_adapter/models.py database/structure.py",
)
def test_the_stored_dag_is_read_from_the_database(plain):
    with create_session() as session:
        structure = newest_structure(session, "contract")
    assert structure is not None
    assert structure.order == ("numbers", "each", "end", "look")


@assumes(
    "A run names the version of its Dag, and a stored Dag is found by its version.",
    rests="showing a run of a versioned bundle with the Dag of that version",
    where="airflow_adapter/models.py database/structure.py",
    names="DagVersion SerializedDagModel",
)
def test_a_run_names_the_version_of_its_dag(plain):
    from airflow_dynamic_provider.airflow_adapter.models import DagVersion, SerializedDagModel

    with create_session() as session:
        version = DagVersion.get_latest_version("contract", session=session)
        assert plain.dag_run.created_dag_version_id == version.id
        found = select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version.id)
        stored = session.scalars(found).one()
        stored.load_op_links = False
        assert set(stored.dag.task_dict) == {"numbers", "each", "end", "look"}
        assert isinstance(stored.dag_hash, str)


@assumes(
    "Clearing a task instance raises max_tries by its number of tries, and its try number keeps rising.",
    rests="distinguishing keys of an earlier try from current keys; a node's own number of retries",
    where="airflow_adapter/models.py database/clearing.py workflows/tasks/called.py execution/clones.py",
)
def test_tries_are_counted_on_after_a_clear(plain):
    from airflow_dynamic_provider.airflow_adapter.models import clear_task_instances

    with create_session() as session:
        found = [ti for ti in plain.dag_run.get_task_instances(session=session) if ti.task_id == "numbers"]
        clear_task_instances(found, session)
    again = plain.run()
    (ti,) = again.instances("numbers").values()
    assert (ti.try_number, ti.max_tries, ti.state) == (2, 1, "success")


@assumes(
    "clear_task_instances() clears only the task instances that it receives, and queues a run again that has "
    "ended.",
    rests="clearing keys and nodes with everything that depends on them, and nothing else",
    where="airflow_adapter/models.py database/clearing.py",
    names="clear_task_instances",
)
def test_only_what_is_given_is_cleared():
    from airflow_dynamic_provider.airflow_adapter.models import DagRun, clear_task_instances

    @dag(schedule=None)
    def contract_of_clears():
        each.expand(number=numbers()) >> EmptyOperator(task_id="end")

    COUNT[:] = [3]
    run = start_run(contract_of_clears()).run()
    with create_session() as session:
        found = run.dag_run.get_task_instances(session=session)
        clear_task_instances([ti for ti in found if (ti.task_id, ti.map_index) == ("each", 1)], session)
    with create_session() as session:
        again = session.get(DagRun, run.dag_run.id)
        states = {(ti.task_id, ti.map_index): ti.state for ti in again.get_task_instances(session=session)}
        assert str(again.state) == "queued"
    assert [at for at, state in states.items() if state != "success"] == [("each", 1)]
    assert states["each", 1] is None


@assumes(
    "A clear, and nothing else before the next try starts, gives a task instance another id. From 3.2 "
    "on, it also counts up the clear_number of the run. The task sees both.",
    rests="running only the cleared keys of a batch, and all keys after Airflow's own clear",
    where="airflow_adapter/xcom.py execution/batch_records/kept.py database/batch_clearing.py",
)
def test_a_clear_is_known_by_the_id_of_the_task_instance():
    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, clear_task_instances

    seen = []

    @task
    def tell():
        context = get_current_context()
        seen.append((xcom.id_of(context), xcom.was_cleared(context), xcom.max_tries_of(context)))

    @dag(schedule=None)
    def contract_of_ids():
        tell()

    run = start_run(contract_of_ids()).run()
    ids = []
    for _ in range(2):
        with create_session() as session:
            (found,) = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run.run_id))
            clear_task_instances([found], session)
            ids.append((str(found.id), True, found.max_tries))
    run.run()
    assert (seen[0][1:], seen[1]) == ((not COUNTS_CLEARS, 0), ids[1])
    assert len({seen[0][0], *(ti_id for ti_id, _, _ in ids)}) == 3


@assumes(
    "A row of XComModel can be added in the transaction of a session, and is read like the XComs of tasks.",
    rests="keeping the results of the other keys when single keys of a batch are cleared",
    where="airflow_adapter/models.py database/batch_clearing.py",
    names="XComModel XCom",
)
def test_an_xcom_is_stored_in_a_transaction(plain, monkeypatch):
    from airflow.sdk.execution_time.xcom import XCom

    from airflow_dynamic_provider.airflow_adapter import xcom as adapter
    from airflow_dynamic_provider.airflow_adapter.models import store_xcom

    place = {"dag_id": "contract", "run_id": plain.run_id, "task_id": "numbers"}
    stored = {"when": {"__classname__": "datetime.date", "__version__": 2, "__data__": "2024-05-01"}}
    with create_session() as session:
        source = open_run(session, "contract", plain.run_id).source
        for value in ({}, stored):
            store_xcom(session, "kept", value, **place)
            assert source.pull("numbers", "kept", -1) == value
        session.rollback()
        assert source.pull("numbers", "kept", -1) is None
        # The deployment's own backend stores what it has loaded.
        monkeypatch.setattr(adapter, "loads_json_only", lambda: False)
        monkeypatch.setattr(XCom, "serialize_value", lambda value, **where: [value, where["key"]])
        store_xcom(session, "kept", 1, **place)
        assert source.pull("numbers", "kept", -1) == [1, "kept"]
        session.rollback()


@assumes(
    "The answer to a task instance that starts on a worker names the XComs that it had, and Airflow deletes "
    "them.",
    rests="clears that let cached tasks use kept results",
    where="airflow_adapter/xcom.py cache/running.py",
    names="_ti_context_from_server",
)
def test_a_task_instance_knows_which_xcoms_it_had():
    from airflow_dynamic_provider.airflow_adapter.models import store_xcom

    seen = []

    @task
    def tell():
        context = get_current_context()
        seen.append((xcom.had_xcom(context, "told"), xcom.pull(context, "tell", "told")))

    @dag(schedule=None)
    def contract_of_xcoms():
        tell()

    run = start_run(contract_of_xcoms()).run()
    with create_session() as session:
        place = {"dag_id": "contract_of_xcoms", "run_id": run.run_id, "task_id": "tell"}
        store_xcom(session, "told", True, **place)
    run.clear("tell").run()
    assert seen == [(False, None), (True, None)]


@assumes(
    "If a clone is rescheduled and its list has grown, the scheduler makes clones for the new items.",
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
    """Make the list of the clones grow while the first clone is rescheduled."""
    execute = run._execute

    def executed(ti: Any) -> None:
        before = COUNT[0]
        execute(ti)
        if COUNT[0] > before:
            _set_length(run, COUNT[0])

    run._execute = executed  # type: ignore[method-assign]


def _set_length(run: KeptRun, length: int) -> None:
    """Store a longer list as the return value of the task "numbers"."""
    from airflow.sdk.execution_time.supervisor import run_task_in_process

    (ti,) = run.instances("numbers").values()
    _update(ti.id, state="queued")
    run_task_in_process(ti=_message(ti), task=run.dag.get_task("numbers"))


@assumes(
    "A trigger knows its task instance, and can end it as skipped with XComs.",
    rests="nodes that do not run because an upstream node failed, and that store the reason",
    where="airflow_adapter/triggers.py workflows/trigger.py",
    names="BaseTrigger TaskSkippedEvent TaskSuccessEvent TriggerEvent",
)
def test_a_trigger_ends_its_task_instance_as_skipped():
    @dag(schedule=None)
    def contract_of_triggers():
        Waits(task_id="waits")

    run = _run_with_triggers(start_run(contract_of_triggers()))
    assert run.state_of("waits") == "skipped"
    # What a trigger pushes is stored as a JSON string.
    assert run.xcom("waits", "word") == '"of -1"'


@assumes(
    "A clone of an operator with start_from_trigger starts in the triggerer, and no worker runs it. Airflow "
    "reads the arguments for it as attributes of an object of any class.",
    rests="nodes that wait and have never held a worker",
    where="airflow_adapter/starting.py workflows/dag/group.py",
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
    # What a trigger pushes is stored as a JSON string.
    assert run.xcoms("starts", "word") == {0: '"of 0"', 1: '"of 1"'}
    assert not [each for each in run.calls.messages if each[0] == "starts"]


def _run_with_triggers(run: KeptRun) -> KeptRun:
    """Run to the end, and run the triggers of deferred task instances meanwhile."""
    run._trigger = lambda ti: None  # type: ignore[method-assign]
    run._look_for_waiting_nodes = lambda: _run_triggers(run)  # type: ignore[method-assign]
    return run.run()


def _run_triggers(run: KeptRun) -> bool:
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
    return bool(waiting)


@assumes(
    "dag.test() accepts the configuration of a run, and calls the listeners of its own process when a task "
    "instance starts and when it fails.",
    rests="Dag files that run as programs, show their progress, and name what went wrong",
    where="airflow_adapter/embedded_run.py embedded/running.py embedded/watching.py version_compat.py",
    names="hookimpl get_listener_manager",
)
def test_an_embedded_run_is_watched():
    from airflow_dynamic_provider.airflow_adapter.embedded_run import hookimpl, listening

    @task
    def configured(number):
        raise ValueError(get_current_context()["dag_run"].conf["word"])

    @dag(schedule=None)
    def contract_of_test():
        configured.expand(number=[1])

    class Listener:
        seen: ClassVar[list[Any]] = []

        @hookimpl
        def on_task_instance_running(self, task_instance: Any) -> None:
            label = task_instance.rendered_map_index
            self.seen.append((task_instance.dag_id, task_instance.run_id, task_instance.task_id, label))

        @hookimpl
        def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
            self.seen.append((task_instance.task_id, task_instance.map_index, str(error)))

    made = contract_of_test()
    register(made)
    with listening(Listener()):
        run = made.test(run_conf={"word": "told"})
    made.test(run_conf={"word": "nobody listens"})
    assert run.state == "failed"
    assert Listener.seen == [
        ("contract_of_test", run.run_id, "configured", None),
        ("configured", 0, "told"),
    ]


@assumes(
    "supervisor.in_process_api_server() creates the application that answers tasks in dag.test().",
    rests="embedded runs that take seconds and not minutes up to Airflow 3.2",
    where="airflow_adapter/embedded_run.py version_compat.py",
    names="supervisor",
)
def test_one_application_answers_all_tasks_of_a_test():
    from airflow.sdk.execution_time import supervisor

    with one_execution_api():
        assert supervisor.in_process_api_server() is supervisor.in_process_api_server()


@assumes(
    "A bundle in [dag_processor] dag_bundle_config_list may be one file, and the list is read with the Dags.",
    rests="embedded runs that import no script next to the Dag's file",
    where="airflow_adapter/embedded_run.py embedded/options.py",
)
def test_a_bundle_is_one_file(tmp_path, monkeypatch):
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from airflow_dynamic_provider.airflow_adapter.embedded_run import options_for_only

    file = tmp_path / "one.py"
    for name, value in options_for_only(file).items():
        monkeypatch.setenv(name, value)
    (bundle,) = DagBundlesManager().get_all_dag_bundles()
    assert (bundle.name, bundle.path) == ("dags-folder", file)


@assumes(
    "A Dag that is stored like one of a Dag file is run by dag.test(), which does not read the file then.",
    rests="job.execute_in_process() in a test",
    where="airflow_adapter/embedded_run.py",
    names="DagBundlesManager LazyDeserializedDAG create_session update_dag_parsing_results_in_db",
)
def test_a_stored_dag_runs_without_its_file():
    from airflow_dynamic_provider.airflow_adapter.embedded_run import store_dag

    @task
    def alone():
        return 1

    @dag(schedule=None)
    def contract_of_stored():
        alone()

    made = contract_of_stored()
    made.fileloc = "/nowhere/contract_of_stored.py"
    store_dag(made)
    assert made.test().state == "success"


@assumes(
    "configure_vars() and configure_orm() read the address of the database again.",
    rests="job.execute_in_process() in a test without an Airflow home",
    where="airflow_adapter/embedded_run.py",
    names="settings",
)
def test_a_process_changes_its_database(tmp_path):
    program = f"""
import json
from pathlib import Path
import airflow.settings
from airflow_dynamic_provider.airflow_adapter.embedded_run import use_database
use_database(Path({str(tmp_path)!r}))
print(json.dumps(str(airflow.settings.engine.url)))
"""
    assert run_python(program) == f"sqlite:///{tmp_path}/airflow.db"


@assumes(
    "configure_logging() reads the level from the environment again.",
    rests="embedded runs that print their results and no log",
    where="airflow_adapter/embedded_run.py embedded/options.py",
    names="configure_logging",
)
def test_the_level_of_the_log_is_read_again():
    program = """
import json, logging, os
from airflow.sdk import dag
from airflow_dynamic_provider.airflow_adapter.embedded_run import LOGGING_LEVEL, configure_logging

def level():
    os.environ[LOGGING_LEVEL] = level.names.pop(0)
    configure_logging()
    return logging.getLogger("airflow.models").isEnabledFor(logging.ERROR)

level.names = ["CRITICAL", "INFO"]
print(json.dumps([level(), level()]))
"""
    assert run_python(program) == [False, True]


@assumes(
    "initdb() creates the metadata database, and does not change one that is up to date.",
    rests="embedded runs with an Airflow home of their own, or with the developer's",
    where="airflow_adapter/embedded_run.py",
    names="initdb",
)
def test_a_database_that_is_there_is_kept(plain):
    from airflow_dynamic_provider.airflow_adapter.embedded_run import migrate_database
    from airflow_dynamic_provider.airflow_adapter.models import DagRun

    migrate_database()
    with create_session() as session:
        assert session.get(DagRun, plain.dag_run.id) is not None
