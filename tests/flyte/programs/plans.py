from datetime import timedelta
from typing import List

from flytekit import (
    CronSchedule,
    Email,
    FixedRate,
    LaunchPlan,
    WorkflowExecutionPhase,
    dynamic,
    task,
    workflow,
)

RUNS = {"called_as_node": [{"n": 2}]}


@task
def greet(name: str, times: int) -> str:
    return name * times


@workflow
def greeting(name: str = "x", times: int = 1) -> str:
    return greet(name=name, times=times)


often = LaunchPlan.get_or_create(
    workflow=greeting,
    name="greeting_often",
    default_inputs={"name": "often"},
    fixed_inputs={"times": 3},
    schedule=CronSchedule(schedule="*/10 * * * *"),
    notifications=[Email(phases=[WorkflowExecutionPhase.FAILED], recipients_email=["a@example.org"])],
)
LaunchPlan.get_or_create(greeting, "greeting_rate", schedule=FixedRate(duration=timedelta(hours=1)))


@dynamic
def many(n: int) -> List[str]:
    return [often(name=f"n{i}") for i in range(n)]


@workflow
def called_as_node(n: int) -> List[str]:
    return many(n=n)
