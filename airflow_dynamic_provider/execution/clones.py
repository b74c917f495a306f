"""A running clone: its key, its label, the values that it reads and the results that it stores.

A clone is a (task, key) pair. `CloneRuntime` is everything that a task's process knows about the clone that
it runs. The hooks that Airflow calls before and after a clone's operator use it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, MutableMapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.labels import set_label
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, render_key, render_label
from airflow_dynamic_provider.definitions.records import Record, field, replace
from airflow_dynamic_provider.definitions.states import FINAL, RESCHEDULE_AFTER
from airflow_dynamic_provider.errors import DynamicOutputsError, StaleKeyError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.places import Place, place_at
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.limits import Limit
    from airflow_dynamic_provider.execution.spaces import Batches, KeyPath, Route, Space

#: The key of the running clone in Airflow's task context.
RUNTIME_KEY = "dynamic_clone"

#: The output for an XCom that the operator itself pushes with the name of the default output.
PUSHED_DEFAULT = f"pushed:{DEFAULT_OUTPUT}"

log = logging.getLogger(__name__)

_RuntimeContext = MutableMapping[str, Any]


class CloneSpec(Record, frozen=False, eq=False):
    """The facts about a cloned task that its clones need at run time, collected while the Dag file is parsed.

    Attributes:
        task_id: The cloned task.
        space: The keys that the task is cloned for.
        stored_outputs: The outputs that something refers to. Each is stored with its key.
        optional_outputs: The outputs that a run may omit.
        needs_success: Whether the author lets it run only after all its upstream tasks succeeded.
        stopped_by: The states of upstream clones of the same key in which Airflow does not run a clone.
        same_key: The upstream tasks for which a clone waits only for the clone of its own key.
        other_upstream: The ids of the other upstream tasks.
        batches: How the task runs many keys in one task instance; ``None`` if it runs one.
        limit: How many keys of its map may fail before no further key is started; ``None`` for no limit.
        is_cached: Whether the task keeps its results over runs.
        tells_outcomes: Whether a task asks for the outcomes of its keys.
        types: Returns the declared type of an output; ``None`` if no output has one that matters.
    """

    task_id: str
    space: Space
    stored_outputs: set[str] = field(default_factory=set)
    optional_outputs: frozenset[str] = frozenset()
    needs_success: bool = True
    stopped_by: frozenset[str] = frozenset()
    same_key: list[CloneSpec] = field(default_factory=list)
    other_upstream: list[str] = field(default_factory=list)
    batches: Batches | None = None
    limit: Limit | None = None
    is_cached: bool = False
    tells_outcomes: bool = False
    types: Callable[[str], Any] | None = None

    def type_of(self, output: str) -> Any:
        """Return the declared type of an output, ``Any`` if it has none."""
        return Any if self.types is None else self.types(output)

    def __deepcopy__(self, memo: dict[int, Any]) -> CloneSpec:
        # Specs are compared by identity. A copy of a Dag, or of a part of it, has the same specs.
        return self


class CollectorSpec(Record, frozen=False):
    """The facts that a collector needs at run time, collected while the Dag file is parsed.

    Attributes:
        task_id: The collector.
        collected_ids: The cloned tasks whose states matter to it.
        keys_task_ids: The tasks that list the collected keys.
        is_relaxed: Whether its trigger rule was changed from ``all_success`` to ``none_failed``, so that a
            skipped clone does not skip it. It then skips itself if any *other* upstream task was skipped.
        same_key_ids: The upstream tasks that run for the same key, if the collector is itself a clone.
        limits: The limits to failed keys for which collected clones may not have started, each with the tasks
            of its map.
    """

    task_id: str
    collected_ids: set[str] = field(default_factory=set)
    keys_task_ids: set[str] = field(default_factory=set)
    is_relaxed: bool = False
    same_key_ids: set[str] = field(default_factory=set)
    limits: dict[Limit, list[CloneSpec]] = field(default_factory=dict)


class CloneRuntime(Record, frozen=False):
    """The clone that this process runs.

    Attributes:
        spec: The facts about its task.
        map_index: Its map index.
        place: Its key.
        results: (task, position, output) -> result, of the results that it has read.
        produced: Output -> value, if it produced declared outputs.
        is_started: Whether it was not stopped by ``max_failures`` before it started.
    """

    spec: CloneSpec
    map_index: int
    place: Place
    results: dict[tuple[str, int, str], layout.StoredResult] = field(default_factory=dict)
    produced: dict[str, Any] | None = None
    is_started: bool = False

    @property
    def key_path(self) -> KeyPath:
        """The keys from the outermost dynamic output to this one."""
        return self.place.key_path

    @property
    def mapping_key(self) -> str:
        """The whole key, ``outer/inner`` for a path."""
        return render_key(self.key_path)

    def places(self, base: Space, via: Route = ()) -> Iterator[Place]:
        """Yield its place in a space that its keys are made of, once for each route to that space."""
        for route in find_routes(self.spec.space, base).found:
            place = self.place.follow((*route, *via))
            if place is not None:
                yield place


def start_clone(context: _RuntimeContext, spec: CloneSpec) -> CloneRuntime:
    """Find the key that this task instance runs for, and set its label. The first call makes one API call.

    It runs while Airflow renders the operator's templates, before all other code of the operator. So the key
    and the label are set even if a later step fails. If the keys were produced more than once, a second API
    call stores the key. It distinguishes the state of this clone from the state of an earlier key at the same
    position, even if the clone stores no result.

    Raises:
        StaleKeyError: There is no key at this position.
        AirflowSkipException: More keys of the map have failed than ``max_failures`` allows.
    """
    if (running := context.get(RUNTIME_KEY)) is not None:
        return running  # type: ignore[no-any-return]
    map_index = xcom.map_index_of(context)
    runtime = CloneRuntime(spec, map_index, place_at(context, spec.space, map_index))
    try:
        context["mapping_key"] = runtime.mapping_key
    except DynamicOutputsError as error:
        raise error.about(task_id=spec.task_id) from error.__cause__
    context[RUNTIME_KEY] = runtime
    context["mapping_key_path"] = runtime.key_path
    set_label(context, render_label(runtime.key_path))
    if runtime.place.attempt > 1:
        mark = layout.StoredClone(runtime.key_path, map_index, runtime.place.attempt)
        xcom.push(context, layout.CLONE_XCOM, mark.pack())
        wait_for_own_key(context, spec, map_index)
    # A clone that does not need the success of its upstream tasks may clean up after them.
    if spec.limit is not None and spec.needs_success:
        # Imported here, because few maps have a limit.
        from airflow_dynamic_provider.execution.limits import check_limit

        check_limit(context, spec.limit, runtime.key_path, map_index)
    runtime.is_started = True
    return runtime


def wait_for_own_key(context: _RuntimeContext, spec: CloneSpec, map_index: int) -> None:
    """Return to the scheduler if the upstream clones of this key are not yet in the states that it needs.

    After a list of keys has grown, Airflow starts the clones of the added keys at once, and does not check
    their dependencies. It checks those of a rescheduled task instance. This takes one API call.

    Raises:
        AirflowRescheduleException: The clone was started too early.
    """
    from airflow_dynamic_provider.version_compat import AirflowRescheduleException

    if not spec.same_key or xcom.attempt_of(context) > 1:
        return
    upstream_ids = [upstream.task_id for upstream in spec.same_key]
    states = xcom.read_states_at(context, upstream_ids, map_index)
    for upstream in spec.same_key:
        state = xcom.state_at(states, upstream.task_id, map_index)
        if state not in FINAL or state in spec.stopped_by:
            log.info("Started before %r has succeeded for this key: it is %s", upstream.task_id, state)
            until = datetime.now(timezone.utc) + RESCHEDULE_AFTER
            raise AirflowRescheduleException(until)  # type: ignore[no-untyped-call, unused-ignore]


def read_upstream(
    context: _RuntimeContext, runtime: CloneRuntime, task_id: str, output: str, place: Place
) -> layout.StoredResult | None:
    """Return the result of another task for a key, or ``None`` if its clone stored none. One API call.

    Raises:
        StaleKeyError: The result was stored for another key.
    """
    known = (task_id, place.position, output)
    if known in runtime.results:
        return runtime.results[known]
    stored = xcom.pull(context, task_id, layout.result_xcom(output), place.position)
    if stored is None:
        return None
    result = layout.StoredResult.unpack(stored)
    if result.key_path != place.key_path:
        raise StaleKeyError(
            f"its clone at position {place.position} ran for the key "
            f"{render_key(result.key_path)!r}, but this position now belongs to "
            f"{render_key(place.key_path)!r}",
            task_id=task_id,
            output_name=output,
            mapping_key=runtime.mapping_key,
            remedy=f"Clear {task_id!r} with its downstream tasks, for all keys.",
        )
    runtime.results[known] = result
    return result


def before_execute(context: _RuntimeContext) -> None:
    """Attach the metadata of the key's dynamic output to this clone. One API call if there is metadata."""
    runtime: CloneRuntime = context[RUNTIME_KEY]
    _fill_parameters(context["task"], runtime)
    if metadata := runtime.place.metadata:
        # Imported here, because most keys have no metadata.
        from airflow_dynamic_provider.execution.metadata import start_clone_metadata

        start_clone_metadata(context, metadata)


def _fill_parameters(task: Any, runtime: CloneRuntime) -> None:
    """Pass the key to a function that has a parameter for it.

    Airflow passes only a part of the context to another interpreter, such as that of ``@task.virtualenv``.
    """
    function = getattr(task, "python_callable", None)
    if function is None or not hasattr(task, "op_kwargs"):
        return
    parameters = list(inspect.signature(function).parameters)
    known = {"mapping_key": runtime.mapping_key, "mapping_key_path": runtime.key_path}
    missing = {name: known[name] for name in parameters[len(task.op_args) :] if name in known}
    if missing:
        task.op_kwargs = {**missing, **task.op_kwargs}


def after_execute(context: _RuntimeContext, returned: Any) -> None:
    """Store the outputs that handles refer to, with the key of this clone. One API call for each output."""
    runtime: CloneRuntime = context[RUNTIME_KEY]
    for output in sorted(runtime.spec.stored_outputs):
        try:
            result = _own_result(context, runtime, output, returned)
            # Authors cannot change the return value of a classic operator, so Airflow's own rules apply.
            is_authors = hasattr(context["task"], "python_callable")
            (xcom.check_storable if is_authors else xcom.check_serializable)(result.value)
        except DynamicOutputsError as error:
            raise error.about(
                task_id=runtime.spec.task_id, output_name=output, mapping_key=runtime.mapping_key
            ) from error.__cause__
        if runtime.spec.tells_outcomes:
            result = replace(
                result,
                tries=xcom.tries_since_clear(context),
                milliseconds=xcom.milliseconds_since_start(context),
            )
        xcom.push(context, layout.result_xcom(output), result.pack())


def _own_result(
    context: _RuntimeContext, runtime: CloneRuntime, output: str, returned: Any
) -> layout.StoredResult:
    def result(value: Any, is_produced: bool = True) -> layout.StoredResult:
        return layout.StoredResult(runtime.key_path, runtime.map_index, value, is_produced)

    if runtime.produced is not None:
        return result(runtime.produced.get(output), output in runtime.produced)
    if output == DEFAULT_OUTPUT:
        # As in Airflow, a task that does not push its return value has no value for other tasks.
        return result(returned if context["task"].do_xcom_push else None)
    # An XCom that the operator itself pushed, under its own key.
    pushed = DEFAULT_OUTPUT if output == PUSHED_DEFAULT else output
    return result(xcom.pull(context, runtime.spec.task_id, pushed, runtime.map_index))


def chain_hook(own: Callable[..., Any] | None, ours: Callable[..., None]) -> Callable[..., Any]:
    """Return a hook that runs the author's hook, if there is one, and then the hook of the package."""
    if own is None:
        return ours
    if inspect.isgeneratorfunction(own):
        # Airflow reads asset metadata from a hook that is a generator function, so ours must be one too.
        def run_generator(*args: Any) -> Any:
            yield from own(*args)
            ours(*args)

        return run_generator

    def run(*args: Any) -> None:
        own(*args)
        ours(*args)

    return run
