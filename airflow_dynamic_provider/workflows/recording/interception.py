"""Makes Airflow's own objects record calls while a body runs. Only this module patches them.

A body calls the same ``@task`` functions, task groups and operator classes as a Dag file, and Airflow has no
hook for such a call. So, while at least one body is being recorded in this process, a few methods are
replaced. A replacement first checks a context variable to see whether its caller is in a recording. If it is
not, the original runs. After the last recording, the classes are restored.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.airflow_adapter import calls as airflows
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.recording import calls, with_groups
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from airflow_dynamic_provider.airflow_adapter.calls import Method
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder

# A recorded method takes the recording, the original method, and the arguments of the call.
_Recorded = Callable[..., Any]

# A Dag file without ``@task.dynamic`` has not imported this module. So there is nothing of it to record.
_OF_DYNAMIC_TASKS = "airflow_dynamic_provider.authoring.decorator"

_LOCK = threading.Lock()
_OPEN = 0
_RESTORE: list[Callable[[], None]] = []


@contextmanager
def intercepted() -> Iterator[None]:
    """Record the calls that recordings make inside the block."""
    global _OPEN
    with _LOCK:
        _OPEN += 1
        if _OPEN == 1:
            _patch_all()
    try:
        yield
    finally:
        with _LOCK:
            _OPEN -= 1
            if _OPEN == 0:
                while _RESTORE:
                    _RESTORE.pop()()


def _patch_all() -> None:
    expand = list(airflows.EXPAND_OPERATOR)
    recorded = {airflows.TASK_DECORATOR: _call_task, airflows.GROUP_DECORATOR: _call_group}
    if (authoring := sys.modules.get(_OF_DYNAMIC_TASKS)) is not None:
        recorded[authoring.DynamicTask] = _call_task
    for owner, call_recorded in recorded.items():
        call, override, expansions = airflows.methods_of_decorator(owner)
        _patch(call, call_recorded)
        _patch(override, _override)
        expand += expansions
    _patch(airflows.MAKE_GROUP, with_groups.make_group)
    _patch(airflows.ENTER_GROUP, with_groups.enter_group)
    _patch(airflows.EXIT_GROUP, with_groups.exit_group)
    for method in expand:
        _patch(method, functools.partial(_expand, method.name))
    _patch(airflows.MAKE_OPERATOR, _call_operator_class)
    for method in airflows.SET_UPSTREAM:
        _patch(method, _set_upstream)
    for method in airflows.SET_DOWNSTREAM:
        _patch(method, _set_downstream)
    _patch(airflows.LABEL_UPSTREAM, _label_upstream)
    _patch(airflows.LABEL_DOWNSTREAM, _label_downstream)
    _patch_output(airflows.OUTPUT)


def _patch(method: Method, recorded: _Recorded) -> None:
    original = getattr(method.owner, method.name)

    @functools.wraps(original)
    def replacement(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = current_recorder()
        if recorder is None:
            return original(self, *args, **kwargs)
        return recorded(recorder, original, self, *args, **kwargs)

    _replace(method, replacement)


def _patch_output(method: Method) -> None:
    original = getattr(method.owner, method.name)

    def output(self: Any) -> Any:
        recorder = current_recorder()
        entry = None if recorder is None else recorder.entry_of(self)
        return original.fget(self) if recorder is None or entry is None else recorder.promise(entry)

    _replace(method, property(output, doc=original.__doc__))


def _replace(method: Method, replacement: Any) -> None:
    _RESTORE.append(airflows.replace(method, replacement))


def _call_task(recorder: Recorder, _original: Any, decorator: Any, *args: Any, **kwargs: Any) -> Any:
    return calls.record_task(recorder, decorator, args, kwargs)


def _call_group(recorder: Recorder, _original: Any, factory: Any, *args: Any, **kwargs: Any) -> Any:
    return calls.record_group(recorder, factory, args, kwargs)


def _call_operator_class(recorder: Recorder, original: Any, cls: Any, *args: Any, **kwargs: Any) -> Any:
    if args:
        # Airflow raises its own error for positional arguments.
        return original(cls, *args, **kwargs)
    return calls.record_operator(recorder, cls, functools.partial(original, cls), kwargs)


def _override(_recorder: Recorder, original: Any, decorator: Any, **kwargs: Any) -> Any:
    copy = original(decorator, **kwargs)
    is_named = not kwargs.keys().isdisjoint(("task_id", "group_id"))
    if is_named or getattr(decorator, calls.NAMED_MARK, False):
        _mark(copy)
    return copy


def _mark(copy: Any) -> None:
    setattr(copy, calls.NAMED_MARK, True)


def _expand(name: str, _recorder: Recorder, _original: Any, called: Any, *_a: Any, **_k: Any) -> NoReturn:
    airflows.forget_partial(called)
    raise WorkflowCallError(
        f"{name}() is for Dag files, but is called in the body of a workflow",
        remedy="Call the task in a loop, or use map_task(task)(list or promise). To fix an argument, use "
        "functools.partial(task, name=value).",
    )


def _set_upstream(recorder: Recorder, _original: Any, operator: Any, other: Any, *_more: Any) -> None:
    recorder.order(_listed(other), [operator])


def _set_downstream(recorder: Recorder, _original: Any, operator: Any, other: Any, *_more: Any) -> None:
    recorder.order([operator], _listed(other))


def _label_upstream(recorder: Recorder, _original: Any, label: Any, other: Any, *_more: Any) -> None:
    others = _listed(other)
    recorder.order(others, airflows.add_upstream(label, others))


def _label_downstream(recorder: Recorder, _original: Any, label: Any, other: Any, *_more: Any) -> None:
    others = _listed(other)
    recorder.order(airflows.add_downstream(label, others), others)


def _listed(other: Any) -> Sequence[Any]:
    return other if isinstance(other, list | tuple) else [other]
