"""One computation in a task's process: whether its result is used, and what is kept of it."""

from __future__ import annotations

import contextlib
import functools
import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.cache import results
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import RESCHEDULE_AFTER
from airflow_dynamic_provider.execution.layout import MadeBy, StoredMetadata, keep_xcom
from airflow_dynamic_provider.execution.metadata import gathered_metadata, note_origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence

    from airflow_dynamic_provider.cache.claims import Claim
    from airflow_dynamic_provider.cache.identity import Computation, Identity
    from airflow_dynamic_provider.cache.results import Hit

log = logging.getLogger(__name__)


class Running:
    """A computation that a task instance is about to make.

    Args:
        context: Airflow's task context; in a batch, that of the key.
        computation: The cached function.
        identity: What the call is identified by.
    """

    def __init__(
        self, context: MutableMapping[str, Any], computation: Computation, identity: Identity
    ) -> None:
        self.context = context
        self.computation = computation
        self.identity = identity
        self._has_claim = False

    @functools.cached_property
    def again(self) -> bool:
        """Whether the result must be computed again."""
        return computes_again(self.context)

    @classmethod
    def of_call(
        cls,
        context: MutableMapping[str, Any],
        computation: Computation,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Running:
        """Return the computation that a call makes.

        Raises:
            UncacheableInputError: An argument cannot be hashed.
        """
        return cls(context, computation, computation.identify(args, kwargs))

    def find(self, read: Callable[[Any], Any]) -> Hit | None:
        """Return the result of an earlier run, ``None`` if the function must run.

        One call to the object store; with ``serialize=True``, three or four more if there is none.

        Args:
            read: Returns a result from its JSON.

        Raises:
            AirflowRescheduleException: Another task instance makes the same computation.
        """
        cache = self.computation.cache
        if self.again:
            return None
        hit = results.find(self.identity, cache, read)
        if hit is not None or not cache.serialize:
            return hit
        self._claim()
        # The task instance that made the same computation may have just stored its result.
        if (hit := results.find(self.identity, cache, read)) is not None:
            self.release()
        return hit

    def _claim(self) -> None:
        """Claim the computation, or wait without a worker slot for the task instance that makes it.

        Raises:
            AirflowRescheduleException: Another task instance makes the computation.
        """
        # Imported here, because few caches wait for others.
        from airflow_dynamic_provider.cache import claims
        from airflow_dynamic_provider.version_compat import AirflowRescheduleException

        try:
            self._has_claim = claims.claim(self.identity, self.claimant)
        except Exception as error:
            log.warning(
                "The computation %s cannot be claimed, and may run more than once: %s: %s",
                *(results.name_of_entry(self.identity), type(error).__name__, error),
            )
            return
        if not self._has_claim:
            until = datetime.now(timezone.utc) + RESCHEDULE_AFTER
            raise AirflowRescheduleException(until)  # type: ignore[no-untyped-call, unused-ignore]

    @property
    def claimant(self) -> Claim:
        """What this task instance claims the computation as."""
        from airflow_dynamic_provider.cache.claims import Claim

        return Claim(replace(made_by(self.context), mapping_key=None))

    def release(self) -> None:
        """Let other task instances make the computation, if this one has claimed it."""
        if not self._has_claim:
            return
        from airflow_dynamic_provider.cache import claims

        try:
            claims.release(self.identity, self.claimant)
        except Exception as error:
            # Others take over when this task instance has ended.
            log.warning("The claim of a computation stays: %s: %s", type(error).__name__, error)

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Run the function in the ``with`` statement and keep its result there."""
        try:
            yield
        finally:
            self.release()

    def use(self, hit: Hit) -> None:
        """Attach what is known of a result that is used to the task instance. At most one API call."""
        hit.tell()
        gathered = gathered_metadata(self.context)
        for name, labelled in hit.metadata.outputs.items():
            gathered.outputs.setdefault(name, {}).update(labelled)
        note_origin(self.context, hit.made_by)

    def keep(self, content: Callable[[], Any], keys: Mapping[str, Any] | None = None) -> None:
        """Keep the result of the function. One call to the object store.

        Args:
            content: Returns the result as JSON.
            keys: Output -> mapping key -> metadata, of dynamic outputs.
        """
        document = self.document(content, keys)
        if document is not None:
            results.store(self.identity, document)

    def document(self, content: Callable[[], Any], keys: Mapping[str, Any] | None = None) -> bytes | None:
        """Return what `keep` stores, ``None`` if the result cannot be kept."""
        metadata = StoredMetadata(gathered_metadata(self.context).outputs, keys or {})
        return results.document_of(self.identity, made_by(self.context), content, metadata)


def made_by(context: Mapping[str, Any]) -> MadeBy:
    """Return the running task instance, as the results that it makes name it."""
    ti = context["ti"]
    return MadeBy(ti.dag_id, ti.run_id, ti.task_id, xcom.map_index_of(context), context.get("mapping_key"))


def computes_again(context: Mapping[str, Any]) -> bool:
    """Return whether this task instance was cleared by hand, and not by a clear that keeps results.

    No API call unless it was cleared.
    """
    is_first_round = xcom.tries_since_clear(context) == xcom.attempt_of(context)
    if is_first_round or not xcom.was_cleared(context):
        return False
    if _was_told_to_keep(context):
        return False
    log.info("The task instance was cleared, so its result is computed again")
    return True


def _was_told_to_keep(context: Mapping[str, Any]) -> bool:
    xcom_key = keep_xcom(xcom.max_tries_of(context))
    if not xcom.had_xcom(context, xcom_key):
        return False
    # Airflow may have deleted it. A retry, or a start after a wait, must find it.
    xcom.push(context, xcom_key, True)
    return True
