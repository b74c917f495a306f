"""How the nodes that wait in a triggerer share reads, with each other and with other triggers."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time.supervisor import set_supervisor_comms
from asgiref.sync import async_to_sync, sync_to_async

from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode, pack_plan
from airflow_dynamic_provider.workflows.progress.stored import PLAN_XCOM
from airflow_dynamic_provider.workflows.trigger import NodeTrigger
from airflow_dynamic_provider.workflows.waiting import watching
from airflow_dynamic_provider.workflows.waiting.watching import watch
from tests.task_runs import FakeSupervisor

SPEC = WorkflowSpec("graph", "plan", "result", {"work": Lane("work", "work", "nodes.work")})
EDITED = replace(SPEC, lanes={**SPEC.lanes, "new": Lane("new", "new", "nodes.new")})

#: The timeout of a test that hangs. A test that passes never waits for it.
PATIENCE = 60


class Looking:
    """The source of a workflow of two nodes. The second waits for the first."""

    def __init__(self, during_look=lambda: None, second="work"):
        self.looks = 0
        self.during_look = during_look
        self.state = "running"
        first = PlannedNode("first", "work")
        self.plan = Plan("graph", (first, PlannedNode("second", second, {"x": {"$ref": "first"}})))

    def states(self, task_ids):
        self.looks += 1
        self.during_look()
        return {("plan", -1): "success", ("work", 0): self.state, ("work", 1): "deferred"}

    def pull(self, task_id, xcom_key, map_index):
        if xcom_key == PLAN_XCOM:
            return pack_plan(self.plan)
        return ["first", "second"] if task_id == "nodes.work" else None


def watched(source, spec=SPEC, run_id="run"):
    found = watch("dag", run_id, spec)
    found._reader.source = source
    return found


def within(coroutine):
    async def ends():
        return await asyncio.wait_for(coroutine, PATIENCE)

    return asyncio.run(ends())


@pytest.fixture
def slowly(mocker):
    """Set an hour between two reads."""
    for name in ("LEAST_INTERVAL", "MOST_INTERVAL"):
        mocker.patch.object(watching, name, 3600.0)


def test_a_look_does_not_take_the_thread_of_other_triggers():
    called = threading.Event()

    async def watch_and_call():
        source = Looking(during_look=lambda: called.wait(PATIENCE))
        async with watched(source) as mine:
            look = asyncio.create_task(mine.next(0))
            while not source.looks:
                await asyncio.sleep(0)
            # Every provider does this. In the thread of the read it would wait for itself.
            await sync_to_async(called.set)()
            await look
        return called.is_set(), source.looks

    assert within(watch_and_call())[0]


def test_workflows_take_turns():
    at_once, most = 0, 0

    def look():
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        # Give another read time to begin, if one could.
        time.sleep(0.005)
        at_once -= 1

    async def watch_many():
        sources = [Looking(look) for _ in range(20)]

        async def one(number):
            async with watched(sources[number], run_id=f"run {number}") as mine:
                await mine.next(0)

        await asyncio.gather(*map(one, range(20)))
        return [source.looks for source in sources]

    assert min(within(watch_many())) >= 1
    assert most == 1


def test_others_are_left_as_much_time_as_looks_take(mocker):
    # Requested, begun and ended at these times: three reads.
    moments, slept = iter([0, 10, 10.5, 10.75, 11, 15, 15.5, 20, 21]), []

    async def sleep(seconds):
        slept.append(seconds)

    mocker.patch.object(watching, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    mocker.patch.object(watching, "asyncio", SimpleNamespace(Lock=asyncio.Lock, sleep=sleep))

    async def look_thrice():
        turns = watching._Turns()
        for _ in range(3):
            await turns.take(lambda reader: reader, None)

    within(look_thrice())
    assert slept == [0, 0.25, 0.5]


def test_a_look_can_be_had_at_once(slowly):
    async def look_twice():
        source = Looking()
        async with watched(source) as mine:
            seen, snapshot = await mine.next(0)
            assert snapshot.state("work", 0) == "running"
            source.state = "success"
            mine.look_soon()
            seen, snapshot = await mine.next(seen)
            return snapshot.state("work", 0), source.looks

    assert within(look_twice()) == ("success", 2)


def test_what_is_asked_for_during_a_look_is_seen_by_the_next(slowly):
    async def ask_during_a_look():
        source = Looking()
        async with watched(source) as mine:
            loop = asyncio.get_running_loop()
            source.during_look = lambda: source.looks == 1 and loop.call_soon_threadsafe(mine.look_soon)
            seen, _ = await mine.next(0)
            await mine.next(seen)
        return source.looks

    assert within(ask_during_a_look()) == 2


def test_a_look_asks_in_the_loop_of_the_triggerer():
    loops = set()

    class Comms(FakeSupervisor):
        """Send as Airflow 3.1 does, with the current event loop."""

        def send(self, msg):
            return async_to_sync(self.asend)(msg)

        async def asend(self, msg):
            loops.add(asyncio.get_running_loop())
            return super().send(msg)

    async def look():
        xcoms = {("plan", -1, PLAN_XCOM): pack_plan(Looking().plan)}
        with set_supervisor_comms(Comms(xcoms, {("plan", -1): "success"})):
            async with watch("dag", "run", SPEC) as mine:
                await mine.next(0)
        return loops == {asyncio.get_running_loop()}

    assert within(look())


def trigger(spec, source, map_index=1):
    watched(source, spec)
    made = NodeTrigger(spec.pack(), "work")
    made.task_instance = SimpleNamespace(dag_id="dag", run_id="run", task_id="work", map_index=map_index)
    return made


async def first_event(made):
    return await anext(made.run())


def test_what_began_to_wait_before_the_dag_was_changed_has_a_watch_of_its_own():
    before, after = Looking(), Looking()

    async def wait():
        both = [
            asyncio.create_task(first_event(trigger(*each))) for each in ((SPEC, before), (EDITED, after))
        ]
        while not (before.looks and after.looks):
            await asyncio.sleep(0)
        before.state = after.state = "success"
        return [event.payload for event in await asyncio.gather(*both)]

    assert within(wait()) == ["go", "go"]
    assert watching._WATCHES == {}


def test_what_begins_to_wait_does_not_go_by_an_older_look(slowly):
    source = Looking()
    source.state = "success"

    async def wait():
        made = trigger(SPEC, source)
        async with watched(source) as mine:
            await mine.next(0)
            # Meanwhile the node that the other one waits for is cleared.
            source.state = None
            waiting = asyncio.create_task(first_event(made))
            for _ in range(2):
                mine.look_soon()
                looks = source.looks
                while source.looks == looks:
                    await asyncio.sleep(0)
            has_gone = waiting.done()
            source.state = "success"
            mine.look_soon()
            return has_gone, (await waiting).payload

    assert within(wait()) == (False, "go")


@pytest.mark.parametrize(("spec", "payload"), [(SPEC, "decide"), (EDITED, "go")])
def test_what_does_not_know_a_kind_that_is_planned_now_leaves_it_to_a_worker(spec, payload):
    source = Looking(second="new")
    source.state = "success"
    assert within(first_event(trigger(spec, source))).payload == payload


@pytest.mark.parametrize("least_wait", [0.0, 10.0])
def test_a_node_waits_by_the_clock_of_the_triggerer_alone(mocker, least_wait):
    slept = []

    async def sleep(seconds):
        slept.append(round(seconds))

    source = Looking()
    source.state = "success"
    made = trigger(SPEC, source)
    made.least_wait = least_wait
    mocker.patch("airflow_dynamic_provider.workflows.trigger.asyncio", SimpleNamespace(sleep=sleep))
    assert within(first_event(made)).payload == "go"
    assert slept == [least_wait]


@pytest.mark.parametrize(
    ("stored", "least_wait"), [({}, 0), ({"not_before": 0.0}, 0), ({"not_before": 4e9}, 10)]
)
def test_a_trigger_that_the_version_before_has_stored_does_not_go_by_the_clock_of_a_worker(
    stored, least_wait
):
    made = NodeTrigger(**{"spec": SPEC.pack(), "lane": "work", **stored})
    assert made.least_wait == least_wait
    _, again = made.serialize()
    assert NodeTrigger(**again).least_wait == least_wait


def test_the_order_of_what_airflow_has_stored_makes_no_watch_of_its_own():
    turned = WorkflowSpec.unpack(dict(reversed(SPEC.pack().items())))
    assert watch("dag", "run", SPEC) is watch("dag", "run", turned)
    watching._WATCHES.clear()
