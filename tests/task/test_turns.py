"""How many requests of a kind the server works on at once, while others are answered."""

from __future__ import annotations

import threading

import anyio
import httpx
import pytest
from fastapi import APIRouter, FastAPI

from airflow_dynamic_provider.ui import turns
from airflow_dynamic_provider.ui.app import create_app

AT_ONCE = 2


class Slow:
    """An application with a route that answers when it is told to, and one that answers at once."""

    def __init__(self):
        self.may_end = threading.Event()
        self.at_work = 0
        self.most = 0
        self.app = FastAPI()
        router = APIRouter(route_class=turns.taking_turns("test", AT_ONCE))
        router.get("/slow")(self.slow)
        self.app.include_router(router)
        self.app.get("/other")(lambda: "other")

    def slow(self):
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        assert self.may_end.wait(30)
        self.at_work -= 1
        return "slow"

    @property
    def client(self):
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://test")


async def until(is_so):
    with anyio.fail_after(30):
        while not is_so():
            await anyio.sleep(0.01)


@pytest.mark.parametrize("waiting", [0, 60])
def test_some_are_worked_on_while_the_others_wait_and_other_routes_answer(waiting):
    slow, answers = Slow(), []

    async def ask():
        async with slow.client as client:
            answers.append((await client.get("/slow")).json())

    async def run():
        async with anyio.create_task_group() as group:
            # More than there are threads.
            for _ in range(AT_ONCE + waiting):
                group.start_soon(ask)
            await until(lambda: slow.at_work == AT_ONCE)
            async with slow.client as client:
                assert (await client.get("/other")).json() == "other"
            assert answers == []
            slow.may_end.set()

    anyio.run(run)
    assert answers == ["slow"] * (AT_ONCE + waiting)
    assert slow.most == AT_ONCE


def test_whoever_is_one_too_many_is_told_to_ask_later(monkeypatch):
    monkeypatch.setattr(turns, "MOST_WAITING", 1)
    slow, statuses = Slow(), []

    async def ask():
        async with slow.client as client:
            answer = await client.get("/slow")
            statuses.append((answer.status_code, answer.headers.get("Retry-After")))

    async def run():
        async with anyio.create_task_group() as group:
            for _ in range(AT_ONCE + 2):
                group.start_soon(ask)
            await until(lambda: statuses)
            assert statuses == [(503, "5")]
            slow.may_end.set()

    anyio.run(run)
    assert sorted(statuses) == [(200, None)] * (AT_ONCE + 1) + [(503, "5")]


def test_all_routes_that_read_a_run_take_turns():
    kinds = {route.path: type(route) for route in create_app().routes if hasattr(route, "methods")}
    free = {path for path, kind in kinds.items() if kind.__name__ != "TurnRoute"}
    assert all(path.endswith(("/page", "/openapi.json")) for path in free)
    run = "/dags/{dag_id}/runs/{run_id}"
    # A clear and an export take long. They do not hold up a page.
    assert len({kinds[f"{run}/{name}"] for name in ("keys", "export", "clear")}) == 3
