"""The calls in a case of a conditional: noted when the body runs, and made if the case is chosen.

A case is stored with the node of the conditional. The arguments of its calls may be outputs of other calls of
the case. These are stored as links beside the arguments, so that no argument can look like one.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.call_settings import log_unused, read_overrides
from airflow_dynamic_provider.errors import UnknownKindError
from airflow_dynamic_provider.workflows.declared.kinds import TaskTarget, WorkflowTarget
from airflow_dynamic_provider.workflows.plan.references import Placeholder
from airflow_dynamic_provider.workflows.recording.calls import record_task, record_workflow
from airflow_dynamic_provider.workflows.recording.current import current_recorder
from airflow_dynamic_provider.workflows.recording.promises import promised

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _Noting:
    """Knows whether the running code is between ``if_(...)`` and ``then(...)`` of a conditional."""

    def __init__(self) -> None:
        # The recordings of the bodies whose cases are open, with the innermost case last.
        self._open: ContextVar[tuple[Any, ...]] = ContextVar("flyte_conditional", default=())

    def begin(self) -> None:
        self._open.set((*self._open.get(), current_recorder()))

    def end(self) -> None:
        self._open.set(self._open.get()[:-1])

    def is_open(self) -> bool:
        # If a body failed in a case, its recording is not the current one any longer.
        return self._open.get()[-1:] == (current_recorder(),)


noting = _Noting()
is_noting = noting.is_open


class NotedOutput(Placeholder):
    """The output of a call that is only noted, or a part of it.

    Args:
        call: The call.
        path: The indexes, keys and attributes that select the part.
    """

    def __init__(self, call: NotedCall, path: tuple[Any, ...] = ()) -> None:
        self._call = call
        self._path = path

    def __getitem__(self, step: int | str) -> NotedOutput:
        return NotedOutput(self._call, (*self._path, step))

    def __getattr__(self, name: str) -> NotedOutput:
        if name.startswith("_"):
            raise AttributeError(name)
        return NotedOutput(self._call, (*self._path, {"attribute": name}))

    def link(self) -> tuple[NotedCall, tuple[Any, ...]]:
        """Return the call, and the path of the part."""
        return self._call, self._path


class NotedCall(NotedOutput):
    """A call that is made only if its case is chosen.

    Args:
        entity: The task, the dynamic workflow, the workflow, or the conditional.
        given: Parameter -> JSON, which may contain promises and outputs of other noted calls.
        shape: The type of its output.
        label: The name of its node, if it has one of its own.
        mapping: For a task that is mapped over lists: the arguments that are the same for all items
            (``bound``), and the other arguments of `MappedTask`.
    """

    def __init__(
        self,
        entity: Any,
        given: Mapping[str, Any],
        shape: Any = Any,
        label: str | None = None,
        mapping: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(self)
        self.entity = entity
        self.given = given
        self.shape = shape
        self.label = label
        self.mapping = mapping

    def with_overrides(self, **settings: Any) -> NotedCall:
        """Give the call another name or other settings, and return it (see `FlytePromise.with_overrides`).

        Raises:
            WorkflowCallError: There is no such setting.
        """
        name, changed = read_overrides(self.entity.name, settings)
        self.label = self.label if name is None else name
        if changed and hasattr(self.entity, "task_function"):
            varied = self.entity.override(**changed)
            try:
                current_recorder().match(TaskTarget(varied))
            except UnknownKindError:
                log_unused(self.entity.name, changed)
            else:
                self.entity = varied
        return self


def packed(last: NotedCall) -> dict[str, Any]:
    """Return a case: its calls, in the order in which they can be made."""
    calls: list[NotedCall] = []
    stored: list[dict[str, Any]] = []

    def number_of(call: NotedCall) -> int:
        # By identity: a noted call is no value that can be compared.
        for number, each in enumerate(calls):
            if each is call:
                return number
        links: list[Any] = []
        given = detached(call.given, (), links)
        calls.append(call)
        of = {**_name_of(call.entity), **({} if call.mapping is None else {"mapping": dict(call.mapping)})}
        stored.append({"of": of, "given": given, "links": links, "label": call.label})
        return len(calls) - 1

    def detached(value: Any, at: tuple[Any, ...], links: list[Any]) -> Any:
        if isinstance(value, NotedOutput):
            call, path = value.link()
            links.append({"at": list(at), "call": number_of(call), "path": list(path)})
            return None
        if isinstance(value, dict):
            return {key: detached(each, (*at, key), links) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [detached(each, (*at, index), links) for index, each in enumerate(value)]
        return value

    number_of(last)
    return {"calls": stored}


def made(case: Mapping[str, Any]) -> Any:
    """Make the calls of a case, in the body of the node that has chosen it, and return the last promise."""
    promises: list[Any] = []
    for call in case["calls"]:
        given = call["given"]
        for link in call["links"]:
            given = _linked(given, link["at"], _selected(promises[link["call"]], link["path"]))
        promise = _recorded(call["of"], given)
        if call["label"] is not None:
            promised(promise).entry.label = call["label"]
        promises.append(promise)
    return promises[-1]


def _name_of(entity: Any) -> dict[str, str]:
    recorder = current_recorder()
    if getattr(entity, "takes_promises", False):
        return {"workflow": recorder.kinds.name_of(entity)}
    is_task = hasattr(entity, "task_function")
    kind, _ = recorder.match((TaskTarget if is_task else WorkflowTarget)(entity))
    return {"kind": kind.name}


def _recorded(name: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    recorder = current_recorder()
    if "workflow" in name:
        return record_workflow(recorder, recorder.kinds.workflow(name["workflow"]), (), given)
    target = recorder.kinds[name["kind"]].target
    if isinstance(target, WorkflowTarget):
        return record_workflow(recorder, target.workflow, (), given)
    if "mapping" in name:
        # Only the process of a conditional with such a case needs it.
        from airflow_dynamic_provider.workflows.recording.map_task import MappedTask

        settings = {**name["mapping"]}
        bound = {parameter: given[parameter] for parameter in settings.pop("bound")}
        lists = {parameter: value for parameter, value in given.items() if parameter not in bound}
        return MappedTask(target.decorator, bound, **settings)(**lists)
    return record_task(recorder, target.decorator, (), given)


def _selected(promise: Any, path: Sequence[Any]) -> Any:
    for step in path:
        promise = getattr(promise, step["attribute"]) if isinstance(step, dict) else promise[step]
    return promise


def _linked(value: Any, at: Sequence[Any], promise: Any) -> Any:
    """Return a value with a promise at a place."""
    if not at:
        return promise
    if isinstance(value, dict):
        return {key: _linked(each, at[1:], promise) if key == at[0] else each for key, each in value.items()}
    return [_linked(each, at[1:], promise) if index == at[0] else each for index, each in enumerate(value)]
