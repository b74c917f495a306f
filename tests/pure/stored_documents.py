"""Every kind of document that the package stores: an example, its reader, and where it may get more fields.

The examples are in ``stored/<version>/<kind>.json``, as the release that introduced the version wrote them.
They never change. ``python -m tests.pure.stored_documents`` writes missing examples.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_dynamic_provider.cache.claims import CLAIM, Claim
from airflow_dynamic_provider.cache.entries import ENTRY, Entry
from airflow_dynamic_provider.definitions.declarations import DynamicOut, Out
from airflow_dynamic_provider.definitions.metadata import MetadataValue, metadata_to_json
from airflow_dynamic_provider.definitions.records import as_dict
from airflow_dynamic_provider.execution import documents, layout
from airflow_dynamic_provider.execution.batch_records import items as batch_items
from airflow_dynamic_provider.execution.batch_records import stored as batch_records
from airflow_dynamic_provider.execution.batch_records.cutting import Range
from airflow_dynamic_provider.execution.batch_records.failures import FAILURES, StoredFailures
from airflow_dynamic_provider.execution.batch_records.items import Block, StoredBatchItems
from airflow_dynamic_provider.execution.batch_records.kept import StoredKept, Try
from airflow_dynamic_provider.execution.batch_records.stored import (
    BatchItem,
    KeyRecord,
    StoredBatches,
    StoredChunk,
    StoredPlaces,
)
from airflow_dynamic_provider.execution.documents import BatchesOfTask, TaskDocument, declared_outputs
from airflow_dynamic_provider.execution.failures import FAILURE, KeyFailure, StoredFailure
from airflow_dynamic_provider.execution.spaces import JoinedSpace, NestedSpace, ProducedSpace
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec, find_workflows
from airflow_dynamic_provider.workflows.plan import constants, templates
from airflow_dynamic_provider.workflows.plan import plan as plans
from airflow_dynamic_provider.workflows.plan.plan import ConcurrencyLimit, Plan, PlannedCall, PlannedNode
from airflow_dynamic_provider.workflows.plan.references import Attribute, Reference
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.stored import (
    ListedNode,
    NodePage,
    PlanAddress,
    Root,
    Slot,
    StoredNode,
    StoredRoots,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.execution.forms import Form

FOLDER = Path(__file__).parent / "stored"

#: Fields and indexes in a document; ``*`` for each.
Way = tuple[Any, ...]


class Point(NamedTuple):
    """A value that an author may put into a plan."""

    x: int
    y: Any


@dataclass(frozen=True)
class Kind:
    """A kind of stored document.

    Attributes:
        sample: An object with a value in every field.
        write: Returns the stored form of such an object.
        read: Returns an object that equals the sample.
        form: The form, if the document has a version.
        records: The paths of objects and lists to which a later release may add fields.
        code: The functions that write and read it. Each such function must have an example.
    """

    sample: Any
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    form: Form | None = None
    records: tuple[Way, ...] = ((),)
    code: tuple[str, ...] = ()

    @property
    def versions(self) -> list[int]:
        """Those that are read."""
        return [1] if self.form is None else list(range(self.form.oldest, self.form.version + 1))


METADATA = {
    "text": MetadataValue.text("a"),
    "url": MetadataValue.url("https://example.org"),
    "path": MetadataValue.path("/a"),
    "notebook": MetadataValue.notebook("/a.ipynb"),
    "json": MetadataValue.json({"a": [1, None, float("nan")]}),
    "md": MetadataValue.md("**a**"),
    "int": MetadataValue.int(1),
    "float": MetadataValue.float(float("inf")),
    "bool": MetadataValue.bool(True),
    "timestamp": MetadataValue.timestamp(1704067200),
    "table": MetadataValue.table([{"a": 1}]),
    "image": MetadataValue.image("https://example.org/a.png", alt="a"),
    "asset": MetadataValue("asset", {"name": "a", "uri": "s3://a"}),
    "dag_run": MetadataValue.dag_run("d", "r"),
    "python_artifact": MetadataValue.python_artifact(len),
    "null": MetadataValue.null(),
}
BYTES = {"bytes": MetadataValue.int(12)}
MADE_BY = layout.MadeBy("d", "r", "t", 3, "tenant/orders.csv")

PLAN = Plan(
    workflow="search",
    nodes=(
        PlannedNode(
            "first", "score", {"rate": 0.1, "point": templates.pack(Point(1, ("a",)), lambda _: None)}
        ),
        PlannedNode(
            "call/0",
            "score",
            {"rate": {"$ref": "first", "path": [0, {"$attribute": "y"}]}},
            after=("first",),
            retries=2,
            limit=ConcurrencyLimit("call", 0, 2),
        ),
    ),
    calls=(PlannedCall("call", [{"$ref": "call/0"}], 0.5),),
    output=templates.pack(
        {"best": Reference("first", (0, Attribute("y"))), 1: (Reference("call"), 5)},
        lambda value: value if isinstance(value, Reference) else None,
    ),
)
PLAN_ADDRESS = PlanAddress("search.plan", 3, "deeper", ("tenant",), "0123456789abcdef")
SPEC = WorkflowSpec(
    name="search",
    plan_task_id="search.plan",
    result_task_id="search.result",
    lanes={
        "score": Lane("score", "search.score", "search.nodes.score", plans=True, is_direct=True),
        "score__after": Lane("score", "search.score__after", "search.nodes.score__after", grows=True),
    },
    failure_policy="run_all",
    timeout=60.0,
    max_nodes=7,
    is_mapped=True,
)
FILES = ProducedSpace("files", "return_value", None, "files", "result", False)
ROWS = NestedSpace("rows__keys", "return_value", FILES, "rows", "items", True, FILES)
PAIRS = JoinedSpace("pairs__keys", "return_value", FILES, FILES, ROWS, "outer")


def _write_document(document: TaskDocument) -> Any:
    return json.loads(documents.write_document('{"team": "north"}', document))


def _read_document(stored_form: Any) -> Any:
    task = SimpleNamespace(task_id="task", doc_json=json.dumps(stored_form))
    return documents.read_documents([task])["task"]


def _read_spec(stored_form: Any) -> Any:
    task = SimpleNamespace(task_id="search.result", doc_json=json.dumps(stored_form))
    return find_workflows([task])["search"]


def _read_trigger(stored_form: Any) -> Any:
    from airflow_dynamic_provider.workflows.trigger import NodeTrigger

    trigger = NodeTrigger(**stored_form)
    return WorkflowSpec.unpack(trigger.spec), trigger.lane, trigger.least_wait


def _write_trigger(arguments: tuple[WorkflowSpec, str, float]) -> Any:
    from airflow_dynamic_provider.workflows.trigger import NodeTrigger

    spec, lane, least_wait = arguments
    return NodeTrigger(spec.pack(), lane, least_wait=least_wait).serialize()[1]


def _packed(cls: Any) -> dict[str, Any]:
    code = f"{cls.__module__.removeprefix('airflow_dynamic_provider.')}.{cls.__name__}"
    return {"write": cls.pack, "read": cls.unpack, "code": (f"{code}.pack", f"{code}.unpack")}


def _task(document: TaskDocument, *records: Way) -> Kind:
    part = ("dynamic_outputs",)
    return Kind(
        document, _write_document, _read_document, records=((), part, *((*part, *each) for each in records))
    )


#: The paths where a workflow may get more fields.
_OF_SPEC: tuple[Way, ...] = ((), ("lanes", "*"))


def _read_digest(stored: Any) -> list[tuple[str, ...]]:
    """Return the keys that the digest belongs to."""
    keys = [("a",), ("outer", "inner")]
    layout.check_digest(keys, stored, "produce")
    assert layout.unpack_length(stored) == len(keys)
    return keys


def _as_it_was_stored(item: layout.StoredItem) -> dict[str, Any]:
    """Return the form of a dynamic output that is only read now."""
    return {
        **layout.ITEM.stamp,
        "key_path": list(item.key_path),
        "value": item.value,
        "metadata": metadata_to_json(item.metadata),
        "attempt": item.attempt,
    }


KINDS: dict[str, Kind] = {
    "item": Kind(
        layout.StoredItem(("tenant", "orders.csv"), {"rows": [1]}, METADATA, 2),
        _as_it_was_stored,
        layout.StoredItem.unpack,
        form=layout.ITEM,
        records=((), ("metadata", "*")),
        code=("execution.layout.StoredItem.unpack",),
    ),
    "items": Kind(
        layout.StoredItems(
            ("orders.csv", "b"), [{"rows": [1]}, None], {1: metadata_to_json(METADATA)}, ("tenant",), 2, (1,)
        ),
        form=layout.ITEMS,
        **_packed(layout.StoredItems),
    ),
    "result": Kind(
        layout.StoredResult(("orders.csv",), 3, [1, None], False),
        form=layout.RESULT,
        **_packed(layout.StoredResult),
    ),
    "metadata": Kind(
        layout.StoredMetadata(
            {"result": METADATA}, {"files": {"orders.csv": BYTES}}, BYTES, ("tenant", "orders.csv")
        ),
        form=layout.METADATA,
        records=((), ("outputs", "*", "*"), ("keys", "*", "*", "*"), ("inherited", "*")),
        **_packed(layout.StoredMetadata),
    ),
    "made_by": Kind(MADE_BY, records=((),), **_packed(layout.MadeBy)),
    "kept_result": Kind(
        Entry(
            "0123456789abcdef",
            "auto:0123",
            MADE_BY,
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
            [{"output": "files", "key": "orders.csv", "value": [1, None]}],
            layout.StoredMetadata({"result": METADATA}, {"files": {"orders.csv": BYTES}}),
        ),
        form=ENTRY,
        records=((), ("made_by",)),
        **_packed(Entry),
    ),
    "claim": Kind(Claim(MADE_BY, True), form=CLAIM, records=((), ("owner",)), **_packed(Claim)),
    "clone": Kind(
        layout.StoredClone(("orders.csv",), 3, 2), form=layout.CLONE, **_packed(layout.StoredClone)
    ),
    "not_started": Kind(
        layout.StoredNotStarted(("tenant", "orders.csv"), 3, "Not started: too many keys have failed."),
        form=layout.NOT_STARTED,
        **_packed(layout.StoredNotStarted),
    ),
    "skip": Kind(
        layout.StoredSkip(("tenant", "orders.csv"), 3, 2, 12.5),
        form=layout.SKIP,
        **_packed(layout.StoredSkip),
    ),
    "entries": Kind(
        layout.StoredEntries(
            (
                layout.StoredEntry(("tenant", "orders.csv"), (3, None), 1, BYTES),
                layout.StoredEntry(("tenant", "b"), (4,)),
            ),
            2,
        ),
        form=layout.ENTRIES,
        records=((), ("entries", "*"), ("entries", "*", "metadata", "*")),
        **_packed(layout.StoredEntries),
    ),
    "blocks": Kind(
        layout.StoredBlocks(
            (layout.StoredBlock(("tenant",), ((0, 2), (5, 6))), layout.StoredBlock(("other",), ())), 6
        ),
        form=layout.BLOCKS,
        records=((), ("blocks", "*")),
        **_packed(layout.StoredBlocks),
    ),
    "values": Kind(
        layout.StoredValues(["a", None], ("tenant",), 3), form=layout.VALUES, **_packed(layout.StoredValues)
    ),
    "produced_keys": Kind(
        {"orders.csv": layout.ProducedKey(BYTES), "b": layout.ProducedKey({})},
        lambda found: layout.pack_produced_keys({key: each.metadata for key, each in found.items()}),
        layout.unpack_produced_keys,
        records=(("*",), ("*", "metadata", "*")),
        code=("execution.layout.pack_produced_keys", "execution.layout.unpack_produced_keys"),
    ),
    "marked": Kind(
        frozenset({("tenant",), ("other",)}),
        lambda paths: layout.pack_marked(sorted(paths)),
        layout.unpack_marked,
        form=layout.MARKED,
        code=("execution.layout.pack_marked", "execution.layout.unpack_marked"),
    ),
    "digest": Kind(
        [("a",), ("outer", "inner")],
        layout.pack_digest,
        _read_digest,
        form=layout.DIGEST,
        code=("execution.layout.pack_digest", "execution.layout.unpack_length"),
    ),
    "keys": Kind(
        [("a",), ("outer", "inner")],
        lambda paths: [path[0] if len(path) == 1 else list(path) for path in paths],
        layout.unpack_keys,
        records=(),
        code=("execution.layout.unpack_keys",),
    ),
    "failure": Kind(
        StoredFailure(KeyFailure("ValueError", "bad", "Traceback: ..."), 2),
        form=FAILURE,
        write=StoredFailure.pack,
        read=StoredFailure.unpack,
        code=(
            *("execution.failures.StoredFailure.pack", "execution.failures.StoredFailure.unpack"),
            *("execution.failures.KeyFailure.pack", "execution.failures.KeyFailure.unpack"),
        ),
    ),
    "constant": Kind(
        b"\0a",
        lambda value: constants.pack_constant(value, lambda part: part),
        lambda stored: constants.resolve_constant(stored, lambda part: part),
        code=("workflows.plan.constants.pack_constant",),
    ),
    "batches": Kind(
        StoredBatches((Range(0, 3), Range(3, 4)), 2),
        form=batch_records.BATCHES,
        **_packed(StoredBatches),
    ),
    "batches_of_positions": Kind(
        StoredPlaces(4, (998, 1001)), form=batch_records.PLACES, **_packed(StoredPlaces)
    ),
    "keys_of_producing_batch": Kind(
        StoredChunk(
            (
                KeyRecord(
                    ("orders.csv",),
                    3,
                    "success",
                    started=1704067200500,
                    items={
                        "rows": (
                            BatchItem("1", metadata_to_json(BYTES), 0),
                            BatchItem("2", page=0),
                            BatchItem("3", page=1),
                        ),
                        "none": (),
                    },
                ),
                KeyRecord(("c",), 0, "failed", failure=KeyFailure("ValueError", "bad")),
            ),
            attempt=1,
        ),
        form=batch_records.CHUNK,
        records=((), ("items", "*", "*")),
        **_packed(StoredChunk),
    ),
    "items_of_batch": Kind(
        StoredBatchItems(
            (
                Block("rows", ("orders.csv",), 1704067200500, ["1", "2"], [{"cells": [1, None]}, None]),
                Block("rows", ("tenant", "b"), None, ["1"], ["x"]),
            )
        ),
        form=batch_items.ITEMS,
        records=((), ("blocks", "*")),
        **_packed(StoredBatchItems),
    ),
    "failures_of_batch": Kind(StoredFailures(3, 2), form=FAILURES, **_packed(StoredFailures)),
    "keys_of_batch": Kind(
        StoredChunk(
            (
                KeyRecord(
                    ("orders.csv",),
                    3,
                    "success",
                    {"result": {"rows": [1, None]}},
                    {"outputs": {"result": metadata_to_json(BYTES)}},
                    started=1704067200500,
                    milliseconds=12.5,
                ),
                KeyRecord(
                    ("tenant", "b"),
                    1,
                    "failed",
                    failure=KeyFailure("ValueError", "bad", "Traceback: ..."),
                    is_final=False,
                    tries=2,
                    started=1704067200000,
                    milliseconds=0.25,
                ),
                KeyRecord(("c",), 0, "upstream_failed", reason="'load' is failed for this key", tries=0),
            ),
            attempt=2,
            is_last=True,
        ),
        form=batch_records.CHUNK,
        records=((), ("failures", "*")),
        write=StoredChunk.pack,
        read=StoredChunk.unpack,
        code=tuple(
            f"execution.batch_records.stored.{each}"
            for each in ("StoredChunk.pack", "StoredChunk.unpack", "unpack_states")
        ),
    ),
    "kept_of_batch": Kind(
        StoredKept(
            StoredChunk(
                (
                    KeyRecord(("orders.csv",), 3, "success", {"result": 1}),
                    KeyRecord(("c",), 4, "failed", is_final=False, tries=2),
                ),
                attempt=1,
                is_last=True,
            ),
            Try("0198f2a0-0000-7000-8000-000000000000", 3, 4),
        ),
        form=batch_records.CHUNK,
        records=((), ("clear",)),
        **_packed(StoredKept),
    ),
    "plan": Kind(
        PLAN,
        plans.pack_plan,
        plans.unpack_plan,
        form=plans.PLAN,
        records=((), ("nodes", "*"), ("calls", "*"), ("nodes", 1, "window")),
        code=(
            "workflows.plan.plan.pack_plan",
            "workflows.plan.plan.unpack_plan",
            "workflows.plan.plan.pack_node",
            "workflows.plan.plan.unpack_node",
            "workflows.plan.templates.pack",
            "workflows.plan.objects.pack_object",
            "workflows.recording.calls.pack_arguments",
            "workflows.planning.maps.pack_native",
        ),
    ),
    "nodes": Kind(
        NodePage([ListedNode(PLAN.nodes[1], PLAN_ADDRESS, {"first": ("score", 4)}), None], 1704067200.5),
        lambda page: stored.pack_nodes(page.nodes, page.planned_at),
        stored.unpack_nodes,
        form=stored.NODES,
        records=((), ("plans", "*"), ("nodes", 0), ("nodes", 0, 1), ("nodes", 0, 2, "*")),
        code=("workflows.progress.stored.pack_nodes", "workflows.progress.stored.unpack_nodes"),
    ),
    "roots": Kind(
        StoredRoots([Root((), -1, "0123456789abcdef"), Root(("tenant",), 3, "fedcba9876543210")]),
        form=stored.ROOTS,
        records=((), ("roots", "*")),
        **_packed(StoredRoots),
    ),
    "list_mark": Kind(
        "0123456789abcdef",
        stored.pack_list_mark,
        stored.unpack_list_mark,
        form=stored.LIST_MARK,
        code=("workflows.progress.stored.pack_list_mark", "workflows.progress.stored.unpack_list_mark"),
    ),
    "slots": Kind(
        [Slot("first"), Slot("first", ("tenant",), 3, "0123456789abcdef"), Slot(stored.RESERVED), Slot(None)],
        lambda slots: [slot.pack() for slot in slots],
        stored.unpack_slots,
        records=((1,),),
        code=(
            "workflows.progress.stored.Slot.pack",
            "workflows.progress.stored.Slot.unpack",
            "workflows.progress.stored.unpack_slots",
        ),
    ),
    # Of a later release than the others, which reads what they have stored.
    "slots_that_ask": Kind(
        [Slot("first"), Slot(stored.RESERVED, asks=True), Slot(stored.RESERVED)],
        lambda slots: [slot.pack() for slot in slots],
        stored.unpack_slots,
        records=((1,),),
        code=("workflows.progress.stored.Slot.pack", "workflows.progress.stored.Slot.unpack"),
    ),
    "node": Kind(
        StoredNode("first", ("tenant",), 3, "0123456789abcdef", "fedcba9876543210", {"a": "b"}, [1]),
        form=stored.NODE,
        **_packed(StoredNode),
    ),
    "blocked": Kind(
        ("first", "'other' failed"),
        lambda blocked: stored.pack_blocked(*blocked),
        stored.unpack_blocked,
        code=("workflows.progress.stored.pack_blocked", "workflows.progress.stored.unpack_blocked"),
    ),
    "spec": Kind(SPEC, records=_OF_SPEC, **_packed(WorkflowSpec)),
    "trigger": Kind(
        (SPEC, "score__after", 10.0),
        _write_trigger,
        _read_trigger,
        records=((), *(("spec", *each) for each in _OF_SPEC)),
    ),
    "document_of_producer": _task(
        TaskDocument(
            declared_outputs(
                {"total": Out(int, description="How many"), "files": DynamicOut(is_required=False)}
            )
        ),
        ("outputs", "*"),
    ),
    "document_of_clone": _task(
        TaskDocument(clone_of=ROWS, same_key=("a", "b"), needs_success=False),
        ("clone_of",),
        ("clone_of", "outer"),
        ("clone_of", "enclosing"),
    ),
    "document_of_helper": _task(
        TaskDocument(lists=PAIRS, is_helper=True), ("lists",), ("lists", "left"), ("lists", "right")
    ),
    "document_of_batched": _task(
        TaskDocument(clone_of=ROWS, batches=BatchesOfTask("rows__batches", "work__gate")),
        ("clone_of",),
        ("clone_of", "outer"),
        ("clone_of", "enclosing"),
        ("batches",),
    ),
    "document_of_result": Kind(
        SPEC,
        lambda spec: json.loads(spec.document()),
        _read_spec,
        records=((), *(("dynamic_workflow", *each) for each in _OF_SPEC)),
    ),
}


def comparable(value: Any) -> Any:
    """Return the fields of a key space for comparison, because key spaces compare by identity."""
    return as_dict(value) if isinstance(value, TaskDocument) else value


def file_of(name: str, version: int) -> Path:
    """Return the path of an example."""
    return FOLDER / str(version) / f"{name}.json"


def example(name: str, version: int) -> Any:
    """Return a document as it was stored."""
    return json.loads(file_of(name, version).read_text())


def fingerprints(plan: Plan) -> dict[str, str]:
    """Return the identity of a plan and of each of its nodes."""
    return {"plan": plan.fingerprint, **{node.name: node.fingerprint for node in plan.nodes}}


def write_missing() -> None:
    """Write the missing examples of the current versions."""
    for name, kind in KINDS.items():
        _write(file_of(name, kind.versions[-1]), kind.write(kind.sample))
    _write(file_of("fingerprints", 1), fingerprints(PLAN))


def _write(file: Path, document: Any) -> None:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    # The plan stores the class with the name of its module.
    from tests.pure import stored_documents

    stored_documents.write_missing()
