"""``conditional``: chooses one of several cases by values that do not exist yet.

The calls of all cases are only noted, and become one node. When the node runs, it has the values, and plans
the calls of the chosen case.
"""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.dags_from.flyte.cases import NotedCall, is_noting, made, noting, packed
from airflow_dynamic_provider.dags_from.flyte.comparisons import Comparison, holds
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import NoSuchCaseError, WorkflowCallError
from airflow_dynamic_provider.workflows.decorator import DynamicWorkflow
from airflow_dynamic_provider.workflows.recording.calls import record_workflow
from airflow_dynamic_provider.workflows.recording.current import current_recorder
from airflow_dynamic_provider.workflows.recording.promises import promised


def _choose(tests: list[Any], cases: list[Any]) -> Any:
    chosen = next((number for number, test in enumerate(tests) if test is None or holds(test)), None)
    if chosen is None or "fail" in cases[chosen]:
        message = "no case holds" if chosen is None else cases[chosen]["fail"]
        raise NoSuchCaseError(f"a conditional failed: {message}", remedy="Correct the values.")
    return made(cases[chosen])


choose: DynamicWorkflow[..., Any] = DynamicWorkflow(
    _choose, is_node=True, settings={"task_id": "conditional"}
)


class conditional:  # noqa: N801
    """Chooses one of several calls: ``conditional("name").if_(p > 1).then(a(x=p)).else_().then(b(x=p))``.

    Args:
        name: The name of the node.
    """

    # The tasks of a body that names this class are found by this mark: the body may call it.
    _dynamic_workflow_calls = (choose,)

    def __init__(self, name: str) -> None:
        if current_recorder() is None:
            raise WorkflowCallError(
                f"conditional({name!r}) is used outside of the body of a workflow", remedy="Use an `if`."
            )
        self._name = name
        self._is_noted = is_noting()
        self._tests: list[Any] = []
        self._cases: list[dict[str, Any]] = []
        self._shape: Any = Any
        self._is_last = False

    def if_(self, test: Any) -> conditional:
        """Begin the first case."""
        return self._begin(test)

    def elif_(self, test: Any) -> conditional:
        """Begin another case."""
        return self._begin(test)

    def else_(self) -> conditional:
        """Begin the last case."""
        self._is_last = True
        self._tests.append(None)
        noting.begin()
        return self

    def then(self, call: Any) -> Any:
        """End a case with the call that it makes. After the last case, return the promise of the output.

        The arguments of the call may be other calls, which are also made only in this case.

        Raises:
            WorkflowCallError: It is no call.
        """
        noting.end()
        if not isinstance(call, NotedCall):
            raise WorkflowCallError(
                f"a case of conditional({self._name!r}) is {excerpt(call)}, not a call",
                remedy="Call a @task, @dynamic or @workflow in then(...), with promises and values as "
                "arguments.",
            )
        if not self._cases:
            self._shape = call.shape
        self._cases.append(packed(call))
        return self._end() if self._is_last else self

    def fail(self, message: str) -> Any:
        """End the last case: it fails with this message."""
        noting.end()
        self._cases.append({"fail": message})
        return self._end() if self._is_last else self

    def _begin(self, test: Any) -> conditional:
        if not isinstance(test, Comparison):
            raise WorkflowCallError(
                f"a case of conditional({self._name!r}) is given {excerpt(test)}",
                remedy="Compare a promise, as in p == 1. Use an `if` for a value that the body knows.",
            )
        self._tests.append(test.pack())
        noting.begin()
        return self

    def _end(self) -> Any:
        given = {"tests": self._tests, "cases": self._cases}
        if self._is_noted:
            return NotedCall(choose, given, self._shape, self._name)
        recorder = current_recorder()
        node = promised(record_workflow(recorder, choose, (), given)).entry
        node.label = self._name
        return recorder.promise(node, self._shape)
