"""Results that are kept over runs: what runs again, and what is used."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import (
    Cache,
    DynamicOut,
    DynamicOutput,
    DynamicOutputsError,
    Out,
    Output,
    add_output_metadata,
    dynamic_task,
    dynamic_workflow,
)
from airflow_dynamic_provider.cache import claims, running, store
from airflow_dynamic_provider.cache.identity import Computation
from airflow_dynamic_provider.cli.__main__ import main
from airflow_dynamic_provider.execution.layout import (
    METADATA_XCOM,
    PRODUCED_XCOM,
    MadeBy,
    items_xcom,
    keys_xcom,
)
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER, AirflowSkipException
from tests.api_server import ApiServer, OverHttp
from tests.dag_runs import _update, run_dag, start_run

pytestmark = pytest.mark.dag

#: What the tasks below are given and what ran; a test changes it.
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """Keep results in a directory of the test, and return it."""
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__CACHE_PATH", str(tmp_path / "kept"))
    store.open_store.cache_clear()
    WORLD.ran, WORLD.values, WORLD.asked = [], {"a": 1, "b": 2, "c": 3}, []
    for name in ("read", "write", "create", "delete"):
        monkeypatch.setattr(store.Store, name, noting(name, getattr(store.Store, name)))
    yield tmp_path / "kept"
    store.open_store.cache_clear()


def noting(name, call):
    """Return a method of the store that notes its calls, from whatever thread."""

    def noted(self, *arguments):
        WORLD.asked.append(name)
        return call(self, *arguments)

    return noted


def asked():
    """Return how often the store was called since the last time, by the name of the call."""
    calls, WORLD.asked = WORLD.asked, []
    return dict(Counter(calls))


@task
def keep(values):
    return values


def ran():
    """Return what has run since the last time, in no order: that of task instances is not fixed."""
    names, WORLD.ran = WORLD.ran, []
    return Counter(names)


@dynamic_task(out=DynamicOut(int), cache=Cache("1"))
def produce(values):
    WORLD.ran.append("produce")
    for key, value in values.items():
        yield DynamicOutput(value, key, metadata={"value": value})


@task
def work(value):
    WORLD.ran.append(value)
    if value == 4:
        raise ValueError("4 is bad")
    if value == 5:
        raise AirflowSkipException("5 is not wanted")
    add_output_metadata({"twice": 2 * value})
    return None if value == 6 else value * 10


def dag_of(batch=None, cache=Cache("1")):  # noqa: B008 (a frozen object)
    with DAG("cached", schedule=None) as dag:
        results = produce(WORLD.values).map(work, cache=cache, batch=batch)
        keep(results.collect(keyed=True, min_success_ratio=0))
    return dag


@pytest.mark.parametrize("batch", [None, 2])
def test_only_what_is_new_runs(batch, kept, caplog):
    first = run_dag(dag_of(batch))
    assert first.xcom("keep") == {"a": 10, "b": 20, "c": 30}
    assert ran() == Counter(["produce", 1, 2, 3])
    assert asked() == {"read": 1 + 3, "write": 1 + 3}

    caplog.set_level(logging.INFO)
    again = run_dag(dag_of(batch))
    assert again.xcom("keep") == {"a": 10, "b": 20, "c": 30}
    assert ran() == Counter()
    assert asked() == {"read": 1 + 3}
    assert (
        f"Using the result from run {first.run_id!r}: task 'work', key 'c' of the Dag 'cached'" in caplog.text
    )
    assert again.states("work") == first.states("work")

    # The keys are in another order, one is gone, one is new, and the input of another has changed.
    WORLD.values = {"c": 3, "new": 7, "a": 6}
    changed = run_dag(dag_of(batch))
    assert changed.xcom("keep") == {"c": 30, "new": 70, "a": None}
    assert ran() == Counter(["produce", 7, 6])
    # ``None`` is a result.
    assert run_dag(dag_of(batch)).xcom("keep") == {"c": 30, "new": 70, "a": None}
    assert ran() == Counter()


@task
def fetch(name):
    WORLD.ran.append(f"fetch {name}")
    return {"name": name, "size": len(name)}


@task(cache=Cache("1"))
def measure(document):
    WORLD.ran.append(f"measure {document['name']}")
    if document["name"] == "bad":
        raise ValueError("bad")
    return document["size"]


@dynamic_task(out=DynamicOut(str))
def letters(word):
    WORLD.ran.append(f"letters {word}")
    for letter in word:
        yield DynamicOutput(letter, letter)


@dynamic_workflow(tasks=[fetch, measure, letters.override(cache=Cache("1"))])
def survey(names):
    found = [measure(fetch(name)) for name in names]
    return found, letters.override(cache=Cache("1"))("ab")


@dynamic_workflow(tasks=[fetch], cache=Cache("2", ignored=("note",)))
def fetch_all(names: list[str], note: str = "") -> tuple[dict[str, Any], int]:
    WORLD.ran.append("plan")
    return {name: fetch(name) for name in names}, len(names)


def test_nodes_and_workflows_keep_their_results(capsys):
    def run(names, note):
        with DAG("surveys", schedule=None) as dag:
            keep(survey(names))
            fetched, count = fetch_all(names, note)
            keep.override(task_id="fetched")(fetched)
            keep.override(task_id="count")(count)
        return run_dag(dag)

    first = run(["a", "bb"], "first")
    assert first.xcom("keep") == ([1, 2], ["a", "b"])
    everything = {name: {"name": name, "size": len(name)} for name in ("a", "bb")}
    assert (first.xcom("fetched"), first.xcom("count")) == (everything, 2)
    assert ran() == Counter([*["fetch a", "fetch bb"] * 2, "measure a", "measure bb", "letters ab", "plan"])
    # Two nodes `measure`, one `letters`, and the workflow `fetch_all`.
    assert asked() == {"read": 4, "write": 4}
    again = run(["a", "bb"], "again")
    assert again.xcom("keep") == ([1, 2], ["a", "b"])
    assert (again.xcom("fetched"), again.xcom("count")) == (everything, 2)
    # A hit plans nothing. A node without a cache runs.
    assert ran() == Counter(["fetch a", "fetch bb"])
    assert asked() == {"read": 4}
    assert again.instances("fetch_all.fetch").keys() == {-1}
    graphs = ApiServer()
    path = f"/dags/surveys/runs/{again.run_id}/workflows"
    assert graphs.get(f"{path}/fetch_all").json()["from_run"] == first.run_id
    nodes = graphs.get(f"{path}/survey").json()["nodes"]
    assert Counter((each["kind"], each["from_run"]) for each in nodes) == {
        ("fetch", None): 2,
        ("measure", first.run_id): 2,
        ("letters", first.run_id): 1,
    }
    capsys.readouterr()
    main(["list", "surveys", again.run_id])
    assert f"success, of run {first.run_id}" in " ".join(capsys.readouterr().out.split())


@task
def text(value):
    return repr(value)


@dynamic_workflow(tasks=[fetch], cache=Cache("1", serialize=True))
def fetch_called(names: list[str]) -> tuple[dict[str, Any], Path]:
    WORLD.ran.append(f"plan {len(names)}")
    return {name: fetch(name) for name in names}, Path("kept")


@task
def twice(path: Path) -> list[Path]:
    if WORLD.values.get("fails"):
        raise ValueError("it failed")
    return [path, path]


@task
def more_names(names):
    return [*names, "more"]


@dynamic_workflow(tasks=[fetch_called, more_names, twice], failure_policy="run_all")
def fetch_in_parts(names) -> tuple[dict[str, Any], tuple[dict[str, Any], Path], list[Path]]:
    now, later = fetch_called(names), fetch_called(more_names(names))
    return now[0], later, twice(now[1])


def test_the_output_of_a_workflow_that_a_body_calls_is_kept():
    def run():
        with DAG("called", schedule=None) as dag:
            text(fetch_in_parts(["a", "bb"]))
        return start_run(dag).run()

    a, bb, more = ({"name": name, "size": len(name)} for name in ("a", "bb", "more"))
    names = ["fetch a", "fetch bb"]
    planned_and_ran = Counter(["plan 2", *names, "plan 3", *names, "fetch more"])
    WORLD.values = {"fails": True}
    first = run()
    assert first.state == "failed"
    assert ran() == planned_and_ran
    assert asked() == {"read": 2, "write": 2}
    WORLD.values = {}
    # They are kept although another node failed. A hit plans nothing of them.
    again = run()
    assert ran() == Counter()
    assert asked() == {"read": 2}
    path = Path("kept")
    expected = repr(({"a": a, "bb": bb}, ({"a": a, "bb": bb, "more": more}, path), [path, path]))
    assert again.xcom("text") == expected
    # Up to Airflow 3.2, one task has all nodes of a kind, also those that are planned later.
    no_nodes = {-1} if STARTS_IN_TRIGGERER else {0, 1}
    assert again.instances("fetch_in_parts.fetch").keys() == no_nodes
    shown = ApiServer().get(f"/dags/called/runs/{again.run_id}/workflows/fetch_in_parts").json()
    assert {each["name"]: each["from_run"] for each in shown["nodes"]} == {
        "fetch_called-2": first.run_id,
        "more_names": None,
        "twice": None,
    }
    assert shown["kept_calls"] == [{"name": "fetch_called", "from_run": first.run_id}]
    assert shown["from_run"] is None
    # What plans them was cleared, so they are computed again.
    again.clear("fetch_in_parts.plan").run()
    assert again.xcom("text") == expected
    assert ran() == planned_and_ran


@dynamic_task(out={"parts": DynamicOut(Path), "sizes": Out(dict[int, Path])})
def split(value: int):
    WORLD.ran.append(f"split {value}")
    for number in range(value):
        yield DynamicOutput(Path(str(number)), f"part {number}", "parts", metadata={"number": number})
    add_output_metadata({"late": True}, output_name="parts", mapping_key=f"part {value - 1}")
    yield Output({value: Path("size")}, "sizes", metadata={"of": value})


def split_in(batch, of_task):
    """Run a Dag whose task with dynamic outputs is cached by itself or by its map."""
    by_task, by_map = (Cache("1"), None) if of_task else (None, Cache("1"))
    with DAG("splits", schedule=None) as dag:
        numbers = produce.override(cache=None)(WORLD.values)
        parts, sizes = numbers.map(split.override(cache=by_task), batch=batch, cache=by_map)
        keep(parts.map(text, batch=10).collect(keyed=True))
        keep.override(task_id="sizes")(sizes.map(text.override(task_id="size"), batch=10).collect())
    return run_dag(dag)


def test_dynamic_outputs_of_the_keys_of_a_batch_are_kept(capsys):
    def check(run, values):
        assert run.xcom("keep") == {
            key: {f"part {number}": repr(Path(str(number))) for number in range(value)}
            for key, value in values.items()
        }
        assert run.xcom("sizes") == [repr({value: Path("size")}) for value in values.values()]

    first = split_in(batch=2, of_task=True)
    check(first, {"a": 1, "b": 2, "c": 3})
    assert ran() == Counter(["produce", "split 1", "split 2", "split 3"])
    assert asked() == {"read": 3, "write": 3}
    WORLD.values = {"new": 4, "b": 2, "a": 1}
    # The last one runs alone, and uses the same results.
    for batch, of_task, new in ((3, False, ["split 4"]), (None, True, [])):
        again = split_in(batch, of_task)
        assert ran() == Counter(["produce", *new])
        assert asked() == {"read": 3, **({"write": len(new)} if new else {})}
        check(again, WORLD.values)
        capsys.readouterr()
        main(["show", "splits", again.run_id, "b/part 1", "--of", "split.parts", "--output", "json"])
        metadata = json.loads(capsys.readouterr().out)["metadata"]
        assert {label: each["value"] for label, each in metadata.items()} == {"number": 1, "late": True}
        main(["show", "splits", again.run_id, "b", "--output", "json"])
        (used,) = [
            each
            for each in json.loads(capsys.readouterr().out)["task_instances"]
            if each["task_id"] == "split"
        ]
        assert used["from_run"] == first.run_id
        assert used["metadata"]["sizes"]["of"]["value"] == 2


@dynamic_task(out=DynamicOut(int), cache=Cache("1", serialize=True))
def slow(count):
    WORLD.ran.append("slow")
    if WORLD.values.get("fails"):
        raise ValueError("it failed")
    for number in range(count):
        yield DynamicOutput(number, str(number))


@dynamic_workflow(tasks=[fetch], cache=Cache("1", serialize=True))
def slow_workflow(name):
    WORLD.ran.append("plan")
    return fetch(name)


def step(run):
    """Run the task instances that the scheduler starts now."""
    for ti in run._schedule() or ():
        run._execute(ti)


def claim_as(run, function, args, task_id, *, until_end=False):
    """Claim a computation for a task instance of another run."""
    of = Computation(Cache("1", serialize=True), function, run.dag.dag_id, task_id.removesuffix(".result"))
    owner = MadeBy(run.dag.dag_id, run.run_id, task_id)
    assert claims.claim(of.identify(args, {}), claims.Claim(owner, until_end))


def test_the_same_computation_runs_once_and_another_takes_over(monkeypatch):
    monkeypatch.setattr(running, "RESCHEDULE_AFTER", timedelta(seconds=0.1))
    with DAG("serial", schedule=None, max_active_runs=16) as dag:
        keep(slow(2).collect(keyed=True))
        keep.override(task_id="fetched")(slow_workflow("a"))
    first, second = start_run(dag), start_run(dag)
    first._schedule()
    claim_as(first, slow.function, [2], "slow")
    claim_as(first, slow_workflow.function, ["a"], "slow_workflow.result", until_end=True)
    _update(first.instances("slow")[-1].id, state="running")

    step(second)
    # They wait, and hold no worker slot. A wait is not a try.
    assert second.state_of("slow") == second.state_of("slow_workflow.plan") == "up_for_reschedule"
    assert second.instances("slow")[-1].try_number == 1
    assert ran() == Counter()

    # Both are killed.
    for task_id in ("slow", "slow_workflow.result"):
        _update(first.instances(task_id)[-1].id, state="failed")
    second.run()
    assert second.xcom("keep") == {"0": 0, "1": 1}
    assert second.xcom("fetched") == {"name": "a", "size": 1}
    assert ran() == Counter(["slow", "plan", "fetch a"])
    assert start_run(dag).run().xcom("keep") == {"0": 0, "1": 1}
    assert ran() == Counter()


def test_a_failed_function_gives_its_claim_up(kept):
    WORLD.values = {"fails": True}
    with DAG("serial", schedule=None) as dag:
        slow(3)
    assert run_dag(dag).state == "failed"
    assert list(store.open_store().names()) == []
    WORLD.values = {}
    assert run_dag(dag).state == "success"
    assert ran() == Counter(["slow"] * 2)


@pytest.mark.parametrize("batch", [None, 2])
def test_a_clear_computes_again_unless_it_keeps_results(batch, capsys):
    run = start_run(dag_of(batch)).run()
    assert ran() == Counter(["produce", 1, 2, 3])
    # Airflow's own clear, of all keys. What is computed again is stored again.
    run.clear("work").run()
    assert ran() == Counter([1, 2, 3])
    again = start_run(dag_of(batch)).run()
    assert again.xcom("keep") == {"a": 10, "b": 20, "c": 30}
    assert ran() == Counter()

    def clear(*options):
        main(["clear", "cached", again.run_id, "--key", "c", "--yes", *options])
        again.run()
        return ran()

    assert clear("--keep-cache") == Counter()
    assert clear() == Counter([3])
    assert again.xcom("keep") == {"a": 10, "b": 20, "c": 30}

    capsys.readouterr()
    main(["show", "cached", again.run_id, "a", "--output", "json"])
    work = json.loads(capsys.readouterr().out)["task_instances"][0]
    assert work["from_run"] == run.run_id
    origin = {"type": "dag_run", "value": {"dag_id": "cached", "run_id": run.run_id}}
    assert work["metadata"]["result"] == {"from run": origin, "twice": {"type": "int", "value": 2}}


def test_kept_results_are_listed_shown_and_deleted(kept, capsys, monkeypatch):
    run_dag(dag_of())
    newer = run_dag(dag_of(cache=Cache("2")))
    damaged = kept / "cached" / "work" / f"{'0' * 64}.json"
    damaged.write_bytes(b"{")

    def command(*arguments):
        capsys.readouterr()
        main(["cache", *arguments, "--output", "json"])
        return json.loads(capsys.readouterr().out)

    rows = command("list", "--dag", "cached", "--task", "work", "--version", "2")
    assert sorted((row["run_id"], row["mapping_key"]) for row in rows) == [
        (newer.run_id, key) for key in "abc"
    ]
    assert len(command("list")) == 1 + 3 + 3 + 1
    assert command("list", "--older-than", "1h") == []
    (shown,) = [row["key"] for row in rows if row["mapping_key"] == "b"]
    assert command("show", shown[:20])["content"] == 20
    with pytest.raises(SystemExit, match="0 kept results with a key that begins with 'zz'"):
        main(["cache", "show", "zz"])
    with pytest.raises(SystemExit, match="Say what to delete"):
        main(["cache", "clear", "--yes"])
    with pytest.raises(SystemExit, match="--older-than soon is no age"):
        main(["cache", "clear", "--older-than", "soon"])

    over_http = OverHttp(ApiServer(), monkeypatch)
    of_dag = ("--dag", "cached", "--version", "2")
    assert command("list", *of_dag, *over_http) == command("list", *of_dag)
    by_key = ("show", shown[:20], "--dag", "cached")
    assert command(*by_key, *over_http) == command(*by_key)
    assert command("clear", *of_dag, *over_http) == command("list", *of_dag)
    assert command("clear", "--dag", "cached", "--older-than", "1h", "--yes", *over_http) == []
    with pytest.raises(SystemExit, match="With an API server, name the Dag, whose permissions decide: --dag"):
        main(["cache", "list", *over_http])
    over_http.log_in("viewer")
    with pytest.raises(SystemExit, match="refuses this to the user of the token"):
        main(["cache", "clear", *of_dag, "--yes", *over_http])
    over_http.log_in("admin")
    assert len(command("clear", *of_dag, "--task", "work", "--yes", *over_http)) == 3
    assert command("list", *of_dag) == []

    run_dag(dag_of(cache=Cache("2")))
    assert len(command("clear", "--version", "2")) == 3
    assert len(command("clear", "--version", "2", "--yes")) == 3
    assert {row["version"] for row in command("list")} == {"1", "(damaged)"}
    assert len(command("clear", "--all", "--yes")) == 1 + 3 + 1
    assert [path for path in kept.rglob("*") if path.is_file()] == []


def test_a_hit_takes_one_call_to_the_store_and_a_miss_two():
    def run(cache):
        asked()
        ran()
        with DAG("counted", schedule=None) as dag:
            produce.override(cache=None)(WORLD.values).map(work, cache=cache, batch=100)
        done = run_dag(dag)
        reads = sum(of["GetXCom"] for at, of in done.calls.messages.items() if at[0] == "work")
        return asked(), ran().total() - 1, reads

    WORLD.values = {f"k{number}": number + 100 for number in range(200)}
    without, _, pulled = run(None)
    assert without == {}
    assert run(Cache("1"))[:2] == ({"read": 200, "write": 200}, 200)
    WORLD.values["k7"] = 7
    used, computed, pulled_again = run(Cache("1"))
    assert (used, computed) == ({"read": 200, "write": 1}, 1)
    # The batches read no more from Airflow than without a cache.
    assert pulled_again == pulled


@pytest.mark.parametrize("batch", [None, 2])
def test_what_failed_or_was_skipped_is_not_kept(batch):
    WORLD.values = {"bad": 4, "unwanted": 5, "good": 1}
    for expected in (["produce", 4, 5, 1], [4, 5]):
        assert run_dag(dag_of(batch)).xcom("keep") == {"good": 10}
        assert ran() == Counter(expected)


@dynamic_task(
    out={"files": DynamicOut(str), "count": Out(int), "note": Out(str, is_required=False)}, cache="auto"
)
def list_files():
    WORLD.ran.append("list_files")
    yield Output(2, "count", metadata={"unit": "files"})
    yield DynamicOutput("A", "a", "files", metadata={"size": 1})
    yield DynamicOutput("B", "b", "files")
    add_output_metadata({"size": 2}, output_name="files", mapping_key="b")
    add_output_metadata({"place": "disk"}, output_name="files")


def test_outputs_of_an_earlier_run_are_stored_like_those_of_this_one():
    with DAG("outputs", schedule=None) as dag:
        outputs = list_files()
        keep.override(task_id="files")(outputs.files.collect(keyed=True))
        keep.override(task_id="count")(outputs.count)
    first, again = run_dag(dag), run_dag(dag)
    assert ran() == Counter(["list_files"])
    for run in (first, again):
        assert (run.xcom("files"), run.xcom("count")) == ({"a": "A", "b": "B"}, 2)
    stored = first.xcom("list_files", METADATA_XCOM)
    # The metadata of a key is stored with the key, whenever it was added.
    del stored["keys"]
    made_by = MadeBy("outputs", first.run_id, "list_files").pack()
    assert again.xcom("list_files", METADATA_XCOM) == {**stored, "made_by": made_by}
    for xcom_key in (items_xcom("files", 0), keys_xcom("files"), PRODUCED_XCOM):
        assert again.xcom("list_files", xcom_key) == first.xcom("list_files", xcom_key)


@task.bash
def shell(value):
    return f"echo {value}"


def nothing():
    return None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda items: items.map(shell, cache=Cache("1")), "which is a @task.bash: only the functions of"),
        (
            lambda items: items.map(work, cache=Cache("1", serialize=True), batch=2),
            "has serialize=True: the batch",
        ),
        (
            lambda items: items.map(split.override(cache=Cache("1", serialize=True)), batch=2),
            "calls 'split', whose cache has serialize=True: the batch would have to wait",
        ),
        (lambda items: items.map(work, cache=True), "received cache=True of type bool"),
        (
            lambda items: dynamic_workflow(tasks=[shell.override(cache=Cache("1"))])(nothing)(),
            "calls 'shell' with cache=, which is a @task.bash",
        ),
        (
            lambda items: dynamic_task(out=DynamicOut(int), cache=Cache("1", ignored=("x",)))(work),
            "its cache ignores 'x', but the function has no such parameter. Its parameters are 'value'.",
        ),
    ],
)
def test_what_cannot_keep_its_results_is_refused_in_the_dag_file(call, message):
    with DAG("refused", schedule=None), pytest.raises(DynamicOutputsError) as caught:
        call(produce({}))
    assert message in str(caught.value)
