from typing import NamedTuple

from flytekit import dynamic, kwtypes, workflow
from flytekit.core.interface import Interface
from flytekit.core.python_function_task import PythonInstanceTask

RUNS = {"both_queries": [{"rows": 3}], "queries_in_loop": [{"n": 3}]}


class Query(PythonInstanceTask):
    def __init__(self, name: str, template: str):
        super().__init__(
            name=name,
            task_type="query",
            task_config=None,
            interface=Interface(inputs=kwtypes(rows=int), outputs=kwtypes(text=str)),
        )
        self.template = template

    def execute(self, rows: int) -> str:
        return self.template.format(rows)


first = Query("program.first", "SELECT {} FROM a")
second = Query("program.second", "SELECT {} FROM b")


class Texts(NamedTuple):
    one: str
    other: str


@workflow
def both_queries(rows: int) -> Texts:
    return Texts(first(rows=rows), second(rows=rows))


@dynamic
def looped(n: int) -> list[str]:
    return [first(rows=i) if i % 2 else second(rows=i) for i in range(n)]


@workflow
def queries_in_loop(n: int) -> list[str]:
    return looped(n=n)
