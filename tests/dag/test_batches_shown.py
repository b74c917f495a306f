"""Pages and commands show the keys of batched tasks, and never take a batch for a key."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata
from airflow_dynamic_provider.database.downstream import ALL, find_downstream
from airflow_dynamic_provider.database.key_clearing import find_listing
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep
from tests.dag.workflow_clears import execute
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag

#: ``acts`` is key -> what happens to it in a batch.
WORLD = SimpleNamespace(acts={})


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in range(5):
        yield DynamicOutput(number, f"k{number}", metadata={"number": number})


@task
def work(number, mapping_key=None):
    add_output_metadata({"worked": number})
    match WORLD.acts.get(mapping_key):
        case "fail":
            raise ValueError(f"{mapping_key} is bad")
        case "skip":
            raise AirflowSkipException(f"{mapping_key} is not wanted")
    return number


@task
def alone(number):
    return number


@dag(schedule=None)
def only_batches():
    worked = numbers().map(work, batch=3)
    keep(worked.collect(min_success_ratio=0))


@dag(schedule=None)
def mixed():
    produced = numbers()
    produced.map(work, batch=3).map(alone)
    produced.map(
        lambda number: work.override(task_id="more")(alone.override(task_id="before")(number)), batch=2
    )
    produced.map(alone.override(task_id="beside"))


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    WORLD.acts = {"k1": "fail"}
    return start_run(only_batches()).run()


@pytest.fixture(scope="module")
def mixed_run(airflow_database, execution_api):
    WORLD.acts = {"k1": "fail", "k2": "skip"}
    return start_run(mixed()).run()


@pytest.fixture
def opened(airflow_database):
    from airflow.utils.session import create_session

    with create_session() as session:
        yield lambda run: open_run(session, run.dag.dag_id, run.run_id)


@pytest.fixture
def read(capsys):
    """Execute a command, and read the JSON that it writes."""

    def execute_and_load(run, name, *arguments):
        capsys.readouterr()
        form = () if name == "export" else ("--output", "json")
        execute([name, run.dag.dag_id, run.run_id, *arguments, *form])
        return json.loads(capsys.readouterr().out)

    return execute_and_load


def refusal(run, *arguments):
    with pytest.raises(SystemExit) as caught:
        execute(["clear", run.dag.dag_id, run.run_id, *arguments])
    return str(caught.value)


def tries(run):
    return {(ti.task_id, ti.map_index): (ti.state, ti.max_tries) for ti in run.dag_run.get_task_instances()}


REFUSAL = (
    "Task 'work': its keys run in batches, so single keys of it cannot be cleared. Clear the batch in "
    "Airflow's grid, or clear the task for all keys: in the grid, or with `airflow tasks clear`."
)


def test_the_stored_dag_tells_which_tasks_run_in_batches(mixed_run, opened):
    info = opened(mixed_run).space("numbers.result")
    facts = {task_id: (each.lister_id, each.gate_id) for task_id, each in info.batched.items()}
    first, second = sorted({lister for lister, _ in facts.values()})
    assert facts["work"] == (first, None)
    assert facts["before"] == (second, None)
    assert facts["more"][0] == second
    assert not {"alone", "beside"} & facts.keys()


@pytest.mark.parametrize("wanted", [["--key", "k1"], ["--key", "k4"], ["--state", "failed"]])
def test_a_clear_of_single_keys_is_refused_and_changes_nothing(run, wanted):
    before = tries(run)
    assert refusal(run, *wanted, "--yes") == REFUSAL
    assert tries(run) == before


def test_a_clear_of_failed_keys_is_allowed_if_no_batch_failed(airflow_database, execution_api, capsys):
    WORLD.acts = {}
    well = start_run(only_batches()).run()
    capsys.readouterr()
    execute(["clear", well.dag.dag_id, well.run_id, "--state", "failed"])
    assert capsys.readouterr().err == "No key failed: there is nothing to run again.\n"


def test_a_clear_of_all_keys_clears_all_batches(run, opened):
    to_clear = find_listing(opened(run), "numbers.result")
    cleared = {(each.task_id, each.map_index) for each in to_clear.first()}
    assert {("work", 0), ("work", 1), ("numbers", -1), ("keep", -1)} <= cleared
    # A batch is named by its own label, and not by the key at its position.
    labels = {to_clear.label(each) for each in to_clear.first() if each.task_id == "work"}
    assert labels == {"k0 … k2 (3)", "k3 … k4 (2)"}


def test_what_depends_on_some_keys_of_a_batch_is_refused(mixed_run, opened):
    run = opened(mixed_run)
    paths = [(f"k{number}",) for number in range(5)]
    with pytest.raises(ValueError, match="run in batches"):
        find_downstream(run.structure, {"work": {1}}, lambda info: paths)
    assert find_downstream(run.structure, {"work": ALL}, lambda info: paths)["alone"] is ALL


def test_the_page_says_why_a_clear_is_refused(run):
    from tests.api_server import ApiServer

    path = f"/dags/{run.dag.dag_id}/runs/{run.run_id}"
    answer = ApiServer().post(f"{path}/clearing", {"of": "numbers.result", "keys": [["k1"]]})
    assert (answer.status_code, answer.json()["detail"]) == (422, REFUSAL)


def test_a_batch_has_no_key_of_its_own(run):
    from tests.api_server import ApiServer

    path = f"/dags/{run.dag.dag_id}/runs/{run.run_id}/task-instances/work/1"
    found = ApiServer().get(path).json()
    assert (found["key"], found["is_stale"], found["state"]) == (None, False, "success")
