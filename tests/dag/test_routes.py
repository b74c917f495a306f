"""The JSON behind the pages, answered by Airflow's whole API server in this process."""

from __future__ import annotations

import contextlib
import csv
import io
import re

import pytest
from airflow.models.xcom import XComModel
from airflow.sdk import dag, task
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    MetadataValue,
    add_output_metadata,
    dynamic_workflow,
)
from airflow_dynamic_provider.database import export
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.layout import items_xcom
from airflow_dynamic_provider.ui.assets import version
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from tests.api_server import PREFIX, ApiServer
from tests.dag_runs import start_run

FAILING = {"b"}

HOSTILE = "<script>window.hacked = true</script>"


@task.dynamic(out=DynamicOut(str, description="The letters"))
def letters():
    for letter in ("a", "b", "c", HOSTILE):
        yield DynamicOutput(letter, mapping_key=letter, metadata={"size": len(letter)})


@task
def shout(letter):
    if letter in FAILING:
        raise ValueError("as the test says")
    add_output_metadata({"length": len(letter) * 10, "report": MetadataValue.md("**fine** <b>no</b>")})
    return letter.upper()


@task
def whisper(letter):
    return letter.lower()


@task.dynamic(out=DynamicOut(int))
def digits(letter):
    for digit in range(2):
        yield DynamicOutput(digit, mapping_key=f"{letter}{digit}", metadata={"digit": digit})


@task
def square(digit):
    return digit * digit


@task
def count(values):
    return len(values)


@task
def step(value):
    return value


@dynamic_workflow
def graph():
    first = step.override(task_id="first")(1)
    return step.override(task_id="second")(first)


@dag(schedule=None)
def shown():
    def each(letter):
        loud = shout(letter)
        digits(loud).map(square)
        return whisper(loud)

    count(letters().map(each).collect())
    graph()


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    FAILING.add("b")
    return start_run(shown()).run()


@pytest.fixture(scope="module")
def server(airflow_database):
    return ApiServer()


@pytest.fixture
def get(server, run):
    def get(path, status=200, **parameters):
        answer = server.get(f"/dags/shown/{path}".replace("RUN", run.run_id), **parameters)
        assert answer.status_code == status, answer.text
        return answer.json()

    return get


def test_what_a_dag_declares(get):
    found = get("outputs")
    assert [space["of"] for space in found["spaces"]] == ["letters.result", "digits.result"]
    letters, digits = found["spaces"]
    assert letters["description"] == "The letters"
    assert [column["task_id"] for column in letters["columns"]] == ["shout", "digits", "whisper"]
    assert (digits["kind"], digits["depth"]) == ("nested", 2)
    assert found["workflows"] == [{"name": "graph", "is_mapped": False}]


def test_what_there_is_in_a_run(get, run):
    found = get("runs/RUN/outputs")
    assert found["run"]["run_id"] == run.run_id
    assert [(space["of"], space["keys"], space["counts"]) for space in found["spaces"]] == [
        ("letters.result", 4, {"failed": 1, "success": 3}),
        ("digits.result", 6, {"success": 6}),
    ]
    (workflow,) = found["workflows"]
    assert (workflow["nodes"], workflow["counts"], workflow["state"]) == (2, {"success": 2}, "success")


def test_the_matrix_is_what_the_database_says(get, run):
    page = get("runs/RUN/keys", of="letters.result")
    assert [row["key"] for row in page["rows"]] == ["a", "b", "c", HOSTILE]
    for position, row in enumerate(page["rows"]):
        for task_id, cell in row["cells"].items():
            instance = run.instances(task_id)[position]
            assert cell["map_index"] == position
            assert (cell["state"], cell["try_number"]) == (instance.state, instance.try_number)
            assert cell["duration"] == instance.duration
            assert not cell["is_stale"]
    assert [row["state"] for row in page["rows"]] == ["success", "failed", "success", "success"]
    assert (page["total"], page["is_running"]) == (4, False)


@pytest.mark.parametrize(
    ("parameters", "keys"),
    [
        ({"search": "B"}, ["b"]),
        ({"search": "SCRIPT"}, [HOSTILE]),
        ({"search": "nowhere"}, []),
        ({"state": "failed"}, ["b"]),
        ({"state": ["failed", "success"]}, ["a", "b", "c", HOSTILE]),
        ({"state": "none"}, []),
        ({"sort": "key", "descending": True}, ["c", "b", "a", HOSTILE]),
        ({"sort": "state"}, ["b", "a", "c", HOSTILE]),
        ({"limit": 2, "offset": 1}, ["b", "c"]),
        ({"offset": 9}, []),
    ],
)
def test_rows_are_searched_filtered_sorted_and_paged(get, parameters, keys):
    page = get("runs/RUN/keys", of="letters.result", **parameters)
    assert [row["key"] for row in page["rows"]] == keys


def test_counts_are_of_what_is_searched_whatever_the_filter(get):
    page = get("runs/RUN/keys", of="letters.result", state="failed")
    assert (page["total"], page["counts"]) == (1, {"failed": 1, "success": 3})
    assert get("runs/RUN/keys", of="letters.result", search="c")["counts"] == {"success": 2}


def test_rows_are_sorted_by_duration(get):
    rows = get("runs/RUN/keys", of="letters.result", sort="duration", descending=True)["rows"]
    seconds = [row["duration"] for row in rows]
    assert seconds == sorted(seconds, reverse=True)


def test_nested_keys_are_folded(get):
    folded = get("runs/RUN/keys", of="digits.result")["rows"]
    assert [(row["key"], row["children"], row["counts"]) for row in folded] == [
        ("a", 2, {"success": 2}),
        # The task that produces the keys below it did not run.
        ("b", 0, {}),
        ("c", 2, {"success": 2}),
        (HOSTILE, 2, {"success": 2}),
    ]
    below = get("runs/RUN/keys", of="digits.result", parent='["a"]')["rows"]
    assert [(row["key_path"], row["position"]) for row in below] == [(["a", "A0"], 0), (["a", "A1"], 1)]
    flat = get("runs/RUN/keys", of="digits.result", flat=True)["rows"]
    assert [row["key"] for row in flat][:3] == ["a/A0", "a/A1", "c/C0"]
    found = get("runs/RUN/keys", of="digits.result", search="c1")["rows"]
    assert [row["key_path"] for row in found] == [["c", "C1"]]


def test_a_key_path_that_is_none(get):
    detail = get("runs/RUN/keys", 422, of="digits.result", parent="a")["detail"]
    assert detail == 'A key path is a JSON list of strings, such as ["outer", "inner"].'


def test_the_graph_of_a_workflow(get):
    graph = get("runs/RUN/workflows/graph")
    assert [(node["name"], node["kind"], node["state"]) for node in graph["nodes"]] == [
        ("first", "step", "success"),
        ("second", "step", "success"),
    ]
    assert graph["edges"] == [["first", "second"]]
    # A node that waits for others has a duration from when Airflow began it.
    first, second = graph["nodes"]
    assert first["waited"] == 0
    assert 0 <= second["waited"] <= second["duration"]
    assert (graph["keys"], graph["state"], graph["message"]) == ([], "success", None)


def test_a_clone_with_its_key_metadata_and_relatives(get):
    found = get("runs/RUN/task-instances/shout/0")
    assert (found["key_path"], found["space"]["of"]) == (["a"], "letters.result")
    assert found["origin"] == {
        "task_id": "letters",
        "map_index": -1,
        "output": "result",
        "description": "The letters",
    }
    assert [(meta["label"], meta["value"]) for meta in found["inherited"]] == [("size", 1)]
    (output,) = found["outputs"]
    number, report = output["metadata"]
    assert (number["label"], number["kind"], number["value"]) == ("length", "int", 10)
    assert report["html"] == "<p><strong>fine</strong> &lt;b&gt;no&lt;/b&gt;</p>\n"
    assert {each["task_id"]: each["relation"] for each in found["same_key"]} == {
        "letters": "producer",
        "digits": "downstream",
        "whisper": "downstream",
    }


def test_a_clone_of_nested_keys(get):
    found = get("runs/RUN/task-instances/square/3")
    assert found["key_path"] == ["c", "C1"]
    assert (found["origin"]["task_id"], found["origin"]["map_index"]) == ("digits", 2)


def test_a_task_that_produces_keys(get):
    found = get("runs/RUN/task-instances/letters/-1")
    assert found["key_path"] is None
    assert [(out["name"], out["type"], out["keys"]) for out in found["outputs"]] == [("result", "str", 4)]


def test_a_node_of_a_workflow(get):
    assert get("runs/RUN/task-instances/graph.step/0")["node"] == {"workflow": "graph", "name": "first"}


def test_the_metadata_of_keys(get):
    page = get("runs/RUN/keys-metadata", of="letters.result", search="b")
    (row,) = page["rows"]
    assert (row["key_path"], [(meta["label"], meta["value"]) for meta in row["metadata"]]) == (
        ["b"],
        [("size", 1)],
    )


def test_the_metadata_of_one_key(get):
    page = get("runs/RUN/keys-metadata", of="letters.result", key='["c"]')
    assert [row["key"] for row in page["rows"]] == ["c"]


def test_what_became_of_keys_in_the_last_runs(get, run):
    page = get("history", of="letters.result", task_id="whisper")
    assert [each["run_id"] for each in page["runs"]] == [run.run_id]
    states = {row["key"]: [each and each["state"] for each in row["states"]] for row in page["rows"]}
    assert states == {"a": ["success"], "b": ["upstream_failed"], "c": ["success"], HOSTILE: ["success"]}


def test_numbers_of_all_keys_and_of_some(get):
    lines = {
        each["label"]: {series["name"]: series["values"] for series in each["series"]}
        for each in get("numbers", of="letters.result")["labels"]
    }
    long = float(len(HOSTILE))
    assert lines == {
        "length": {"minimum": [10.0], "median": [10.0], "maximum": [10 * long]},
        "size": {"minimum": [1.0], "median": [1.0], "maximum": [long]},
    }
    some = get("numbers", of="letters.result", key=['["a"]', '["b"]'], task_id="shout")["labels"]
    assert [(each["label"], each["series"]) for each in some] == [
        ("length", [{"name": "a", "values": [10.0]}, {"name": "b", "values": [None]}])
    ]


def test_what_would_run_again(server, run):
    def find(status=200, **wanted):
        answer = server.post(f"/dags/shown/runs/{run.run_id}/clearing", wanted, user="viewer")
        assert answer.status_code == status, answer.text
        return answer.json()

    failed = find(of="letters.result", state="failed")
    assert failed["task_ids"] == [
        "count",
        ["digits", 1],
        "digits__keys",
        ["shout", 1],
        "square",
        ["whisper", 1],
    ]
    assert failed["total"] == 5 + 6
    assert {each["label"] for each in failed["task_instances"] if each["map_index"] == 1} >= {"b"}
    nodes = find(workflow="graph", nodes=["second"])
    second = "graph.step__after" if STARTS_IN_TRIGGERER else ["graph.step", 1]
    assert nodes["task_ids"] == ["graph.result", second]
    assert find(422)["detail"] == (
        "Use either `of` with `keys`, `wanted`, `state` or `lister`, or `workflow` with `nodes` or `state`."
    )
    unknown = find(404, of="letters.result", keys=[["z"]])
    assert unknown["detail"] == "There is no key 'z' in 'letters.result'."


PARAMETERS = {
    "dag_id": "shown",
    "task_id": "shout",
    "map_index": "0",
    "name": "graph",
}


def routes():
    from fastapi.routing import APIRoute

    from airflow_dynamic_provider.ui.app import create_app

    return [route for route in create_app().routes if isinstance(route, APIRoute)]


def ask(server, route, run_id, user, **changed):
    path = route.path.format(**{**PARAMETERS, "run_id": run_id, **changed})
    if "POST" in route.methods:
        # A number that clears nothing.
        return server.post(path, {"of": "letters.result", "state": "failed", "confirmed": 0}, user=user)
    key = {"key": "a"} if path.endswith(("/key", "-of-key")) else {}
    return server.get(path, user=user, of="letters.result", **key)


each_route = pytest.mark.parametrize("route", routes(), ids=lambda route: route.path)


@each_route
def test_every_route_asks_who_it_is(server, run, route):
    assert ask(server, route, run.run_id, None).status_code == 401
    assert ask(server, route, run.run_id, "nobody").status_code == 403
    # Whoever may only look may not clear.
    seen = 403 if route.path.endswith("/clear") else 200
    assert ask(server, route, run.run_id, "viewer").status_code == seen


def routes_that(is_meant):
    """The routes of some kind; there are some."""
    found = [route for route in routes() if is_meant(route.path)]
    assert found
    return pytest.mark.parametrize("route", found, ids=lambda route: route.path)


@routes_that(lambda path: not path.endswith("/page"))
def test_a_dag_that_is_not_there_is_not_found(server, run, route):
    gone = ask(server, route, "gone", "admin", dag_id="gone")
    assert gone.status_code == 404, gone.text
    assert gone.json() == {"detail": "There is no Dag 'gone' in Airflow."}


@routes_that(lambda path: "{run_id}" in path and not path.endswith("/page"))
def test_a_run_that_is_not_there_is_not_found(server, run, route):
    gone = ask(server, route, "gone", "admin")
    assert gone.status_code == 404, gone.text
    assert gone.json() == {"detail": "There is no run 'gone' in the Dag 'shown'."}


@routes_that(lambda path: path.endswith("/page"))
def test_a_page_is_the_same_whatever_is_there(server, run, route):
    # It asks for what it shows, and is answered then.
    gone = ask(server, route, "gone", "admin", dag_id="gone")
    assert gone.status_code == 200
    assert gone.text == ask(server, route, run.run_id, "admin").text


def test_only_routes_that_clear_do_not_only_read():
    methods = {route.path: route.methods for route in routes() if route.methods != {"GET"}}
    run = "/dags/{dag_id}/runs/{run_id}"
    # All but those that clear only answer. What they are asked may be long.
    of_pages, of_commands = (
        ("clearing", "clear", "find-keys"),
        (
            "answers/find-to-clear",
            "answers/clear",
        ),
    )
    of_runs = {f"{run}/{name}": {"POST"} for name in (*of_pages, *of_commands)}
    assert methods == {**of_runs, "/dags/{dag_id}/answers/kept-results/clear": {"POST"}}


def test_they_are_documented(server):
    document = server.client.get("/dynamic-outputs/openapi.json").json()
    methods = {path: method for path, found in document["paths"].items() for method in found.values()}
    # What commands ask changes with the commands, so nobody else should use it.
    others = {
        route.path for route in routes() if not route.path.endswith("/page") and "/answers/" not in route.path
    }
    assert set(methods) == others
    assert [path for path, method in methods.items() if not method["description"]] == []
    without_model = [
        path for path, method in methods.items() if "$ref" not in str(method["responses"]["200"])
    ]
    # Files are downloaded; everything else has a model.
    assert without_model == ["/dags/{dag_id}/runs/{run_id}/export"]


def test_an_error_says_nothing_of_the_server(server, run, mocker):
    mocker.patch(
        "airflow_dynamic_provider.ui.routes.runs.open_run", side_effect=OSError("/secret/path: password")
    )
    answer = server.get(f"/dags/shown/runs/{run.run_id}/outputs")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "The server could not answer this request. Its log says why."}


def test_what_another_release_has_stored(server, run, mocker):
    mocker.patch(
        "airflow_dynamic_provider.database.runs.RunSource.pull_some", return_value={("letters", -1): "odd"}
    )
    answer = server.get(f"/dags/shown/runs/{run.run_id}/keys", of="letters.result")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("The installed release of airflow-dynamic-provider cannot read")


def test_metadata_of_a_kind_that_only_a_later_release_knows_is_shown_as_it_is_stored(server, run):
    of_item = {"task_id": "letters", "key": items_xcom("result", 0)}
    with create_session() as session:
        row = session.scalars(select(XComModel).filter_by(run_id=run.run_id, **of_item)).one()
        before = row.value
        later = {"later": {"type": "geo point", "value": {"lat": 1.5}, "unit": "m"}}
        row.value = {**before, "metadata": {**before["metadata"], "1": {**before["metadata"]["1"], **later}}}
    try:
        answer = server.get(f"/dags/shown/runs/{run.run_id}/keys-metadata", of="letters.result")
    finally:
        with create_session() as session:
            session.scalars(select(XComModel).filter_by(run_id=run.run_id, **of_item)).one().value = before
    assert answer.status_code == 200
    shown = {row["key"]: {meta["label"]: meta for meta in row["metadata"]} for row in answer.json()["rows"]}
    assert list(shown["b"]) == ["size", "later"]
    assert (shown["b"]["later"]["kind"], shown["b"]["later"]["value"]) == ("geo point", {"lat": 1.5})
    assert list(shown["a"]) == ["size"]


def test_browsers_ask_for_what_has_changed(server):
    for path in ("/static/main.js", "/static/vendor/preact.js", "/static/icon.svg"):
        answer = server.get(path, user=None)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_browsers_keep_only_the_files_of_this_release(server):
    ours = server.get(f"/static/v-{version()}/main.js", user=None)
    others = server.get("/static/v-0123456789abcdef/main.js", user=None)
    assert ours.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert others.headers["cache-control"] == "no-cache"
    assert ours.content == others.content
    missing = server.get(f"/static/v-{version()}/no.js", user=None)
    assert (missing.status_code, missing.headers["cache-control"]) == (404, "no-cache")


def test_pages_run_nothing_but_the_package_itself(server, run):
    page = server.get(f"/dags/shown/runs/{run.run_id}/page")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "{{" not in page.text
    assert f'src="/dynamic-outputs/static/v-{version()}/main.js"' in page.text
    preloaded = re.findall(r'modulepreload" href="/dynamic-outputs(.+?)"', page.text)
    assert {path.rpartition("/")[2] for path in preloaded} >= {"main.js", "preact.js", "list.js"}
    for path in preloaded:
        assert server.get(path, user=None).headers["cache-control"].endswith("immutable")


def test_states_and_metadata_are_downloaded(server, run):
    def download(**parameters):
        path = f"/dags/shown/runs/{run.run_id}/export"
        return server.get(path, of="letters.result", **parameters)

    states = download(what="states", format="csv")
    assert states.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(states.text)))
    assert rows.pop()["of"] == "# complete: 12 rows"
    assert len(rows) == 4 * 3
    assert {row["key"]: row["state"] for row in rows if row["task_id"] == "shout"}["b"] == "failed"
    name = states.headers["content-disposition"]
    assert name.startswith('attachment; filename="shown-manual__')
    assert name.endswith('-letters.result-states.csv"')
    metadata = download(what="metadata", format="json").json()
    found = {key["key"]: key["metadata"] for key in metadata["outputs"][0]["keys"]}
    assert found["a"] == {"size": {"type": "int", "value": 1}}


def test_a_download_of_what_is_not_there(server, run):
    answer = server.get(f"/dags/shown/runs/{run.run_id}/export", of="nowhere.result")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no dynamic output 'nowhere.result' in the Dag 'shown'."


@pytest.mark.parametrize("parameters", [{"of": "letters.result\0"}, {"of": "letters.result", "search": "\0"}])
def test_the_character_nul_is_refused(get, parameters):
    get("runs/RUN/keys", status=422, **parameters)


def test_the_character_nul_in_a_name_is_refused(server):
    assert server.get("/dags/sho%00wn/outputs").status_code == 422


def test_a_key_path_that_is_nested_without_end_is_refused(get):
    get("runs/RUN/keys", status=422, of="letters.result", parent="[" * 10_000)


def test_an_empty_key_path_does_not_stand_for_all_keys(server, run):
    path = f"/dags/shown/runs/{run.run_id}/clearing"
    assert server.post(path, {"of": "letters.result", "keys": [[]]}).status_code == 422
    assert server.post(path, {"of": "letters.result", "keys": [["a"]]}).status_code == 200


@contextlib.contextmanager
def stored_instead(run, task_id, key, value, map_index=-1):
    """Have another value in an XCom of the run."""
    place = {"run_id": run.run_id, "task_id": task_id, "key": key, "map_index": map_index}
    with create_session() as session:
        row = session.scalars(select(XComModel).filter_by(**place)).one()
        before, row.value = row.value, value
    try:
        yield
    finally:
        with create_session() as session:
            session.scalars(select(XComModel).filter_by(**place)).one().value = before


def test_metadata_that_cannot_be_read_is_a_row_that_says_so(get, run):
    asked = {"of": "letters.result", "what": "metadata", "format": "json"}
    page = run.xcom("letters", items_xcom("result", 0))
    damaged = {**page, "metadata": {**page["metadata"], "2": 5}}
    labels = {
        "output_metadata": ("shout", 0, ["the author's"]),
        items_xcom("result", 0): ("letters", -1, damaged),
    }
    with contextlib.ExitStack() as stack:
        for name, (task_id, map_index, value) in labels.items():
            stack.enter_context(stored_instead(run, task_id, name, value, map_index))
        (exported,) = get("runs/RUN/export", **asked)["outputs"]
        rows = get("runs/RUN/keys-metadata", of="letters.result")["rows"]
        numbers = get("numbers", of="letters.result")["labels"]
        instance = get("runs/RUN/task-instances/shout/0")
    assert [key["key"] for key in exported["keys"]] == ["a", "b", "c", HOSTILE]
    kinds = [[each["type"] for each in key["metadata"].values()] for key in exported["keys"]]
    assert kinds == [["int"], ["int"], ["unreadable"], ["int"]]
    (shouted,) = exported["keys"][0]["tasks"]
    assert shouted["outputs"]["result"]["unreadable"]["value"].startswith(
        "The stored metadata cannot be read"
    )
    assert [[each["kind"] for each in row["metadata"]] for row in rows] == kinds
    assert {each["label"] for each in numbers} == {"size", "length"}
    assert [each["kind"] for each in instance["outputs"][0]["metadata"]] == ["unreadable"]


def test_a_download_says_at_its_end_that_it_is_complete(server, get, run):
    asked = {"of": "letters.result", "what": "metadata"}
    path = f"/dags/shown/runs/{run.run_id}/export"
    *rows, last = server.get(path, **asked, format="csv").text.splitlines()
    assert last == f"# complete: {len(rows) - 1} rows"
    assert list(get("runs/RUN/export", **asked, format="json"))[-1] == "complete"


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_download_that_fails_half_way_is_no_file(server, run, monkeypatch, form):
    path, asked = f"/dags/shown/runs/{run.run_id}/export", {"of": "letters.result", "format": form}
    headers = {**server.headers("admin"), "Accept-Encoding": "identity"}
    address = f"{PREFIX}{path}"
    whole = server.client.get(address, params={**asked, "what": "metadata"}, headers=headers)
    assert int(whole.headers["content-length"]) == len(whole.content)

    def break_off(*_):
        raise LayoutError("as the test says")

    monkeypatch.setattr(export, "_AT_ONCE", 1)
    rows = export.render_key
    monkeypatch.setattr(export, "render_key", lambda path: break_off() if path == ("c",) else rows(path))
    half = server.get(path, **asked, what="metadata")
    assert half.status_code == 409
    assert half.json()["detail"].startswith("The installed release of airflow-dynamic-provider cannot read")
