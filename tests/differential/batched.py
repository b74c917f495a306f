"""Compares what became of the keys of a batched task with what the oracle expects of each of them."""

from __future__ import annotations

from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord, StoredChunk, chunk_xcom
from tests.differential.findings import ENDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from tests.differential.findings import Finding
    from tests.differential.oracle import Outcome
    from tests.differential.programs import Path

_Records = dict[int, dict[int, KeyRecord]]


def compare_batches(
    run: Any,
    name: str,
    batches: Sequence[Sequence[Path]],
    outcomes: Mapping[Path, Outcome],
    live: Mapping[int, Any],
    retries: int,
    killed: Collection[Path],
) -> Iterator[Finding]:
    """Yield the differences of a batched task.

    Args:
        run: The run, which has ended.
        name: The task.
        batches: The keys of each batch.
        outcomes: Key path -> expected outcome, in the order of the keys.
        live: Map index -> task instance.
        retries: The retries of the task.
        killed: The keys whose process was killed for good, which may have no record.
    """
    positions = {path: position for position, path in enumerate(outcomes)}
    if sorted(live) != list(range(len(batches))):
        yield "clones", f"{name} has {sorted(live)}, expected one for each of {batches}"
        return
    gate = f"{name}__gate"
    of_gate = {index: str(ti.state) for index, ti in run.instances(gate).items()}
    of_gates, of_batches = _records(run, gate), _records(run, name)
    for number, keys in enumerate(batches):
        ti = live[number]
        expected = {path: outcomes[path] for path in keys}
        yield from _compare_instance(name, number, expected, ti)
        has_passed = of_gate.get(number, "success") == "success"
        found = (of_batches if has_passed else of_gates).get(number, {})
        # Where a task that runs once ended the batch, the scheduler has decided for all keys alike. A gate
        # that cannot read a list of keys, because a zip failed, stops all keys alike and stores no reasons.
        has_records = (
            number in of_gates if not has_passed else any(each.has_run for each in expected.values())
        )
        for path in keys:
            shown = f"{name}[{'/'.join(path)}]"
            record = found.get(positions[path])
            if has_records and (record is not None or path not in killed):
                yield from _compare_key(shown, path, outcomes[path], record, retries)
            elif str(ti.state) != outcomes[path].state:
                yield "state", f"{shown} is {ti.state}, expected {outcomes[path].state}"


def _compare_instance(name: str, number: int, expected: Mapping[Path, Outcome], ti: Any) -> Iterator[Finding]:
    """Yield the differences of the task instance of a batch."""
    states = [outcome.state for outcome in expected.values()]
    shown = f"batch {number} of {name}"
    if not any(outcome.has_run for outcome in expected.values()):
        state = "upstream_failed" if "upstream_failed" in states else "skipped"
    elif "failed" in states:
        state = "failed"
    else:
        state = "skipped" if set(states) == {"skipped"} else "success"
    if str(ti.state) not in ENDS:
        yield "end", f"{shown} is {ti.state} though the run has ended, expected {state}"
    elif str(ti.state) != state:
        yield "state", f"{shown} is {ti.state}, expected {state}: its keys must be {states}"
    first, *_, last = (*expected, *expected)
    label = "/".join(first) + ("" if len(expected) == 1 else f" … {'/'.join(last)} ({len(expected)})")
    if any(outcome.has_run for outcome in expected.values()) and ti.rendered_map_index != label:
        yield "label", f"{shown} is labelled {ti.rendered_map_index!r}, expected {label!r}"


def _compare_key(
    shown: str, path: Path, outcome: Outcome, record: KeyRecord | None, retries: int
) -> Iterator[Finding]:
    """Yield the differences of a key."""
    if record is None:
        yield "state", f"{shown} has no record, expected {outcome.state}"
    elif record.key_path != path:
        yield "state", f"{shown} has the record of {record.key_path}"
    elif record.state != outcome.state:
        yield "state", f"{shown} is {record.state}, expected {outcome.state}"
    elif outcome.state == "success" and record.values.get(DEFAULT_OUTPUT, outcome.value) != outcome.value:
        yield "value", f"{shown} gave {record.values}, expected {outcome.value!r}"
    elif (
        not (least := int(outcome.has_run)) <= record.tries <= (most := least + retries * _may_retry(outcome))
    ):
        yield "tries", f"{shown} was started {record.tries} times, expected {least} to {most}"


def _may_retry(outcome: Outcome) -> bool:
    """Return whether a key may be started again: if its first try failed, and only then."""
    return outcome.state == "failed" or "!flaky" in str(outcome.value).partition("(")[0]


def _records(run: Any, task_id: str) -> _Records:
    """Return batch -> position -> record. Chunks after the last one are of an earlier run."""
    found: _Records = {}
    ended: set[int] = set()
    for stored in takewhile(bool, (run.xcoms(task_id, chunk_xcom(chunk)) for chunk in count())):
        for number, packed in stored.items():
            chunk = StoredChunk.unpack(packed)
            if number not in ended:
                found.setdefault(number, {}).update({each.position: each for each in chunk.records})
            if chunk.is_last:
                ended.add(number)
    return found
