"""Reads and writes XComs, and reads task states, in a task's process. No other module does this.

It writes XComs of the running task instance only, because a task's token is not valid for others. A trigger
writes XComs of the task instance that waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.errors import DynamicOutputsError, ReadError, UnstorableOutputError
from airflow_dynamic_provider.version_compat import (
    COUNTS_CLEARS,
    HOOKS_OF_READING,
    HOOKS_OF_WRITING,
    is_allowed_class,
    load_xcom,
    push_xcom,
)

Context = Mapping[str, Any]
States = dict[tuple[str, int], str | None]

# An escaped NUL, and not an escaped backslash before the same digits.
_NUL_IN_JSON = r"(?<!\\)(?:\\\\)*\\u0000"

_SCALARS = frozenset({str, int, float, bool, type(None)})

#: Follows other remedies for a value that does not come back as it is.
_DECLARE = "Or declare its type: out=DynamicOut(Config), out=Out(Config), or the annotation -> Config."

_ALLOW_CLASS = "Add the class to [core] allowed_deserialization_classes, or store plain data."

# What Airflow's deserializer, or the class of a value, raises if a stored value does not fit.
_LOAD_ERRORS = (ImportError, AttributeError, TypeError, ValueError, LookupError)

#: The map index of a task instance that is not mapped.
UNMAPPED = -1


#: A number of task instances, or of their XComs, that may be read one by one.
FEW = 64

# The two API calls that find that all clones succeeded are no gain for fewer task instances.
_CHEAPER_THAN_COUNTS = 2


def map_index_of(context: Context) -> int:
    """Return the map index of the running task instance, -1 if it is not mapped."""
    index = context["ti"].map_index
    return UNMAPPED if index is None else int(index)


def attempt_of(context: Context) -> int:
    """Return the try number of the running task instance, from 1."""
    return int(context["ti"].try_number)


def milliseconds_since_start(context: Context) -> float:
    """Return how long the running try has taken so far, with its waits in the triggerer."""
    elapsed: timedelta = datetime.now(timezone.utc) - context["ti"].start_date
    return round(elapsed.total_seconds() * 1000, 3)


def id_of(context: Context) -> str:
    """Return the id of the running task instance. It changes with each clear and each retry."""
    return str(context["ti"].id)


def max_tries_of(context: Context) -> int:
    """Return the maximum number of tries of the running task instance. A clear raises it."""
    return int(getattr(context["ti"], "max_tries", 0) or 0)


def was_cleared(context: Context) -> bool:
    """Return whether any task instance of this run may have been cleared. No API call."""
    return not COUNTS_CLEARS or bool(getattr(context.get("dag_run"), "clear_number", 0))


def tries_since_clear(context: Context) -> int:
    """Return the try number of the running task instance since it was last cleared, from 1.

    A clear does not reset the number of tries. It raises the maximum number, and a retry does not.
    """
    retries = int(context["task"].retries or 0)
    return attempt_of(context) - max(0, max_tries_of(context) - retries)


def is_resumed(context: Context) -> bool:
    """Return whether the running task instance goes on after it was deferred to the triggerer."""
    # Private: the task's process finds the method to resume with here, and tells nobody.
    from_server = getattr(context["ti"], "_ti_context_from_server", None)
    return bool(getattr(from_server, "next_method", None))


def had_xcom(context: Context, xcom_key: str) -> bool:
    """Return whether the running task instance had an XCom when it started.

    Airflow deletes the XComs of a task instance when it starts on a worker, and says which ones. After a wait
    in the triggerer it does not, and this makes one API call.
    """
    ti = context["ti"]
    if is_resumed(context):
        return pull(context, ti.task_id, xcom_key, map_index_of(context)) is not None
    # Private: what Airflow's API answers when a task instance starts.
    answer = getattr(ti, "_ti_context_from_server", None)
    return xcom_key in (getattr(answer, "xcom_keys_to_clear", None) or ())


def is_embedded() -> bool:
    """Return whether the task runs inside ``dag.test()``, and not in a process of its own."""
    # Private: only the class of Airflow's supervisor shows it.
    from airflow.sdk.execution_time import task_runner

    return type(task_runner.SUPERVISOR_COMMS).__name__ == "InProcessSupervisorComms"


def pull(context: Context, task_id: str, xcom_key: str, map_index: int = UNMAPPED) -> Any:
    """Return one XCom of this run, ``None`` if there is none. One API call.

    Raises:
        ReadError: Airflow cannot load, or may not load, a class in the value.
    """
    try:
        return context["ti"].xcom_pull(task_ids=task_id, key=xcom_key, map_indexes=map_index)
    except _LOAD_ERRORS as error:
        raise _unreadable(task_id, error) from error


def pull_all(context: Context, task_id: str, xcom_key: str) -> list[Any]:
    """Return an XCom of every map index that has it, in order. One API call.

    The task id is passed in a list, because Airflow 3.3 returns the only value of a single task as a scalar.

    Raises:
        ReadError: Airflow cannot load, or may not load, a class in a value.
    """
    try:
        pulled = context["ti"].xcom_pull(task_ids=[task_id], key=xcom_key)
    except _LOAD_ERRORS as error:
        raise _unreadable(task_id, error) from error
    return [value for value in pulled if value is not None]


def pull_slice(context: Context, task_id: str, xcom_key: str, start: int, stop: int) -> list[Any]:
    """Return a slice of what `pull_all` returns. One API call.

    Up to Airflow 3.3, offsets count rows. Later versions count map indexes, and return ``None`` for those
    without a row: see `rows.ResultRows`. The list shows neither where it begins nor, if it is short, that it
    is the end.

    Raises:
        ReadError: Airflow cannot load, or may not load, a class in a value.
    """
    try:
        return list(_lazy_rows(context, task_id, xcom_key)[start:stop])
    except _LOAD_ERRORS as error:
        raise _unreadable(task_id, error) from error


def count(context: Context, task_id: str, xcom_key: str) -> int:
    """Return the number of map indexes that have an XCom. One API call."""
    return len(_lazy_rows(context, task_id, xcom_key))


def _lazy_rows(context: Context, task_id: str, xcom_key: str) -> Sequence[Any]:
    # Private: the only public way to such a sequence is the argument of a task, and only for return values.
    from airflow.sdk.definitions.xcom_arg import PlainXComArg
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

    task = context["dag"].get_task(task_id)
    rows: LazyXComSequence[Any] = LazyXComSequence(PlainXComArg(task, xcom_key), context["ti"])
    return rows


def push(context: Context, xcom_key: str, value: Any) -> None:
    """Store an XCom of the running task instance. One API call."""
    context["ti"].xcom_push(key=xcom_key, value=value)


def delete(context: Context, xcom_key: str) -> None:
    """Delete an XCom of the running task instance, if it is there. One API call."""
    # Private: the public calls let a task instance write its own XComs, but not delete them.
    from airflow.sdk.execution_time.xcom import XCom

    ti = context["ti"]
    XCom.delete(
        key=xcom_key, task_id=ti.task_id, dag_id=ti.dag_id, run_id=ti.run_id, map_index=map_index_of(context)
    )


def push_early(ti: Any, xcom_key: str, value: Any, mapped_length: int | None = None) -> None:
    """Store an XCom of a task instance before it ends, from its task or its trigger. One API call.

    Args:
        ti: The task instance that runs here, or whose trigger runs here.
        xcom_key: The key.
        value: The value.
        mapped_length: The number of clones that Airflow makes of a task that is mapped over this one.
    """
    push_xcom(ti, xcom_key, value, mapped_length)


def check_storable(value: Any, *, exactly: bool = False) -> None:
    """Refuse a value that Airflow's own XCom backend cannot carry, or returns changed. No API call.

    A custom backend decides for itself, when the value is pushed.

    Args:
        value: The value.
        exactly: Whether an equal number with other digits counts as changed.

    Raises:
        UnstorableOutputError: Airflow cannot serialize it, or it would come back changed.
    """
    if is_airflows_backend():
        text = _serialize(value)
        if not is_plain(value):
            _check_same(value, text, _is_exactly_same if exactly else _is_same)


def serialize_same(value: Any) -> Any:
    """Return the JSON that Airflow's own XCom backend would store for a value, and from which it comes back.

    No API call, and no backend of the deployment's own.

    Raises:
        UnstorableOutputError: Airflow cannot serialize it, or it would come back changed.
    """
    import json

    text = _serialize(value)
    if not is_plain(value):
        _check_same(value, text, _is_same)
    return json.loads(text)


def is_plain(value: Any) -> bool:
    """Return whether a value consists of JSON's types only, so that it comes back unchanged."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is list:
        return all(map(is_plain, value))
    return kind is dict and all(type(key) is str for key in value) and all(map(is_plain, value.values()))


def size_of(value: Any, *, otherwise: int) -> int:
    """Return how many bytes a value has when it is stored. No API call.

    Args:
        value: A value that passed `check_storable`.
        otherwise: The size of what only a backend of the deployment's own can store.
    """
    import json

    if is_plain(value):
        return len(json.dumps(value))
    return len(_serialize(value)) if is_airflows_backend() else otherwise


def check_serializable(value: Any) -> None:
    """Refuse a value that Airflow's own XCom backend cannot carry. No API call.

    The value may come back changed: a workflow's body selects parts of a node's named tuple by name, and its
    plan has a form of its own for values that JSON lacks.

    Raises:
        UnstorableOutputError: Airflow cannot serialize it.
    """
    if is_airflows_backend():
        _serialize(value)


def is_airflows_backend() -> bool:
    """Return whether values are stored by Airflow's own XCom backend, which may bring them back changed."""
    # Private: there is no public way to ask whether a value can be serialized without storing it.
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    return all(_same_hook(XCom, BaseXCom, name) for name in HOOKS_OF_WRITING)


def _same_hook(one: Any, other: Any, name: str) -> bool:
    own, others = (getattr(cls, name, None) for cls in (one, other))
    return getattr(own, "__func__", own) is getattr(others, "__func__", others)


def loads_json_only() -> bool:
    """Return whether values are stored as by Airflow's own XCom backend, and can be shown as their JSON."""
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    return all(_same_hook(XCom, BaseXCom, name) for name in HOOKS_OF_READING)


def may_load(classname: str) -> bool:
    """Return whether ``[core] allowed_deserialization_classes`` allows a class in stored values."""
    return is_allowed_class(classname)


def load(row: Any) -> Any:
    """Return the value of a row of XComs, as the deployment's XCom backend loads it.

    Raises:
        ImportError: Airflow refuses to load a class in the value, or the class does not exist.
    """
    return load_xcom(row)


def serialize(value: Any) -> Any:
    """Return the JSON that Airflow's own XCom backend would store for a value. No API call.

    Raises:
        UnstorableOutputError: Airflow cannot serialize it.
    """
    import json

    return json.loads(_serialize(value))


def _serialize(value: Any) -> str:
    """Return the JSON string that Airflow's own XCom backend would store for a value, or refuse the value."""
    import json

    import msgspec
    from airflow.sdk.bases.xcom import BaseXCom

    try:
        serialized = BaseXCom.serialize_value(value)
        text = json.dumps(serialized, allow_nan=False)
        if "\\u0000" in text and re.search(_NUL_IN_JSON, text):
            raise ValueError("it holds a string with the character NUL, which PostgreSQL cannot store")
        # A task sends it in this form, which has no integers beyond 64 bits and no lone surrogates.
        msgspec.msgpack.encode(serialized)
    except DynamicOutputsError:
        # An event raises its own error, which says why it is not a value.
        raise
    except Exception as error:
        from airflow_dynamic_provider.airflow_adapter.sameness import PLAIN_DATA

        raise UnstorableOutputError(
            f"XCom cannot carry a value of type {type(value).__name__}: {error}",
            remedy=f"{PLAIN_DATA} {_DECLARE}",
        ) from error
    return text


def _check_same(value: Any, text: str, is_same: Callable[[Any, Any], bool]) -> None:
    """Refuse a value that would come back changed, or that cannot be read at all."""
    import json

    # Imported here, because most values consist of JSON's types only.
    from airflow_dynamic_provider.airflow_adapter.sameness import find_change, remedy_of_unreadable

    name = type(value).__name__
    try:
        back = deserialize(json.loads(text))
    except ImportError as error:
        raise UnstorableOutputError(
            f"Airflow would refuse to load the stored value of type {name}: {error}",
            remedy=f"{_ALLOW_CLASS} {_DECLARE}",
        ) from error
    except Exception as error:
        raise UnstorableOutputError(
            f"XCom would store a value of type {name} that cannot be read: {error}",
            remedy=f"{remedy_of_unreadable(value)} {_DECLARE}",
        ) from error
    if (change := find_change(value, back, is_same)) is not None:
        raise UnstorableOutputError(
            f"XCom does not return the same value: {change.problem}", remedy=f"{change.remedy} {_DECLARE}"
        )


def _is_same(value: Any, back: Any) -> bool:
    """Return whether two objects of one class are equal: by their own ``==``, else by their stored form."""
    kind: Any = type(value)
    if (is_equal := value == back) is True:
        return True
    # Their stored form decides for objects without ``__eq__``, and for arrays, which compare each element.
    has_own_word = kind.__eq__ is not object.__eq__ and isinstance(is_equal, bool)
    return not has_own_word and _serialize(value) == _serialize(back)


def _is_exactly_same(value: Any, back: Any) -> bool:
    """Return whether two objects of one class are equal, and print alike."""
    return _is_same(value, back) and (type(value) is not Decimal or str(value) == str(back))


def deserialize(serialized: Any) -> Any:
    """Return a value as a task that pulls it would receive it. No API call.

    Raises:
        ImportError: Airflow refuses to load a class in the value.
    """
    from types import SimpleNamespace

    from airflow.sdk.bases.xcom import BaseXCom

    return BaseXCom.deserialize_value(SimpleNamespace(value=serialized))


def read_states(context: Context, task_ids: Collection[str]) -> States:
    """Return (task, map index) -> state for the task instances of this run.

    One API call for some 40 to 100 tasks, depending on the length of their ids.
    """
    ti = context["ti"]
    return read_states_of_run(ti.dag_id, ti.run_id, task_ids)


def read_states_at(context: Context, task_ids: Collection[str], map_index: int) -> States:
    """Return (task, map index) -> state for the task instances of this run at one map index.

    As many API calls as `read_states` makes, but the answer does not grow with the number of clones. A task
    without a task instance there costs another call, because Airflow may not have expanded it.
    """
    ti = context["ti"]
    states = read_states_of_run(ti.dag_id, ti.run_id, task_ids, map_index)
    missing = [task_id for task_id in task_ids if (task_id, map_index) not in states]
    return states | read_states(context, missing) if missing else states


def read_states_of_run(
    dag_id: str, run_id: str, task_ids: Collection[str], map_index: int | None = None
) -> States:
    """Return what `read_states` returns. It also works in a trigger, which has no task context.

    Args:
        dag_id: The Dag.
        run_id: The run.
        task_ids: The tasks.
        map_index: Only task instances at this map index; all by default.
    """
    # Private: a trigger has no running task instance, and the public method needs none.
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    # Imported here, because most tasks ask for no states.
    from airflow_dynamic_provider.airflow_adapter.addresses import batches

    states: States = {}
    others = {"dag_id": [dag_id], "run_ids": [run_id]}
    asked = {"dag_id": dag_id, "run_ids": [run_id]} | ({} if map_index is None else {"map_index": map_index})
    for batch in (batch for part in _apart(task_ids) for batch in batches(part, others)):
        answer = RuntimeTaskInstance.get_task_states(task_ids=batch, **asked)  # type: ignore[arg-type]
        for name, state in answer.get(run_id, {}).items():
            states[_split_name(name, batch)] = None if state is None else str(getattr(state, "value", state))
    return states


def read_states_of_few(
    context: Context, task_ids: Collection[str], map_indexes: Collection[int], length: int
) -> States:
    """Return the states of some of the clones of tasks. What it costs does not grow with the other clones.

    Two API calls if all clones succeeded. Otherwise, one more for each map index; or one for all clones, if
    there are not many more than those that are asked for.

    Args:
        context: Airflow's task context.
        task_ids: The tasks, which are all mapped over the same list.
        map_indexes: The map indexes.
        length: The length of the list.
    """
    if len(map_indexes) > _CHEAPER_THAN_COUNTS and _have_all_succeeded(context, task_ids, length):
        return {(task_id, index): SUCCESS for task_id in task_ids for index in map_indexes}
    if len(map_indexes) > FEW and length <= FEW * len(map_indexes):
        return read_states(context, task_ids)
    states: States = {}
    for index in map_indexes:
        states |= read_states_at(context, task_ids, index)
    return states


def _have_all_succeeded(context: Context, task_ids: Collection[str], length: int) -> bool:
    """Return whether tasks have a clone for each position of a list, no others, and all succeeded."""
    return all(
        sum(_counts(context, task_ids, states)) == length * len(task_ids) for states in (None, [SUCCESS])
    )


def has_failed(context: Context, task_ids: Collection[str]) -> bool:
    """Return whether a task instance of some tasks of this run has failed for good.

    One API call for some 40 to 100 tasks, depending on the length of their ids.
    """
    return any(_counts(context, task_ids, [FAILED, UPSTREAM_FAILED]))


def has_skipped(context: Context, task_ids: Collection[str]) -> bool:
    """Return whether a task instance of some tasks of this run was skipped.

    One API call for some 40 to 100 tasks, depending on the length of their ids.
    """
    return any(_counts(context, task_ids, [SKIPPED]))


def count_in(context: Context, task_ids: Collection[str], states: list[str]) -> int:
    """Return how many task instances of some tasks of this run are in one of the states.

    One API call for some 40 to 100 tasks, depending on the length of their ids.
    """
    return sum(_counts(context, task_ids, states))


def _counts(context: Context, task_ids: Collection[str], states: list[str] | None) -> Iterable[int]:
    """Yield the numbers of task instances of some of the tasks each, in some states or in all."""
    from airflow_dynamic_provider.airflow_adapter.addresses import batches

    ti = context["ti"]
    others = {"dag_id": [ti.dag_id], "run_ids": [ti.run_id], "states": states or []}
    for batch in batches(task_ids, others):
        yield ti.get_ti_count(dag_id=ti.dag_id, task_ids=batch, run_ids=[ti.run_id], states=states)


def pull_of_run(dag_id: str, run_id: str, task_id: str, xcom_key: str, map_index: int = UNMAPPED) -> Any:
    """Return what `pull` returns. It also works in a trigger. One API call.

    Raises:
        ReadError: Airflow cannot load, or may not load, a class in the value.
    """
    # Private: a trigger has no running task instance.
    from airflow.sdk.execution_time.xcom import XCom

    try:
        return XCom.get_one(key=xcom_key, dag_id=dag_id, task_id=task_id, run_id=run_id, map_index=map_index)
    except _LOAD_ERRORS as error:
        raise _unreadable(task_id, error) from error


def state_at(states: States, task_id: str, map_index: int) -> str | None:
    """Return the state of a task instance, ``None`` if it has none.

    A mapped task that the scheduler ended before it was expanded has one state for all keys.
    """
    own = states.get((task_id, map_index))
    return states.get((task_id, UNMAPPED)) if own is None else own


def _apart(task_ids: Collection[str]) -> Iterable[list[str]]:
    """Split tasks into parts in which none is named like a clone of another; usually there is one part.

    Airflow answers with "task" or "task_3", so a task named "task_3" would be mistaken for a clone of "task".
    """
    known = set(task_ids)
    parts: dict[int, list[str]] = {}
    for task_id in task_ids:
        depth, name = 0, _without_index(task_id)
        while name in known:
            depth, name = depth + 1, _without_index(name)
        parts.setdefault(depth, []).append(task_id)
    return parts.values()


def _without_index(name: str) -> str:
    task_id, _, index = name.rpartition("_")
    return task_id if index.isdecimal() else ""


def _split_name(name: str, task_ids: Collection[str]) -> tuple[str, int]:
    if name in task_ids:
        return name, UNMAPPED
    task_id, _, index = name.rpartition("_")
    return task_id, int(index)


def _unreadable(task_id: str, error: Exception) -> ReadError:
    # Airflow raises the same kind of error for a class that it may not load and for a missing class.
    if isinstance(error, ImportError) and "allow" in str(error):
        return ReadError(
            f"Airflow refused to load its stored value: {error}",
            task_id=task_id,
            remedy=_ALLOW_CLASS,
        )
    return ReadError(
        f"its stored value cannot be loaded: {type(error).__name__}: {error}",
        task_id=task_id,
        remedy="Put the class back where it was when the value was stored, or clear the task.",
    )
