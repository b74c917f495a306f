"""What is refused, and what differs from flytekit: without any Dag run."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import types
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from unittest import mock

import pytest

from airflow_dynamic_provider.dags_from import flyte as fl
from airflow_dynamic_provider.dags_from.flyte import call_settings, hashes, storing
from airflow_dynamic_provider.dags_from.flyte.core.node_creation import create_node
from airflow_dynamic_provider.dags_from.flyte.extras.accelerators import T4
from airflow_dynamic_provider.dags_from.flyte.settings import ACCEPTED, REFUSED, USED, read_settings
from airflow_dynamic_provider.dags_from.flyte.values import decode, encode, reread
from airflow_dynamic_provider.definitions.cache import Cache
from airflow_dynamic_provider.errors import (
    DynamicOutputsError,
    OutputTypeError,
    PromiseUsageError,
    TooFewSuccessesError,
    WorkflowCallError,
    WorkflowError,
)
from airflow_dynamic_provider.version_compat import AirflowFailException

RAN: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_ran():
    RAN.clear()


@fl.task
def one(x: int) -> int:
    RAN.append(x)
    return x


@fl.task
def half(x: float) -> float:
    return x / 2


@fl.task
def pair(x: int) -> tuple[int, str]:
    return x, str(x)


@fl.task
def nothing(x: int):
    RAN.append(x)


class Color(Enum):
    RED = "red"


@dataclass
class Row:
    size: int
    color: Color = Color.RED


class Named(NamedTuple):
    left: int
    right: str


@fl.task
def row(size: int) -> Row:
    return Row(size)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: half(x=1), "the input 'x' of 'half' must be float, received 1 of type int"),
        (lambda: one(x=True), "the input 'x' of 'one' must be int, received True of type bool"),
        (lambda: one(x=1.0), "the input 'x' of 'one' must be int, received 1.0 of type float"),
        (lambda: one(x=None), "the input 'x' of 'one' must be int, received None"),
        (lambda: half(x="1"), "must be float, received '1' of type str"),
    ],
)
def test_a_value_of_a_related_type_is_refused(call, message):
    with pytest.raises(OutputTypeError, match=message):
        call()


def test_a_returned_value_of_a_related_type_is_refused():
    @fl.task
    def test_wrong() -> float:
        return 1

    @fl.task
    def too_few() -> tuple[int, int]:
        return (1,)

    with pytest.raises(
        OutputTypeError, match="the return value of 'test_wrong' must be float, received 1 of"
    ):
        test_wrong()
    with pytest.raises(OutputTypeError, match="'too_few' must be a tuple of 2 outputs, received"):
        too_few()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one(), "the call of 'one' does not fit: missing a required argument: 'x'"),
        (lambda: one(y=1), "unexpected keyword argument 'y'"),
        (lambda: one(1, x=1), "multiple values for argument 'x'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(call, message):
    with pytest.raises(WorkflowCallError, match=message):
        call()


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda p: f"{p}", "the output of 'one' is a promise, not yet a value, and was formatted into a str"),
        (lambda p: p + 1, "the output of 'one' is a promise"),
        (lambda p: bool(p), "used as a truth value"),
        (lambda p: list(p), "iterated or unpacked"),
        (lambda p: bool(p > 1), r"the output of 'one' is a promise, not yet a value, and was compared \(>\)"),
        (lambda p: p.size, "asked for its attribute 'size'"),
        (lambda p: p[1:2], "sliced"),
        (lambda _: row(size=1).colour, "asked for its attribute 'colour'"),
    ],
)
def test_a_promise_that_is_used_as_a_value_is_refused_before_any_task_has_run(use, message):
    @fl.workflow
    def uses(x: int) -> int:
        use(one(x=x))
        return one(x=x)

    @fl.dynamic
    def in_dynamic(x: int) -> int:
        use(one(x=x))
        return one(x=x)

    for body in (uses, in_dynamic):
        with pytest.raises(PromiseUsageError, match=message):
            body(x=1)
    assert RAN == []


def test_an_input_of_a_workflow_is_a_promise_and_that_of_a_dynamic_is_a_value():
    @fl.workflow
    def decides(x: int) -> int:
        return one(x=x) if x > 1 else x

    @fl.dynamic
    def decides_at_run_time(x: int) -> int:
        return one(x=x) if x > 1 else x

    with pytest.raises(PromiseUsageError, match="the output of 'x' is a promise"):
        decides(x=2)
    assert decides_at_run_time(x=2) == 2
    assert RAN == [2]


def test_a_constant_of_a_wrong_type_is_refused_before_any_task_has_run():
    @fl.workflow
    def wrong(x: int) -> float:
        one(x=x)
        return half(x=1)

    with pytest.raises(OutputTypeError, match="the input 'x' of 'half' must be float"):
        wrong(x=1)
    assert RAN == []


def test_a_try_around_a_call_catches_nothing():
    @fl.task
    def fails(x: int) -> int:
        raise ValueError("broken")

    @fl.dynamic
    def tries(x: int) -> int:
        try:
            return fails(x=x)
        except ValueError:
            return -1

    with pytest.raises(ValueError, match="broken"):
        tries(x=1)


def test_an_order_without_data_holds_as_plain_python_too():
    @fl.workflow
    def ordered(x: int):
        first = nothing(x=1)
        second = nothing(x=2)
        second >> first

    ordered(x=0)
    assert RAN == [2, 1]


def test_several_outputs_unpack_and_have_names():
    @fl.workflow
    def both(x: int) -> Named:
        number, text = pair(x=x)
        return Named(number, text)

    result = both(x=3)
    assert (result.left, result.right) == (3, "3")
    assert pair(x=1).o1 == "1"
    a, b = pair(x=2)
    assert (a, b) == (2, "2")


def test_parts_of_promises_keep_their_types():
    @fl.task
    def color_of(color: Color, size: int) -> str:
        return f"{color!r} {size}"

    @fl.workflow
    def parts(size: int) -> str:
        made = row(size=size)
        return color_of(color=made.color, size=made.size)

    assert parts(size=3) == "<Color.RED: 'red'> 3"


def test_each_task_gets_a_copy_of_its_inputs():
    @fl.task
    def changes(values: list[int]) -> int:
        values.append(0)
        return len(values)

    @fl.workflow
    def twice(values: list[int]) -> tuple[int, int]:
        return changes(values=values), changes(values=values)

    given = [1]
    assert tuple(twice(values=given)) == (2, 2)
    assert given == [1]


def test_untyped_containers_are_refused_where_a_value_would_change():
    @fl.task
    def loose(values: dict) -> dict:
        return values

    @fl.task
    def listed() -> list:
        return [(1, 2)]

    assert loose(values={"a": [1, None]}) == {"a": [1, None]}
    with pytest.raises(OutputTypeError, match="the return value of 'listed' would change on its way"):
        listed()
    with pytest.raises(OutputTypeError, match="the input 'values' of 'loose' would change on its way"):
        loose(values={"a": (1, 2)})


class Opaque:
    pass


def test_values_that_only_pickle_can_store_are_refused():
    @fl.task
    def opaque() -> Opaque:
        return Opaque()

    with pytest.raises(
        OutputTypeError, match=r"Opaque'> cannot be stored as data.*\[dynamic_outputs\] allow_pickle"
    ):
        opaque()


class Model:
    def __init__(self, weight: int) -> None:
        self.weight = weight


def test_objects_are_pickled_if_the_deployment_allows_it(monkeypatch, tmp_path):
    @fl.task
    def fits(weight: int) -> tuple[Model, int]:
        return Model(weight), weight

    @fl.task
    def uses(model: Model) -> int:
        return model.weight

    @fl.task
    def several() -> list[Model]:
        return [Model(1)]

    @fl.workflow
    def fit_and_use(weight: int) -> int:
        model, _ = fits(weight=weight)
        return uses(model=model)

    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__ALLOW_PICKLE", "True")
    assert fit_and_use(weight=3) == 3
    # Only where the annotation is the class itself.
    with pytest.raises(OutputTypeError, match="cannot be stored as data"):
        several()
    place = encode(Model(3), Model, "the output")
    with pytest.raises(OutputTypeError, match="the pickle contains an object of type Model"):
        decode(place, Opaque, "the input")
    # Nothing is read that a task has not pickled, and nothing once it is no longer allowed.
    elsewhere = tmp_path / ("a" * 32) / "object.pickle"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(Path(place).read_bytes())
    up = str(Path(place).parent / ".." / Path(place).parent.name / "object.pickle")
    for other in (str(elsewhere), up, place.replace("object", "other"), 3):
        with pytest.raises(OutputTypeError, match="not the place of an object that a task has pickled"):
            decode(other, Model, "the input")
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__ALLOW_PICKLE", "False")
    for use, value in ((decode, place), (encode, Model(3))):
        with pytest.raises(OutputTypeError, match="allow_pickle does not allow"):
            use(value, Model, "the value")


def test_calls_and_maps_in_cases_have_settings():
    @fl.workflow
    def with_settings(x: int) -> int:
        first = one(x=x)
        return (
            fl.conditional("c")
            .if_(first == 1)
            .then(tried(x=first).with_overrides(retries=5, node_name="often"))
            .else_()
            .then(one(x=first))
        )

    (case, _) = with_settings.plan({"x": 1}).nodes[1].arguments["cases"]
    kinds = {kind.name: kind.settings for kind in with_settings.find_kinds()}
    assert case["calls"][0]["label"] == "often"
    assert kinds[case["calls"][0]["of"]["kind"]]["retries"] == 5
    assert with_settings(x=1) == 1

    @fl.workflow
    def with_map(x: int) -> list[int]:
        first = one(x=x)
        return (
            fl.conditional("c")
            .if_(first == 1)
            .then(fl.map_task(tried, concurrency=1, min_success_ratio=0.5)(x=[first, 2]))
            .else_()
            .then(fl.map_task(one, metadata=fl.TaskMetadata(retries=2))(x=[]))
        )

    (mapped, varied) = with_map.plan({"x": 1}).nodes[1].arguments["cases"]
    settings = {"concurrency": 1, "min_success_ratio": 0.5, "min_successes": None, "bound": []}
    assert mapped["calls"][0]["of"]["mapping"] == settings
    kinds = {kind.name: kind.settings for kind in with_map.find_kinds()}
    assert kinds[varied["calls"][0]["of"]["kind"]]["retries"] == 2
    assert (with_map(x=1), with_map(x=3)) == ([1, 2], [])


LENGTH = fl.HashMethod(lambda text: str(len(text)))


def test_what_a_hash_method_says_is_the_input_of_a_cached_task():
    # Tables of pandas are known by the name of their class.
    frame = type("DataFrame", (), {"__module__": "pandas"})

    def function(text, other, tables):
        return len(text)

    function.__annotations__ = {
        "text": Annotated[str, LENGTH],
        "other": str,
        "tables": list[frame],
        "return": int,
    }
    measured = fl.task(function)

    key_form = measured.interface.key_form
    assert key_form("text", "abc") == key_form("text", "xyz") != key_form("text", "ab")
    assert key_form("other", "abc") == "abc"
    # That of a table is behind the place of its file.
    tagged = hashes.tagged("/a/table.parquet", LENGTH.digest("abc"))
    assert hashes.place_of(tagged) == "/a/table.parquet"
    assert key_form("tables", [tagged]) == key_form("tables", [tagged.replace("/a/", "/b/")]) != [tagged]
    # A text of the author may look the same.
    assert key_form("other", tagged) == tagged


def test_a_recoverable_error_is_tried_again_and_no_other():
    tries: list[str] = []

    @fl.task(retries=2)
    def recovers(kind: str) -> int:
        tries.append(kind)
        if len(tries) < 3:
            raise fl.FlyteRecoverableException("again") if kind == "recoverable" else ValueError("final")
        return len(tries)

    assert recovers(kind="recoverable") == 3
    tries.clear()
    with pytest.raises(ValueError, match="final"):
        recovers(kind="other")
    assert tries == ["other"]


def test_a_time_limit_holds():
    @fl.task(timeout=timedelta(milliseconds=50))
    def endless() -> int:
        while True:
            pass

    with pytest.raises(BaseException, match=r"(?i)timeout"):
        endless()


def test_a_working_directory_is_fresh_and_removed():
    seen: list[str] = []

    @fl.task
    def works() -> bool:
        directory = fl.current_context().working_directory
        assert directory == fl.current_context().working_directory
        seen.append(directory)
        return os.path.isdir(directory)

    assert works()
    assert works()
    assert seen[0] != seen[1]
    assert not any(map(os.path.exists, seen))


def test_the_environment_of_a_task_is_set_while_it_runs(monkeypatch):
    monkeypatch.setenv("FLYTE_OTHER", "before")

    @fl.task(environment={"FLYTE_OTHER": "in the task", "FLYTE_NEW": "new"})
    def reads() -> str:
        return os.environ["FLYTE_OTHER"] + os.environ["FLYTE_NEW"]

    assert reads() == "in the tasknew"
    assert os.environ["FLYTE_OTHER"] == "before"
    assert "FLYTE_NEW" not in os.environ


def test_secrets_come_from_the_environment_that_flytekit_reads(monkeypatch):
    monkeypatch.setenv("_FSEC_GROUP_KEY", "value")
    assert fl.current_context().secrets.get("group", "key") == "value"
    assert fl.current_context().secrets.group.key == "value"
    with pytest.raises(
        DynamicOutputsError, match=r"there is no secret 'group_other'\. Make the Airflow variable"
    ):
        fl.current_context().secrets.get("group", "other")


def test_a_file_that_does_not_exist_is_refused_at_the_task_that_returns_it():
    @fl.task
    def lost() -> fl.FlyteFile:
        return fl.FlyteFile("/nowhere/at/all.txt")

    with pytest.raises(OutputTypeError, match=r"'lost' must be FlyteFile.*there is no file or directory"):
        lost()


def test_a_file_of_a_call_as_plain_python_inside_a_task_is_stored_for_later_tasks(monkeypatch, tmp_path):
    @fl.task
    def writes() -> fl.FlyteFile:
        path = Path(fl.current_context().working_directory, "file.txt")
        path.write_text("text")
        return fl.FlyteFile(str(path))

    file = writes()
    assert storing.lasts(file.remote_source)
    in_airflow = {"ti": types.SimpleNamespace(dag_id="dag")}
    monkeypatch.setattr(storing, "current_context", lambda: in_airflow)
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__FILES_PATH", str(tmp_path))
    place = encode(file, fl.FlyteFile, "the output")
    assert Path(place).is_relative_to(tmp_path)
    assert Path(place).read_text() == "text"
    # It is stored once.
    assert encode(decode(place, fl.FlyteFile, "the input"), fl.FlyteFile, "the output") == place


def test_fixed_inputs_of_a_launch_plan_cannot_be_given():
    @fl.workflow
    def planned(x: int, y: int = 2) -> int:
        return one(x=x)

    plan = fl.LaunchPlan.get_or_create(planned, "plan", default_inputs={"x": 4}, fixed_inputs={"y": 1})
    assert plan() == 4
    assert plan(x=5) == 5
    with pytest.raises(WorkflowCallError, match="the launch plan 'plan' is given 'y', which it fixes"):
        plan(y=3)
    with pytest.raises(
        WorkflowError, match="the launch plan 'other' sets 'z', which is no input of 'planned'"
    ):
        fl.LaunchPlan.get_or_create(planned, "other", default_inputs={"z": 4})
    with pytest.raises(WorkflowError, match="has inputs or a schedule, but no name"):
        fl.LaunchPlan.get_or_create(planned, default_inputs={"x": 4})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"schedule": "*/5 * * * *"}, "*/5 * * * *"),
        ({"schedule": "daily"}, "@daily"),
        ({"cron_expression": "0 10 * * ? *"}, "0 10 * * *"),
        ({"cron_expression": "0 10 ? * 2-6 *"}, "0 10 * * 1-5"),
    ],
)
def test_a_cron_schedule_is_airflows(given, expected):
    assert fl.CronSchedule(**given).airflow == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fl.CronSchedule(cron_expression="0 10 * * ? 2030"), "names a year"),
        (lambda: fl.CronSchedule(schedule="0 10 *"), "has 3 fields"),
        (lambda: fl.CronSchedule(), "needs either schedule= or cron_expression="),
        (
            lambda: fl.CronSchedule(schedule="@daily", offset="P1D"),
            "offset='P1D', which Airflow does not have",
        ),
        (lambda: fl.FixedRate(duration=timedelta(seconds=90)), "FixedRate is given"),
        (lambda: fl.Cache(policies=[object()]), "Cache is given policies="),
        (lambda: fl.task(cache=True)(sized), "cache=True without a version"),
        (lambda: fl.task(cache=fl.Cache("1"), cache_version="2")(sized), "together with cache_version="),
        (lambda: fl.task(execution_mode=1)(sized), "execution_mode=, which is not supported"),
        (lambda: fl.task(task_resolver=1)(sized), "task_resolver=, which is not supported"),
        (lambda: fl.task(colour=1)(sized), "colour=, which flytekit does not know"),
        (lambda: fl.task(retries=-1)(sized), "retries=-1"),
        (lambda: fl.task(timeout="1h")(sized), "timeout='1h'"),
        (lambda: fl.workflow(on_failure=one)(sized), "on_failure=, which is not supported"),
        (lambda: fl.workflow(colour=1), "colour=, which flytekit does not know"),
        (lambda: fl.task(lambda x: x), "the input 'x' of '<lambda>' has no type"),
        (lambda: fl.map_task(sum), "map_task takes a @task, received"),
        (lambda: fl.map_task(pair), "with one output at most, but 'pair' has 2"),
        (lambda: fl.map_task(fl.map_task(one)), "map_task takes a @task, received"),
        (lambda: fl.map_task(one, min_success_ratio=2.0), "min_success_ratio=2.0"),
        (lambda: fl.map_task(one, min_successes=2)(x=[1]), "has 1 nodes, and 2 of them must succeed"),
        (lambda: fl.map_task(functools.partial(one, 1)), "a partial with positional arguments"),
        (lambda: create_node(one, x=1), "create_node is called outside of the body"),
        (lambda: fl.conditional("x"), r"conditional\('x'\) is used outside of the body"),
        (
            lambda: fl.wait_for_input("x", timeout=timedelta(1), expected_type=int),
            "the gate 'x' is called outside of the body",
        ),
        (lambda: fl.approve(3, "x", timeout=timedelta(1)), r"approve\('x'\) is given 3"),
        (lambda: fl.reference_task(name="x"), "Import the task from the module"),
        (lambda: fl.FlyteRemote(), "REST API"),
    ],
)
def test_what_has_no_counterpart_is_refused_where_it_is_used(make, message):
    with pytest.raises(WorkflowError, match=message):
        make()


def sized(x: int = 1) -> int:
    return x


def test_settings_of_the_deployment_are_said_in_the_documentation_of_the_task():
    @fl.task(
        requests=fl.Resources(cpu="1"), interruptible=True, deprecated="Use another.", retries=1, timeout=60
    )
    def documented() -> int:
        """Does something."""
        return 1

    assert documented._task.kwargs["retries"] == 1
    assert documented._task.kwargs["execution_timeout"] == timedelta(seconds=60)
    assert documented._task.kwargs["doc_md"] == (
        "Does something.\n\n**Deprecated:** Use another.\n\n"
        "Settings of the program, and what they do here:\n\n"
        "* `requests`: The requests of the pod, with the KubernetesExecutor.\n"
        "* `interruptible`: Ignored. Airflow's executor decides where a task runs.\n"
        "* `deprecated`: The text is in this documentation."
    )


@fl.task(retries=3)
def tried(x: int) -> int:
    return x


def kinds_of(workflow, **inputs):
    """Return node -> the settings of its task, without its documentation."""
    kinds = workflow.find_kinds()
    settings = {kind.name: {**kind.settings} for kind in kinds}
    return {
        node.name: {name: value for name, value in settings[node.kind].items() if name != "doc_md"}
        for node in workflow.plan(inputs).nodes
    }


def test_overrides_of_one_call_are_settings_of_another_task():
    @fl.dynamic
    def overridden(x: int) -> int:
        first = tried(x=x)
        first.with_overrides(node_name="first", retries=5, timeout=timedelta(seconds=3))
        tried(x=first).with_overrides(name="second", retries=1, cache=True, cache_version="2")
        create_node(tried, x=x).with_overrides(cache=fl.Cache("1"))
        fl.map_task(tried, metadata=fl.TaskMetadata(retries=2))(x=[x])
        return fl.map_task(tried)(x=[x]).with_overrides(retries=4)[0]

    assert kinds_of(overridden, x=1) == {
        "first": {"retries": 5, "execution_timeout": timedelta(seconds=3)},
        "second": {"retries": 1, "cache": Cache("2")},
        "tried": {"retries": 3, "cache": Cache("1")},
        "tried-map/0": {"retries": 2},
        "tried-map-2/0": {"retries": 4},
    }
    assert overridden(x=1) == 1

    @fl.dynamic
    def later(xs: list[int]) -> int:
        made = fl.map_task(tried)(x=xs)
        mapped = fl.map_task(tried)(x=made).with_overrides(retries=4)
        return one(x=mapped[0])

    assert kinds_of(later, xs=[1])["tried-map-2"] == {"retries": 4}
    assert later(xs=[1, 2]) == 1


def test_overrides_that_only_the_body_knows_are_logged():
    @fl.dynamic
    def computed(x: int) -> int:
        tried(x=x).with_overrides(retries=x, requests=fl.Resources(cpu=str(x)))
        return tried(x=x)

    @fl.dynamic
    def more(x: int) -> int:
        return tried(x=x).with_overrides(retries=x)

    @fl.dynamic
    def twice(x: int) -> int:
        tried(x=x).with_overrides(node_name="same")
        return tried(x=x).with_overrides(node_name="same")

    @fl.dynamic
    def unknown(x: int) -> int:
        return tried(x=x).with_overrides(colour=1)

    with mock.patch.object(call_settings.log, "warning") as warning:
        nodes = computed.plan({"x": 1}).nodes
    assert (warning.call_args.args[0] % warning.call_args.args[1:]).startswith(
        "with_overrides(requests=) of 'tried' has no effect"
    )
    assert [node.retries for node in nodes] == [1, None]
    with pytest.raises(
        WorkflowCallError, match="'tried' is given retries=5 for one call, but its task has 3"
    ):
        more(x=5)
    with pytest.raises(WorkflowError, match="same"):
        twice(x=1)
    with pytest.raises(WorkflowCallError, match="colour=, which flytekit does not know"):
        unknown(x=1)


def test_a_number_of_items_of_a_map_must_succeed():
    @fl.task
    def odd(x: int) -> int:
        if x % 2 == 0:
            raise ValueError("even")
        return x

    @fl.dynamic
    def some(xs: list[int], least: int) -> list[int | None]:
        made = fl.map_task(one)(x=xs)
        fl.map_task(odd, min_successes=least)(x=xs)
        return fl.map_task(odd, min_successes=least)(x=made)

    assert some(xs=[1, 2, 3], least=2) == [1, None, 3]
    with pytest.raises(TooFewSuccessesError, match="1 of the 3 nodes of 'odd-map-2' succeeded"):
        some(xs=[1, 2, 4], least=2)
    with pytest.raises(ValueError, match="even"):
        some(xs=[1, 2, 3], least=3)
    assert fl.map_task(odd, min_successes=1)(x=[1, 2, 4]) == [1, None, None]


def test_gates_ask_on_the_terminal_as_plain_python(monkeypatch):
    hour = timedelta(hours=1)

    @fl.dynamic
    def asks(x: int) -> float:
        rate = fl.wait_for_input("rate", timeout=hour, expected_type=float)
        fl.sleep(hour) >> one(x=x)
        return scaled(x=fl.approve(pair(x=x), "go on", timeout=hour).o0, rate=rate)

    answers = {"rate: ": "3", "go on: approve (1, '1')? [Y/n] ": "y"}
    monkeypatch.setattr("builtins.input", answers.pop)
    assert asks(x=1) == 3.0
    assert answers == {}
    monkeypatch.setattr("builtins.input", lambda question: "3" if question == "rate: " else "n")
    with pytest.raises(AirflowFailException, match="'go on' was not approved"):
        asks(x=1)

    @fl.workflow
    def in_case(x: int) -> int:
        return fl.conditional("c").if_(one(x=x) == 1).then(fl.sleep(hour)).else_().then(one(x=x))

    with pytest.raises(WorkflowCallError, match="or in a case of a conditional"):
        in_case(x=1)


@fl.task
def scaled(x: int, rate: float) -> float:
    return x * rate


class Power(fl.PythonInstanceTask):
    def __init__(self, name: str, exponent: int) -> None:
        super().__init__(name, inputs=fl.kwtypes(x=int), outputs=fl.kwtypes(power=int, text=str), retries=1)
        self.exponent = exponent

    def execute(self, x: int) -> tuple[int, str]:
        return x**self.exponent, str(x)


square, cube = Power("square", 2), Power("a.cube", 3)


def test_instance_tasks_are_called_like_tasks():
    @fl.workflow
    def powers(x: int) -> tuple[int, int, str]:
        squared = square(x=x)
        return squared.power, cube(x=squared.power).power, squared.text

    assert tuple(powers(x=2)) == (4, 64, "2")
    assert kinds_of(powers, x=2) == {"square": {"retries": 1}, "cube": {"retries": 1}}
    with pytest.raises(WorkflowCallError, match="'square' does not fit"):
        square(y=1)


def container(**given):
    settings = {
        "command": ["sh", "-c", "echo {{.inputs.n}} > /tmp/out/number"],
        "inputs": fl.kwtypes(n=int, text=fl.FlyteFile),
        "input_data_dir": "/tmp/in",
        "outputs": fl.kwtypes(number=int, file=fl.FlyteFile),
        "output_data_dir": "/tmp/out",
    }
    return fl.ContainerTask(name="of test", image="busybox", **{**settings, **given})


def test_the_command_of_a_container_carries_inputs_and_outputs(tmp_path):
    text = tmp_path / "text"
    text.write_text("it's")
    folders = {"input_data_dir": str(tmp_path / "in"), "output_data_dir": str(tmp_path / "out")}
    read = 'cat "$0/in/text"; echo {{.inputs.n}} > "$0/out/number"; cp "$0/out/number" "$0/out/file"'
    made = container(command=["sh", "-c", read, str(tmp_path)], **folders)
    command = made._whole_command({"n": 3, "text": fl.FlyteFile(str(text))}, "")
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert printed[0] == "it's"
    number, file = made._read(json.loads(printed[-1]))
    assert (number, Path(file).read_text()) == (3, "3\n")
    plain = fl.ContainerTask("plain", "busybox", ["echo", "{{.inputs.n}}"], fl.kwtypes(n=int))
    assert plain._whole_command({"n": 3}, "") == ["echo", "3"]


def test_a_container_needs_a_provider_and_known_inputs():
    made = container()
    # Neither provider is among the packages for development.
    with pytest.raises(
        WorkflowError, match=r"'of_test' needs a provider.*airflow-dynamic-provider\[docker\]"
    ):
        made(n=1, text="/etc/hostname")
    with pytest.raises(WorkflowError, match=r"has \{\{.inputs.m\}\}, which is no input"):
        container(command=["echo", "{{.inputs.m}}"])
    with pytest.raises(WorkflowError, match=r"has \{\{.inputs.text\}\}, which is a file"):
        container(command=["cat", "{{.inputs.text}}"])
    with pytest.raises(WorkflowError, match="has outputs, but no directory for them"):
        container(output_data_dir=None)


def test_the_version_of_a_cache_without_one_is_the_source_of_the_function():
    @fl.task(cache=fl.Cache(ignored_inputs="x"))
    def cached(x: int) -> int:
        return x

    assert cached.cache == Cache("auto", ignored=("x",))


def test_the_configuration_of_a_run_has_all_inputs_and_may_have_an_integer_for_a_float():
    with pytest.raises(OutputTypeError, match="the param 'n' must be int, received None"):
        reread(None, int, "the param 'n'")
    assert reread(2, float, "the param 'x'") == 2.0
    with pytest.raises(OutputTypeError, match="must be float, received 2"):
        encode(2, float, "the input 'x'")


CACHED = {"cache": True, "cache_version": "1"}

#: Each argument of flytekit.task and flytekit.dynamic, with others that it needs, and what it becomes.
ARGUMENTS = {
    "cache": ({"cache": fl.Cache("1")}, lambda read: read.cache == Cache("1")),
    "cache_version": (CACHED, lambda read: read.cache == Cache("1")),
    "cache_serialize": ({**CACHED, "cache_serialize": True}, lambda read: read.cache.serialize),
    "cache_ignore_input_vars": (
        {**CACHED, "cache_ignore_input_vars": ("x",)},
        lambda read: read.cache.ignored == ("x",),
    ),
    "retries": ({"retries": 2}, lambda read: read.airflow["retries"] == 2),
    "timeout": ({"timeout": 3}, lambda read: read.timeout == timedelta(seconds=3)),
    "environment": ({"environment": {"A": "b"}}, lambda read: read.environment == {"A": "b"}),
    "docs": (
        {"docs": fl.Documentation(short_description="Short.", long_description="Long.")},
        lambda read: read.airflow["doc_md"] == "Short.\n\nLong.",
    ),
    **{
        name: ({name: value}, lambda read, name=name: f"* `{name}`: " in read.airflow["doc_md"])
        for name, value in {
            "task_config": object(),
            "interruptible": True,
            "deprecated": "Use another.",
            "container_image": "image:1",
            "requests": fl.Resources(cpu="1"),
            "limits": fl.Resources(mem="1Gi"),
            "resources": fl.Resources(cpu=("1", "2")),
            "accelerator": T4,
            "shared_memory": True,
            "labels": {"a": "b"},
            "annotations": {"a": "b"},
            "pod_template": fl.PodTemplate(labels={"a": "b"}),
            "pod_template_name": "template",
            "secret_requests": [fl.Secret(group="group", key="key")],
            "enable_deck": True,
            "disable_deck": False,
            "deck_fields": (),
            "pickle_untyped": True,
        }.items()
    },
}


def test_each_argument_of_a_task_and_a_dynamic_has_a_counterpart():
    def plain(x: int) -> int:
        return x

    for name, (given, holds) in ARGUMENTS.items():
        assert holds(read_settings(plain, given)), name
        assert fl.task(**given)(plain)(x=1) == 1
        assert fl.dynamic(**given)(plain)(x=1) == 1
    # Those of flytekit 1.16. Two are refused, and one is only an argument of @dynamic.
    assert set(ARGUMENTS) == {*ACCEPTED, *USED}
    assert set(REFUSED) == {"execution_mode", "task_resolver"}
    assert fl.dynamic(node_dependency_hints=[one])(plain)(x=1) == 1


def test_an_environment_shares_settings():
    environment = fl.Environment(retries=2)

    @environment.task
    def shared(x: int) -> int:
        return x

    @environment.extend(timeout=5).task(retries=1)
    def own(x: int) -> int:
        return x

    assert shared._task.kwargs["retries"] == 2
    assert (own._task.kwargs["retries"], own._task.kwargs["execution_timeout"]) == (1, timedelta(seconds=5))


def test_a_dynamic_with_settings_of_its_own_is_a_node():
    @fl.dynamic(retries=1)
    def tried(x: int) -> int:
        return one(x=x)

    @fl.dynamic
    def plain(x: int) -> int:
        return one(x=x)

    @fl.workflow
    def both(x: int) -> int:
        tried(x=x)
        return plain(x=x)

    assert [node.name for node in both.plan({"x": 1}).nodes] == ["tried", "plain/one"]


def test_only_the_chosen_case_of_a_conditional_runs():
    @fl.task
    def other(x: int) -> int:
        RAN.append(-x)
        return -x

    @fl.workflow
    def chosen(x: int) -> int:
        first = one(x=x)
        return (
            fl.conditional("sign")
            .if_((first > 10) & (first != 12))
            .then(one(x=first))
            .elif_((first == 1) | (first == 2))
            .then(other(x=first))
            .else_()
            .fail("neither")
        )

    assert chosen(x=11) == 11
    assert chosen(x=2) == -2
    assert RAN == [11, 11, 2, -2]
    with pytest.raises(DynamicOutputsError, match="a conditional failed: neither"):
        chosen(x=5)
    assert [node.name for node in chosen.plan({"x": 1}).nodes] == ["one", "sign"]

    @fl.workflow
    def with_value(x: int) -> int:
        return fl.conditional("no").if_(True).then(one(x=x)).else_().then(one(x=x))

    @fl.workflow
    def without_call(x: int) -> int:
        return fl.conditional("no").if_(one(x=x) == 1).then(x).else_().then(one(x=x))

    with pytest.raises(WorkflowCallError, match=r"a case of conditional\('no'\) is given True"):
        with_value(x=1)
    with pytest.raises(WorkflowCallError, match=r"a case of conditional\('no'\) is <promise.*, not a call"):
        without_call(x=1)


@fl.workflow
def two_steps(x: int) -> int:
    return one(x=one(x=x))


@fl.dynamic
def more(x: int) -> int:
    return one(x=x + 1)


@fl.workflow
def cases(x: int) -> int:
    first = one(x=x)
    return (
        fl.conditional("outer")
        .if_(first == 1)
        .then(two_steps(x=first))
        .elif_(first == 2)
        .then(one(x=pair(x=row(size=first).size).o0))
        .elif_(first == 3)
        .then(more(x=first))
        .else_()
        .then(fl.conditional("inner").if_(first > 10).then(one(x=first)).else_().then(more(x=first)))
    )


@pytest.mark.parametrize(
    ("x", "result", "ran"),
    [(1, 1, [1, 1, 1]), (2, 2, [2, 2]), (3, 4, [3, 4]), (4, 5, [4, 5]), (11, 11, [11, 11])],
)
def test_a_case_calls_workflows_and_several_tasks_and_other_conditionals(x, result, ran):
    assert cases(x=x) == result
    assert ran == RAN
