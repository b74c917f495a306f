"""Limits how many requests of one kind the server works on at once. The others wait without a thread.

Airflow's API server answers in one process with one lock of the interpreter, and has one pool of threads for
all of its routes. Without a limit, some viewers of a large run would slow down every other answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from fastapi import HTTPException
from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from fastapi import Request, Response

#: The number of requests of one kind that may wait. It is more than the viewers of a page ask for.
MOST_WAITING = 100

# The seconds after which a client may ask again.
_LATER = "5"


def taking_turns(kind: str, at_once: int) -> type[APIRoute]:
    """Return a class of routes that take turns.

    A turn lasts until the answer is made. A client that is slow to receive it does not prolong the turn.

    Args:
        kind: The name of the kind.
        at_once: The number of requests that the server works on at once.
    """
    # The limiter belongs to an event loop.
    limiters: RunVar[CapacityLimiter] = RunVar(f"dynamic outputs: {kind}")

    def limiter() -> CapacityLimiter:
        try:
            return limiters.get()
        except LookupError:
            limiters.set(CapacityLimiter(at_once))
            return limiters.get()

    class TurnRoute(APIRoute):
        """A route that answers when it is its turn."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            answer = super().get_route_handler()

            async def answer_in_turn(request: Request) -> Response:
                turns = limiter()
                if turns.statistics().tasks_waiting >= MOST_WAITING:
                    raise HTTPException(503, "Too many requests wait.", headers={"Retry-After": _LATER})
                async with turns:
                    return await answer(request)

            return answer_in_turn

    return TurnRoute


#: The routes that read a run.
PageRoute = taking_turns("pages", 2)

#: The routes that clear a run. Airflow looks at each task instance, so a large clear takes minutes.
ClearRoute = taking_turns("clearing", 1)

#: The routes that export a run, which takes seconds.
ExportRoute = taking_turns("exports", 1)
