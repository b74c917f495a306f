"""Runs the keys of a batch in a task's process. It takes the place of the author's function."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.running import as_current
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT, name_keys, render_key
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import DynamicOutputsError, KeysFailedError, UnstorableOutputError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
from airflow_dynamic_provider.execution.batches.arguments import Arguments, Given
from airflow_dynamic_provider.execution.batches.batch import Batch, start_batch
from airflow_dynamic_provider.execution.batches.calling import Call, Outcome, Produced, failed
from airflow_dynamic_provider.execution.batches.contexts import BatchContext, key_context
from airflow_dynamic_provider.execution.batches.parameters import ContextParameters
from airflow_dynamic_provider.execution.batches.recording import Recorder, read_checkpoint
from airflow_dynamic_provider.execution.batches.running import run_calls
from airflow_dynamic_provider.execution.batches.shared import close_shared
from airflow_dynamic_provider.execution.batches.starting import find_stopped
from airflow_dynamic_provider.execution.metadata import gathered_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from airflow_dynamic_provider.execution.batches.limiting import Limiter
    from airflow_dynamic_provider.execution.batches.policies import BatchRetryPolicy, Verdict
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.limits import Limit
    from airflow_dynamic_provider.execution.places import Place
    from airflow_dynamic_provider.execution.spaces import KeyPath

log = logging.getLogger(__name__)


class ResultsOfRun(Protocol):
    """Looks up and keeps the results of the keys of one try of a batch."""

    def look_up(self, calls: Iterator[Call]) -> Iterator[tuple[Call, Outcome | None]]:
        """Yield each call, with its outcome if it need not be made."""

    def keep(self, call: Call, value: Any) -> None:
        """Keep the result of a call that has succeeded."""

    def close(self) -> None:
        """Wait until everything is kept."""


class KeepsResults(Protocol):
    """Looks up and keeps the results of the keys of a batched task."""

    def start(self, context: Any) -> ResultsOfRun:
        """Begin one try of a batch."""


class BatchedFunction:
    """Runs the author's function for each key of a batch. Airflow calls it in place of that function.

    Args:
        spec: The batched task.
        function: The author's function.
        given: The arguments as the author gave them.
        results: Looks up and keeps the results of its keys, if the task is cached.
    """

    def __init__(
        self,
        spec: CloneSpec,
        function: Callable[..., Any],
        given: Given,
        results: KeepsResults | None = None,
    ) -> None:
        self.spec = spec
        self.function = function
        self.given = given
        self.results = results
        # Airflow and its plugins show the name of a task's function.
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __deepcopy__(self, memo: dict[int, Any]) -> BatchedFunction:
        return self

    def __call__(self) -> None:
        """Run the keys. The states of the keys decide how the task instance ends.

        Raises:
            KeysFailedError: Keys failed, and a retry may help some of them.
            AirflowFailException: Keys failed, and a retry would help none of them.
            AirflowSkipException: No key ran, or all keys were skipped.
        """
        from airflow.sdk import get_current_context

        context: Any = get_current_context()
        batch = start_batch(context, self.spec)
        results = None if self.results is None else self.results.start(context)
        run = _Run(batch, self.function, self.given, results)
        with as_current(BatchContext(context)):
            try:
                run.run()
            finally:
                # Also after a timeout of the task instance: the keys that have ended keep their results.
                try:
                    run.close()
                finally:
                    close_shared(context)
        run.end()


class _Run:
    """One try of a batch."""

    def __init__(
        self, batch: Batch, function: Callable[..., Any], given: Given, results: ResultsOfRun | None
    ) -> None:
        self.batch = batch
        self.function = function
        self.results = results
        self.task = batch.context["task"]
        self.arguments = Arguments(self.task, given, batch.context)
        self.parameters = ContextParameters(function)
        self.may_retry = _may_retry(batch)
        self.recorder = Recorder(batch, keeps_checkpoints=self.may_retry)
        self.earlier = read_checkpoint(batch)
        self.states: dict[KeyPath, KeyRecord] = {}
        policy: BatchRetryPolicy | None = getattr(self.task, "retry_policy", None)
        self.judge = None if policy is None else policy.judge_of(batch.context)
        self.verdicts: list[Verdict] = []
        self.limiter = None if batch.spec.limit is None else _make_limiter(batch, batch.spec.limit)
        # How many keys were not started, because too many keys of the map had failed.
        self.not_started = 0

    def run(self) -> None:
        """Run the keys that can start and have not ended in an earlier try."""
        assert self.batch.spec.batches is not None
        self._refuse_pushed()
        stopped = find_stopped(self.batch)
        pending = []
        for place in self.batch.places:
            if (known := self.earlier.get(place.key_path)) is not None and known.is_final:
                self._record(replace(known, position=place.position))
            elif place.position in stopped:
                state, reason = stopped[place.position]
                self._record(KeyRecord(place.key_path, place.position, state, reason=reason, tries=0))
            else:
                pending.append(place)
        if self.earlier:
            # Airflow has deleted what earlier tries stored. A kill must not lose it.
            self.recorder.flush()
        log.info(
            "Running %d of %d keys of the batch %s", len(pending), self.batch.range.length, self.batch.label
        )
        if self.limiter is not None:
            self.limiter.exchange()
        run_calls(self._due(pending), self.function, self.batch.spec.batches.settings, self, self.judge)

    def close(self) -> None:
        """Store everything, for good."""
        self.recorder.close()
        if self.limiter is not None:
            self.limiter.tell()
        if self.results is not None:
            self.results.close()

    @property
    def is_due(self) -> bool:
        """Whether it is time to store what has ended, or to look at the other batches of a limited map."""
        return self.recorder.is_due or (self.limiter is not None and self.limiter.is_due)

    def flush(self) -> None:
        """Store what has ended, and look at the other batches of a limited map."""
        if self.recorder.is_due:
            self.recorder.flush()
        if self.limiter is not None and self.limiter.is_due:
            self.limiter.exchange()

    def may_start(self, call: Call) -> bool:
        """Return whether a call may start. No API call."""
        return self._may_start(call.context[_PLACE])

    def add(self, call: Call, outcome: Outcome) -> None:
        """Accept a call that has ended."""
        place: Place = call.context[_PLACE]
        produced = _NOTHING
        if outcome.state == SUCCESS:
            try:
                outcome = replace(outcome, value=self._form(outcome.value))
                produced = self._produced(outcome.value)
            except DynamicOutputsError as error:
                about = error.about(
                    task_id=self.batch.spec.task_id, output_name=DEFAULT_OUTPUT, mapping_key=call.mapping_key
                )
                outcome = failed(about, outcome.started, outcome.seconds, call=call)
            else:
                if self.results is not None:
                    self.results.keep(call, outcome.value)
        self._end(place, outcome, produced, call.context)

    def end(self) -> None:
        """End the task instance as the states of its keys demand. See `BatchedFunction`."""
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        records = list(self.states.values())
        failures = [record for record in records if record.state == FAILED]
        is_waiting = self.not_started > 0 and self.may_retry
        if failures or is_waiting:
            error = self._error(failures)
            if not is_waiting and all(record.is_final for record in failures):
                raise AirflowFailException(str(error))
            if self.verdicts and not all(record.is_final for record in failures):
                # Imported here, because most tasks have no retry policy.
                from airflow_dynamic_provider.execution.batches.policies import decide

                error.decision = decide(self.verdicts)
            raise error
        if self.limiter is not None and self.not_started:
            log.warning("%s", self._describe_not_started(self.limiter))
        if all(record.state == SKIPPED for record in records):
            raise AirflowSkipException(f"All {len(records)} keys were skipped.")

    def _error(self, failures: list[KeyRecord]) -> KeysFailedError:
        problems = []
        if failures:
            names = name_keys([record.key_path for record in failures])
            problems.append(f"{len(failures)} of {self.batch.range.length} keys failed: {names}")
        if self.limiter is not None and self.not_started:
            problems.append(self._describe_not_started(self.limiter))
        return KeysFailedError(
            "; ".join(problems),
            task_id=self.batch.spec.task_id,
            mapping_key=render_key(failures[0].key_path) if len(failures) == 1 else None,
            remedy="The log above has the error of each of them." if failures else "A retry starts them.",
        )

    def _describe_not_started(self, limiter: Limiter) -> str:
        why = limiter.limit.explain()
        return f"{self.not_started} of {self.batch.range.length} keys were not started, because {why}"

    def _may_start(self, place: Place) -> bool:
        """Return whether a key may start. If it may not, it waits for the next try, or ends."""
        if self.limiter is None or not self.limiter.is_exceeded:
            return True
        if (known := self.earlier.get(place.key_path)) is not None:
            # It has failed in an earlier try.
            self._record(known)
            return False
        self.not_started += 1
        if not self.may_retry:
            reason = f"Not started: {self.limiter.limit.explain()}."
            self._record(
                KeyRecord(place.key_path, place.position, SKIPPED, reason=reason, tries=0, is_held_back=True)
            )
        return False

    def _due(self, places: list[Place]) -> Iterator[Call]:
        """Yield the calls that must be made, and record the others, whose results are kept."""
        if self.results is None:
            yield from self._calls(places)
            return
        for call, outcome in self.results.look_up(self._calls(places)):
            place = call.context[_PLACE]
            if outcome is None:
                # Keys may have failed since the call was looked up.
                if self._may_start(place):
                    yield call
            else:
                produced = self._produced(outcome.value) if outcome.state == SUCCESS else _NOTHING
                self._end(place, outcome, produced, call.context)

    def _calls(self, places: list[Place]) -> Iterator[Call]:
        for place in places:
            if not self._may_start(place):
                continue
            context = key_context(self.batch.context, self.batch.spec, place)
            context[_PLACE] = place
            try:
                args, kwargs = self.arguments.of_key(context)
                kwargs = self.parameters.fill(args, kwargs, self._visible(context))
                if self.batch.spec.types is not None:
                    # Imported here, because most functions have no types that matter.
                    from airflow_dynamic_provider.execution.typed_calls import typed_arguments

                    args, kwargs = typed_arguments(self.function, args, kwargs, self.batch.spec.task_id)
            except Exception as error:
                unmade = Call(self.function, (), {}, context, self.judge)
                self._end(place, failed(error, call=unmade), _NOTHING, context)
                continue
            yield Call(self.function, args, kwargs, context, self.judge)

    def _visible(self, context: dict[str, Any]) -> dict[str, Any]:
        """Return the context from which parameters of the function are filled."""
        assert self.batch.spec.batches is not None
        if self.batch.spec.batches.settings.runner in (None, "threads"):
            return context
        # Imported here, because most batches run in the task's own process.
        from airflow_dynamic_provider.execution.batches.remote import arguments_context

        return arguments_context(context, self.parameters.names)

    def _end(self, place: Place, outcome: Outcome, produced: Produced, context: dict[str, Any]) -> None:
        earlier = self.earlier.get(place.key_path)
        if outcome.verdict is not None:
            self.verdicts.append(outcome.verdict)
        metadata = gathered_metadata(context)
        stored = layout.StoredMetadata(
            metadata.outputs, metadata.keys, metadata.inherited, made_by=metadata.made_by
        )
        if outcome.failure is not None:
            log.error(
                "::group::Key %r failed: %s: %s\n%s\n::endgroup::",
                render_key(place.key_path),
                outcome.failure.kind,
                outcome.failure.message,
                outcome.failure.traceback,
            )
        elif outcome.state == SKIPPED:
            log.info("Key %r was skipped: %s", render_key(place.key_path), outcome.reason)
        self._record(
            KeyRecord(
                place.key_path,
                place.position,
                outcome.state,
                produced.static,
                stored.pack() if stored else {},
                outcome.failure,
                outcome.reason,
                is_final=outcome.is_final,
                tries=1 + (0 if earlier is None else earlier.tries),
                started=round(outcome.started.timestamp() * 1000),
                milliseconds=round(outcome.seconds * 1000, 3),
                items=produced.dynamic,
            )
        )

    def _record(self, record: KeyRecord) -> None:
        self.recorder.add(record)
        if self.limiter is not None and record.state == FAILED:
            self.limiter.add_failure()
        # The values are stored, and only the states are needed to end the task instance.
        self.states[record.key_path] = KeyRecord(
            record.key_path, record.position, record.state, is_final=record.is_final
        )

    def _form(self, value: Any) -> Any:
        """Return the stored form of what the function returned."""
        is_kept = self.batch.spec.stored_outputs or self.results is not None
        if self.batch.spec.types is None or not is_kept or isinstance(value, Produced):
            # Declared outputs were checked, and have this form, where the function ran.
            return value
        # Imported here, because most functions have no types that matter.
        from airflow_dynamic_provider.execution.typed_values import stored_form

        return stored_form(value, self.batch.spec.type_of(DEFAULT_OUTPUT))

    def _produced(self, value: Any) -> Produced:
        stored = self.batch.spec.stored_outputs
        if isinstance(value, Produced):
            return Produced(*(_only(stored, outputs) for outputs in (value.static, value.dynamic)))
        if not stored:
            return _NOTHING
        if not self.task.do_xcom_push:
            value = None
        xcom.check_storable(value)
        if not isinstance(value, (str, int, float, bool, type(None))):
            # The function may change what it returned when it runs for another key.
            value = copy.deepcopy(value)
        return Produced({DEFAULT_OUTPUT: value}, {})

    def _refuse_pushed(self) -> None:
        declared = getattr(self.task, "declarations", ())
        pushed = sorted(self.batch.spec.stored_outputs - {DEFAULT_OUTPUT, *declared})
        if pushed:
            from airflow_dynamic_provider.version_compat import AirflowFailException

            error = UnstorableOutputError(
                f"another task reads its XCom {pushed[0]!r}, and a batch stores only return values",
                task_id=self.batch.spec.task_id,
                remedy="Return a dict, and use its parts.",
            )
            raise AirflowFailException(str(error))


def _make_limiter(batch: Batch, limit: Limit) -> Limiter:
    # Imported here, because few maps have a limit.
    from airflow_dynamic_provider.execution.batches.limiting import Limiter

    return Limiter(batch, limit)


def _only(names: Collection[str], outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: output for name, output in outputs.items() if name in names}


_NOTHING = Produced({}, {})

#: The key of a key's place in its context.
_PLACE = "dynamic_place"


def _may_retry(batch: Batch) -> bool:
    """Return whether Airflow may run this task instance again by itself."""
    return xcom.attempt_of(batch.context) <= xcom.max_tries_of(batch.context)
