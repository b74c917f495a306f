"""Whatever is cleared and run again, results, states, labels and metadata are those of the keys of now."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from unittest import mock

import airflow
import pytest
from airflow.sdk import dag, task
from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms
from packaging.version import Version

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    MetadataValue,
    Out,
    Output,
    add_output_metadata,
)
from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredItems, StoredMetadata, items_xcom
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.misbehaving import behave
from tests.dag.tasks import keep, pair
from tests.dag_runs import start_run

ABC = {"a": 1, "b": 2, "c": 3}

#: What the tasks below do; a test changes it between two runs. ``acts`` is (task, key) -> "fail" or "skip".
WORLD = SimpleNamespace(values={}, acts={})


@pytest.fixture(autouse=True)
def _world():
    WORLD.values, WORLD.acts = dict(ABC), {}


def act(task_id, mapping_key):
    behave(WORLD.acts.get((task_id, mapping_key)), mapping_key)


@task.dynamic(out=DynamicOut(int))
def produce():
    for key, value in WORLD.values.items():
        yield DynamicOutput(value, key, metadata={"value": value})


@task.dynamic(out={"result": DynamicOut(int), "other": DynamicOut(int), "count": Out(int)})
def produce_more():
    for key, value in WORLD.values.items():
        yield DynamicOutput(value, key, metadata={"value": value})
        yield DynamicOutput(-value, key, "other")
    yield Output(len(WORLD.values), "count")


@task
def work(value, mapping_key=None):
    act("work", mapping_key)
    add_output_metadata({"worked on": value})
    return f"{mapping_key}={value}"


@task
def finish(text, mapping_key=None):
    act("finish", mapping_key)
    return text + "!"


@task
def count(texts):
    return len(texts)


@dag(schedule=None)
def chain():
    """Two tasks a key, and their results."""
    keep(produce().map(lambda value: finish(work(value))).collect(keyed=True))


@dag(schedule=None)
def several_outputs():
    """The same, for one of several outputs: Airflow then expands over another task than the producer."""
    outputs = produce_more()
    keep(outputs.result.map(lambda value: finish(work(value))).collect(keyed=True))
    outputs.other.map(lambda value: pair(value, outputs.count))


def expected(values):
    return {key: f"{key}={value}!" for key, value in values.items()}


def check(run, values, producer_id="produce"):
    """Check that everything there is belongs to these keys."""
    assert run.state == "success"
    assert run.xcom("keep") == expected(values)
    assert list(run.xcom("keep")) == list(values)
    rows = [row for key in all_item_xcoms(run, producer_id) for row in run.xcoms(producer_id, key).values()]
    assert [key for row in rows for key in StoredItems.unpack(row).keys] == list(values)
    if values:
        check_clones(run, values)
    else:
        assert set(run.states("work").values()) <= {"skipped"}


def check_clones(run, values):
    for task_id in ("work", "finish"):
        assert run.states(task_id) == dict.fromkeys(values, "success")
        for position, (key, value) in enumerate(values.items()):
            stored = StoredMetadata.unpack(run.xcom(task_id, METADATA_XCOM, position))
            assert stored.key_path == (key,)
            assert stored.inherited == {"value": MetadataValue.int(value)}
            own = {"result": {"worked on": MetadataValue.int(value)}} if task_id == "work" else {}
            assert stored.outputs == own


def all_item_xcoms(run, producer_id):
    """The producer's pages, also those that should be gone."""
    keys = (items_xcom("result", page) for page in range(10))
    return [key for key in keys if run.xcoms(producer_id, key)]


def run_again(run):
    """Run what was cleared, and return the task instances that ran, with how often."""
    before = run.tries()
    after = run.run().tries()
    return {ti: tries - before.get(ti, 0) for ti, tries in after.items() if tries != before.get(ti, 0)}


version = Version(airflow.__version__)

may_lose_keys = pytest.mark.skipif(
    version < Version("3.3"),
    reason="up to Airflow 3.2, a task that is not mapped waits for ever for clones that Airflow removed",
)

clears_by_key = pytest.mark.skipif(
    version < Version("3.2"), reason="Airflow 3.1 clears what depends on a clone for all keys"
)

SHAPES = pytest.mark.parametrize(
    ("make_dag", "producer_id"),
    [(chain, "produce"), (several_outputs, "produce_more")],
    ids=["one_output", "several_outputs"],
)


@SHAPES
def test_a_producer_that_is_cleared_may_produce_more_reordered_and_other_keys(make_dag, producer_id):
    run = start_run(make_dag()).run()
    check(run, ABC, producer_id)
    for values in (
        {"c": 3, "a": 1, "b": 2},
        {**ABC, "d": 4, "e": 5},
        {"x": 1, "d": 0, "a": 9, "y": 2, "b": 2},
    ):
        WORLD.values = values
        run.clear(producer_id).run()
        check(run, values, producer_id)


@may_lose_keys
@SHAPES
def test_keys_may_vanish_and_come_back(make_dag, producer_id):
    run = start_run(make_dag()).run()
    for values in ({"c": 30}, {}, {"x": 9, "c": 1}, {}):
        WORLD.values = values
        run.clear(producer_id).run()
        check(run, values, producer_id)


def test_a_first_run_without_keys_may_be_followed_by_one_with_keys():
    WORLD.values = {}
    run = start_run(chain()).run()
    check(run, {})
    WORLD.values = ABC
    run.clear("produce").run()
    check(run, ABC)


@clears_by_key
def test_a_clone_that_is_cleared_runs_again_with_what_depends_on_it_and_nothing_else():
    run = start_run(chain()).run()
    run.clear("work", 1)
    assert run_again(run) == {("work", 1): 1, ("finish", 1): 1, ("keep", -1): 1}
    check(run, ABC)


def test_a_collector_that_is_cleared_alone_collects_the_same():
    run = start_run(chain()).run()
    run.clear("keep")
    assert run_again(run) == {("keep", -1): 1}
    check(run, ABC)


def test_only_what_failed_is_cleared():
    WORLD.acts = {("work", "b"): "fail"}
    run = start_run(chain()).run()
    assert run.states("work") == {"a": "success", "b": "failed", "c": "success"}
    assert run.state_of("keep") == "upstream_failed"
    WORLD.acts = {}
    run.clear("work", only_failed=True)
    assert run_again(run) == {("work", 1): 1, ("finish", 1): 1, ("keep", -1): 1}
    check(run, ABC)


@pytest.mark.parametrize("task_id", ["work", "finish"])
def test_a_clone_that_fails_after_it_succeeded_is_not_collected(task_id):
    run = start_run(chain()).run()
    WORLD.acts = {(task_id, "b"): "fail"}
    run.clear(task_id, 1).run()
    assert run.state == "failed"
    assert run.states(task_id) == {"a": "success", "b": "failed", "c": "success"}
    assert run.state_of("finish", 1) == ("upstream_failed" if task_id == "work" else "failed")
    assert run.state_of("keep") == "upstream_failed"
    WORLD.acts = {}
    run.clear(task_id, 1).run()
    check(run, ABC)


@pytest.mark.parametrize("task_id", ["work", "finish"])
def test_a_clone_that_is_skipped_after_it_succeeded_is_not_collected(task_id):
    run = start_run(chain()).run()
    WORLD.acts = {(task_id, "b"): "skip"}
    run.clear(task_id, 1).run()
    assert run.state == "success"
    assert run.states(task_id) == {"a": "success", "b": "skipped", "c": "success"}
    assert run.state_of("finish", 1) == "skipped"
    assert run.xcom("keep") == {"a": "a=1!", "c": "c=3!"}


def test_a_clone_that_runs_whatever_happened_is_not_given_an_earlier_value():
    @task(trigger_rule="all_done")
    def last(text):
        return [text]

    @dag(schedule=None)
    def stubborn():
        keep(produce().map(lambda value: last(finish(work(value)))).collect(keyed=True))

    WORLD.acts = {("work", "b"): "skip"}
    first = start_run(stubborn()).run()
    assert first.xcom("keep") == {"a": ["a=1!"], "b": [None], "c": ["c=3!"]}
    WORLD.acts = {}
    run = start_run(stubborn()).run()
    assert run.xcom("keep") == {key: [text] for key, text in expected(ABC).items()}
    # The scheduler skips "finish" for this key without running it, so what it stored stays in XCom.
    WORLD.acts = {("work", "b"): "skip"}
    run.clear("work", 1).run()
    assert run.states("finish")["b"] == "skipped"
    assert run.xcom("keep") == first.xcom("keep")


class Unreachable:
    """Lets the API answer a task's first messages of a kind, and then no more, until it is mended."""

    def __init__(self, task_id, kind, answers):
        self.task_id, self.kind, self.answers = task_id, kind, answers
        self.send = InProcessSupervisorComms.send

    def __call__(self, comms, msg):
        if (comms.supervisor.ti.task_id, type(msg).__name__) == (self.task_id, self.kind):
            self.answers -= 1
            if self.answers == -1:
                WORLD.values = {"c": 33, "new": 4}
                raise RuntimeError("the API does not answer")
        return self.send(comms, msg)

    def installed(self):
        return mock.patch.object(InProcessSupervisorComms, "send", lambda comms, msg: self(comms, msg))


@pytest.mark.parametrize("yielded", [0, 2])
def test_a_producer_that_fails_half_way_may_produce_other_keys_in_its_retry(yielded):
    @task.dynamic(out=DynamicOut(int), task_id="produce", retries=1, retry_delay=0)
    def produce_half(ti=None):
        for number, (key, value) in enumerate(WORLD.values.items()):
            if ti.try_number == 1 and number == yielded:
                WORLD.values = {"c": 33, "new": 4}
                raise ValueError("half way")
            yield DynamicOutput(value, key, metadata={"value": value})

    @dag(schedule=None)
    def half():
        keep(produce_half().map(lambda value: finish(work(value))).collect(keyed=True))

    run = start_run(half()).run()
    assert run.tries()["produce", -1] == 2
    check(run, {"c": 33, "new": 4})


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_producer_that_fails_while_it_stores_may_produce_other_keys_in_its_retry(stored):
    @dag(schedule=None, default_args={"retries": 1, "retry_delay": 0})
    def half():
        keep(produce().map(lambda value: finish(work(value))).collect(keyed=True))

    with Unreachable("produce", "SetXCom", stored).installed():
        run = start_run(half()).run()
    assert run.tries()["produce", -1] == 2
    check(run, {"c": 33, "new": 4})


@pytest.mark.parametrize("stored", [1, 2, 4, 5, 6])
def test_a_producer_of_several_outputs_that_fails_while_it_stores(stored):
    """Its last XComs are the lists of keys, which other tasks return."""

    @dag(schedule=None, default_args={"retries": 1, "retry_delay": 0})
    def half():
        outputs = produce_more()
        keep(outputs.result.map(lambda value: finish(work(value))).collect(keyed=True))
        keep(outputs.other.map(lambda value: pair(value, outputs.count)).collect(keyed=True))

    with Unreachable("produce_more", "SetXCom", stored).installed():
        run = start_run(half()).run()
    assert run.tries()["produce_more", -1] == 2
    check(run, {"c": 33, "new": 4}, "produce_more")
    assert run.xcom("keep__1") == {"c": [-33, 2], "new": [-4, 2]}


def test_a_clone_that_fails_after_it_pushed_leaves_nothing_to_its_retry():
    @task(retries=1, retry_delay=0)
    def unsteady(value, mapping_key=None, ti=None):
        ti.xcom_push(f"pushed in try {ti.try_number}", mapping_key)
        add_output_metadata({f"try {ti.try_number}": value})
        if ti.try_number == 1 and mapping_key == "b":
            raise ValueError("the first try fails")
        return f"{mapping_key} in try {ti.try_number}"

    @dag(schedule=None)
    def retried():
        keep(produce().map(unsteady).collect(keyed=True))

    run = start_run(retried()).run()
    assert run.states("unsteady") == dict.fromkeys(ABC, "success")
    assert run.xcom("keep") == {"a": "a in try 1", "b": "b in try 2", "c": "c in try 1"}
    assert run.xcoms("unsteady", "pushed in try 1") == {0: "a", 2: "c"}
    assert run.xcoms("unsteady", "pushed in try 2") == {1: "b"}
    stored = StoredMetadata.unpack(run.xcom("unsteady", METADATA_XCOM, 1))
    assert stored.outputs == {"result": {"try 2": MetadataValue.int(2)}}
    assert stored.inherited == {"value": MetadataValue.int(2)}


def test_a_clone_of_an_added_key_waits_for_its_own_upstream_clone(monkeypatch):
    """Airflow starts it at once, whatever it depends on."""
    monkeypatch.setattr("airflow_dynamic_provider.execution.clones.RESCHEDULE_AFTER", timedelta(0))
    keys, order = ["a"], []

    @task.dynamic(out=DynamicOut(str))
    def produce():
        for key in keys:
            yield DynamicOutput(key, mapping_key=key)

    @task
    def early(value):
        order.append(f"early {value}")
        if value == "bad":
            raise ValueError("bad")
        return value

    # Before anything else that can run.
    @task(priority_weight=100, weight_rule="absolute")
    def late(value):
        order.append(f"late {value}")
        return value

    @dag(schedule=None)
    def added():
        mapped = produce().map(lambda value: late(early(value)))
        keep(mapped.collect(keyed=True, min_success_ratio=0))
        keep(mapped.states())

    run = start_run(added()).run()
    keys += ["b", "bad", "c"]
    del order[:]
    run.clear("produce").run()
    assert run.xcom("keep") == {"a": "a", "b": "b", "c": "c"}
    assert run.xcom("keep__1") == {"a": "success", "b": "success", "bad": "upstream_failed", "c": "success"}
    for key in ("a", "b", "c"):
        assert order.index(f"early {key}") < order.index(f"late {key}")
    assert "late bad" not in order
    assert len(order) == 7


def test_a_collector_of_an_added_key_that_is_skipped_is_not_rescheduled_for_ever(monkeypatch):
    """Its rule was widened, so Airflow starts it, and it skips itself."""
    monkeypatch.setattr("airflow_dynamic_provider.execution.clones.RESCHEDULE_AFTER", timedelta(0))
    keys = ["a"]

    @task.dynamic(out=DynamicOut(str))
    def produce():
        for key in keys:
            yield DynamicOutput(key, mapping_key=key)

    @task
    def skip_b(value):
        if value == "b":
            raise AirflowSkipException("not b")
        return value

    @task.dynamic(out=DynamicOut(str))
    def totals():
        yield DynamicOutput("t", mapping_key="t")

    @dag(schedule=None)
    def added():
        total = totals().map(keep.override(task_id="total"))
        mapped = produce().map(lambda value: pair(skip_b(value), total.collect()))
        keep(mapped.states())

    run = start_run(added()).run()
    keys.append("b")
    run.clear("produce").run()
    assert run.xcom("keep") == {"a": "success", "b": "skipped"}


def test_a_total_of_all_keys_is_made_again_for_all_keys():
    """What a cleared clone goes into goes into every clone of the next group."""

    @dag(schedule=None)
    def shares():
        texts = produce().map(work)
        whole = count(texts.collect())
        keep(texts.map(lambda text: pair(text, whole)).collect(keyed=True))

    run = start_run(shares()).run()
    assert run.xcom("keep") == {key: [f"{key}={value}", 3] for key, value in ABC.items()}
    WORLD.acts = {("work", "a"): "skip"}
    run.clear("work", 0).run()
    assert run.states("work") == {"a": "skipped", "b": "success", "c": "success"}
    assert run.state_of("pair", 0) == "skipped"
    assert run.xcom("keep") == {"b": ["b=2", 2], "c": ["c=3", 2]}


#: Outer key -> inner keys.
NESTED = {"x": ["p", "q"], "y": [], "z": ["q", "r", "p"]}


@task.dynamic(out=DynamicOut(str))
def customers():
    for key in WORLD.values:
        yield DynamicOutput(key.upper(), key, metadata={"customer": key})


@task.dynamic(out=DynamicOut(str))
def orders(customer, mapping_key=None):
    act("orders", mapping_key)
    for key in WORLD.values[mapping_key]:
        yield DynamicOutput(f"{customer}{key}", key, metadata={"order": key})


@task
def price(order, mapping_key=None):
    act("price", mapping_key)
    return f"{order}$"


@task
def invoice(customer, prices):
    return [customer, prices]


@dag(schedule=None)
def nested():
    """Keys of keys, collected inside for each outer key and outside for all."""

    def bill(customer):
        prices = orders(customer).map(price)
        return invoice(customer, prices.collect()), prices

    invoices, prices = customers().map(bill)
    keep(invoices.collect(keyed=True, min_success_ratio=0.1))
    keep(prices.collect(keyed=True, min_success_ratio=0.1))
    keep(prices.states())


def check_nested(run, values, failed=()):
    """Check everything there is; ``failed`` are the labels of the inner clones that failed."""
    spoiled = {label.partition("/")[0] for label in failed}
    prices = {
        outer: {inner: f"{outer.upper()}{inner}$" for inner in inners if f"{outer}/{inner}" not in failed}
        for outer, inners in values.items()
    }
    assert run.xcom("keep") == {
        outer: [outer.upper(), list(prices[outer].values())] for outer in values if outer not in spoiled
    }
    assert run.xcom("keep__1") == prices
    assert run.xcom("keep__2") == {
        outer: {inner: "failed" if f"{outer}/{inner}" in failed else "success" for inner in inners}
        for outer, inners in values.items()
    }
    paths = [(outer, inner) for outer, inners in values.items() for inner in inners]
    assert run.states("price") == {
        "/".join(path): "failed" if "/".join(path) in failed else "success" for path in paths
    }
    for ti in run.instances("price").values():
        if ti.state != "removed":
            stored = StoredMetadata.unpack(run.xcom("price", METADATA_XCOM, ti.map_index))
            assert "/".join(stored.key_path) == ti.rendered_map_index
            assert stored.inherited["order"] == MetadataValue.text(stored.key_path[-1])


@may_lose_keys
def test_keys_of_keys_may_be_others_when_their_producer_is_cleared():
    WORLD.values = NESTED
    run = start_run(nested()).run()
    check_nested(run, NESTED)
    for values in (
        {"z": ["q", "r", "p"], "x": ["p", "q"]},
        {"x": ["q"], "y": ["p", "q"], "w": []},
        {"x": [], "y": []},
        {},
        {"x": ["q", "p"]},
    ):
        WORLD.values = values
        run.clear("customers").run()
        check_nested(run, values)


@may_lose_keys
def test_the_keys_of_one_key_may_be_others_when_that_clone_is_cleared():
    WORLD.values = NESTED
    run = start_run(nested()).run()
    for inners in (["s", "q"], [], ["p", "q", "r"]):
        WORLD.values = {**NESTED, "x": inners}
        run.clear("orders", 0).run()
        check_nested(run, WORLD.values)


def test_a_clone_of_keys_of_keys_that_fails_after_it_succeeded_spoils_its_outer_key_alone():
    WORLD.values = NESTED
    run = start_run(nested()).run()
    position = list(run.states("price")).index("z/r")
    WORLD.acts = {("price", "z/r"): "fail"}
    run.clear("price", position).run()
    check_nested(run, NESTED, failed=["z/r"])
    assert run.states("invoice")["z"] == "upstream_failed"
    WORLD.acts = {}
    run.clear("price", position).run()
    check_nested(run, NESTED)


@dag(schedule=None)
def joined():
    """Two producers, joined by key and paired."""
    left, right = produce().map(work), produce.override(task_id="produce_right")()
    keep(left.zip(right, how="outer").map(pair).collect(keyed=True))
    keep(left.zip(right, how="inner").map(pair).collect(keyed=True))
    keep(left.product(right).map(pair).collect(keyed=True))


def check_joined(run, left, right):
    texts = {key: f"{key}={value}" for key, value in left.items()}
    assert run.xcom("keep") == {key: [texts.get(key), right.get(key)] for key in {**left, **right}}
    assert list(run.xcom("keep")) == list({**left, **right})
    assert run.xcom("keep__1") == {key: [texts[key], right[key]] for key in left if key in right}
    assert run.xcom("keep__2") == {
        key: {other: [texts[key], right[other]] for other in right} for key in left
    }


@may_lose_keys
def test_what_is_joined_may_have_other_keys_on_one_side():
    run = start_run(joined()).run()
    check_joined(run, ABC, ABC)
    WORLD.values = {"d": 4, "b": 20, "a": 10}
    run.clear("produce").run()
    check_joined(run, WORLD.values, ABC)
    right = {"e": 5, "b": 200}
    left, WORLD.values = WORLD.values, right
    run.clear("produce_right").run()
    check_joined(run, left, right)


@task
def prepare():
    act("prepare", None)
    return "prepared"


@task
def prepare_one(customer, mapping_key=None):
    act("prepare_one", mapping_key)
    return customer


ENDED_EARLY = pytest.mark.parametrize(("what", "state"), [("skip", "skipped"), ("fail", "upstream_failed")])


@ENDED_EARLY
def test_the_keys_of_a_producer_that_no_longer_runs_are_gone(what, state):
    """The scheduler ends the producer without running it, so what it stored before stays in XCom."""

    @dag(schedule=None)
    def guarded():
        outputs = produce_more()
        prepare() >> outputs.count.operator
        texts = outputs.result.map(work)
        pair(texts.collect(), outputs.result.collect(keyed=True))
        keep(outputs.count)
        keep(texts.states())

    run = start_run(guarded()).run()
    assert run.xcom("pair") == [["a=1", "b=2", "c=3"], ABC]
    WORLD.acts = {("prepare", None): what}
    first = start_run(guarded()).run()
    run.clear("prepare").run()
    for ended in (first, run):
        assert set(ended.states("work").values()) == {state}
        assert [ended.state_of(task_id) for task_id in ("produce_more", "pair", "keep", "keep__1")] == [
            state
        ] * 4


@ENDED_EARLY
def test_the_keys_of_a_clone_that_no_longer_runs_are_gone(what, state):
    @dag(schedule=None)
    def guarded():
        def bill(customer):
            prices = orders(prepare_one(customer)).map(price)
            return invoice(customer, prices.collect()), prices

        invoices, prices = customers().map(bill)
        keep(invoices.states())
        keep(prices.collect(keyed=True, min_success_ratio=0.1))
        keep(prices.states())

    WORLD.values = NESTED
    run = start_run(guarded()).run()
    assert list(run.xcom("keep__1")) == ["x", "y", "z"]
    WORLD.acts = {("prepare_one", "x"): what}
    first = start_run(guarded()).run()
    run.clear("prepare_one", 0).run()
    for ended in (first, run):
        assert ended.xcom("keep") == {"x": state, "y": "success", "z": "success"}
        assert ended.xcom("keep__1") == {"y": {}, "z": {"q": "Zq$", "r": "Zr$", "p": "Zp$"}}
        assert ended.xcom("keep__2") == {"x": state, "y": {}, "z": dict.fromkeys("qrp", "success")}


def test_a_share_that_is_enough_is_counted_again():
    @dag(schedule=None)
    def share():
        texts = produce().map(work)
        keep(texts.collect(keyed=True, min_success_ratio=0.6))
        keep(texts.states())

    run = start_run(share())
    failed: set[str] = set()
    for failed in ({"b"}, set(), {"b", "c"}, {"a"}):
        WORLD.acts = {("work", key): "fail" for key in failed}
        run.clear("work" if run.instances("work").get(0) else "produce").run()
        assert run.xcom("keep__1") == {key: "failed" if key in failed else "success" for key in ABC}
        if len(failed) > 1:
            assert run.state_of("keep") == "failed"
        else:
            assert run.xcom("keep") == {key: f"{key}={ABC[key]}" for key in ABC if key not in failed}


@dag(schedule=None)
def crossing():
    """Two outputs of one producer, and a total of all keys that each key needs."""
    outputs = produce_more()
    texts = outputs.result.map(work)
    whole = count(texts.collect())
    keep(texts.map(lambda text: pair(text, whole)).collect(keyed=True))
    keep(outputs.other.zip(texts).map(pair).collect(keyed=True, min_success_ratio=0.5))
    keep(texts.states())


@dag(schedule=None)
def ordered():
    """A task that runs after all keys and receives nothing of them."""
    texts = produce().map(work)
    texts >> keep("done")
    keep(texts.collect())


@pytest.mark.parametrize(
    ("make_dag", "values", "own"),
    [
        (ordered, ABC, {"produce", "work"}),
        (crossing, ABC, {"produce_more", "work", "count", "pair", "pair__1"}),
        (nested, NESTED, {"customers", "orders", "price", "invoice"}),
    ],
    ids=["ordered", "crossing", "nested"],
)
def test_the_helper_tasks_may_be_cleared_like_any_other(make_dag, values, own):
    """The scheduler ends some of them without running them, so what others stored for them must stay."""
    WORLD.values = values
    run = start_run(make_dag()).run()
    collectors = [task_id for task_id in run.dag.task_ids if task_id.startswith("keep")]
    before = {task_id: run.xcom(task_id) for task_id in collectors}
    helpers = set(run.dag.task_ids) - own - set(collectors)
    assert helpers
    for task_id in sorted(helpers):
        run.clear(task_id).run()
        assert run.state == "success", task_id
        assert {task_id: run.xcom(task_id) for task_id in collectors} == before, task_id
