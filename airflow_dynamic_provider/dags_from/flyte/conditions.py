"""``conditional``: chooses one of several calls by values that do not exist yet.

The calls of all cases are noted, and become one node. When the node runs, it has the values, and plans the
call of the chosen case.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.comparisons import Comparison, holds
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import WorkflowCallError, WorkflowError
from airflow_dynamic_provider.workflows.declared.kinds import TaskTarget, WorkflowTarget
from airflow_dynamic_provider.workflows.decorator import DynamicWorkflow
from airflow_dynamic_provider.workflows.recording.calls import record_task, record_workflow
from airflow_dynamic_provider.workflows.recording.current import current_recorder
from airflow_dynamic_provider.workflows.recording.promises import promised

if TYPE_CHECKING:
    from collections.abc import Mapping

# The recording of the body that is between ``if_(...)`` and ``then(...)``, where calls are only noted.
_NOTING: ContextVar[Any] = ContextVar("flyte_conditional", default=None)


class NoSuchCaseError(WorkflowError):
    """The program says that the values of a conditional must not occur."""


class NotedCall:
    """The call of a case, which is made only if the case is chosen.

    Args:
        entity: The task or the dynamic workflow.
        given: Parameter -> JSON, which may contain promises.
    """

    def __init__(self, entity: Any, given: Mapping[str, Any]) -> None:
        self.entity = entity
        self.given = given


def is_noting() -> bool:
    """Whether a call belongs to a case of a conditional."""
    # If a body failed in a case, its recording is not the current one any longer.
    return _NOTING.get() is not None and _NOTING.get() is current_recorder()


def _choose(tests: list[Any], cases: list[Any]) -> Any:
    chosen = next((number for number, test in enumerate(tests) if test is None or holds(test)), None)
    if chosen is None or "fail" in cases[chosen]:
        message = "no case holds" if chosen is None else cases[chosen]["fail"]
        raise NoSuchCaseError(f"a conditional failed: {message}", remedy="Correct the values.")
    recorder = current_recorder()
    target = recorder.kinds[cases[chosen]["kind"]].target
    if isinstance(target, WorkflowTarget):
        return record_workflow(recorder, target.workflow, (), cases[chosen]["given"])
    return record_task(recorder, target.decorator, (), cases[chosen]["given"])


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
        _NOTING.set(current_recorder())
        return self

    def then(self, call: Any) -> Any:
        """End a case with the call that it makes. After the last case, return the promise of the output.

        Raises:
            WorkflowCallError: It is not the call of a task or a @dynamic.
        """
        _NOTING.set(None)
        if not isinstance(call, NotedCall):
            raise WorkflowCallError(
                f"a case of conditional({self._name!r}) is {excerpt(call)}, not the call of a task",
                remedy="Call one @task or @dynamic in then(...), with promises and values as arguments.",
            )
        recorder = current_recorder()
        is_task = hasattr(call.entity, "task_function")
        kind, _ = recorder.match((TaskTarget if is_task else WorkflowTarget)(call.entity))
        if not self._cases:
            self._shape = call.entity.interface.returns
        self._cases.append({"kind": kind.name, "given": dict(call.given)})
        return self._end() if self._is_last else self

    def fail(self, message: str) -> Any:
        """End the last case: it fails with this message."""
        _NOTING.set(None)
        self._cases.append({"fail": message})
        return self._end() if self._is_last else self

    def _begin(self, test: Any) -> conditional:
        if not isinstance(test, Comparison):
            raise WorkflowCallError(
                f"a case of conditional({self._name!r}) is given {excerpt(test)}",
                remedy="Compare a promise, as in p == 1. Use an `if` for a value that the body knows.",
            )
        self._tests.append(test.pack())
        _NOTING.set(current_recorder())
        return self

    def _end(self) -> Any:
        recorder = current_recorder()
        made = record_workflow(recorder, choose, (), {"tests": self._tests, "cases": self._cases})
        entry = promised(made).entry
        entry.label = self._name
        return recorder.promise(entry, self._shape)
