"""What a clear of single keys keeps of a batch, for the tries of its task instance that follow.

Airflow deletes the XComs of a task instance when it starts again. So the clear copies what became of the keys
that do not run again into XComs of the task that divides the keys, which does not run again:

========================================  ===============================================================
XCom of the task that divides the keys
========================================  ===============================================================
``dynamic_batches.kept.<batch>.<chunk>``  of a batch of a task: some of its keys, as in a chunk of the batch,
``.<task>``                               and the clear. Keys that run again have only their number of tries
========================================  ===============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.execution.batch_records.stored import CHUNK, StoredChunk
from airflow_dynamic_provider.execution.forms import integer, reading

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord


def kept_xcom(task_id: str, number: int, chunk: int) -> str:
    """Return the XCom key of some of what a clear keeps of a batch."""
    return f"dynamic_batches.kept.{number}.{chunk}.{task_id}"


class Try(Record):
    """A try of a task instance.

    Attributes:
        ti_id: The id of the task instance. Airflow changes it with each clear and each retry.
        number: The number of the try.
        max_tries: The maximum number of tries. A clear raises it, unless the task instance runs.
    """

    ti_id: str
    number: int
    max_tries: int

    def follows(self, clear: Try) -> bool:
        """Return whether no other clear came between a clear and this try.

        Args:
            clear: The task instance after the clear, with the number of its next try.
        """
        is_retry = self.max_tries == clear.max_tries and self.number > clear.number
        return self.ti_id == clear.ti_id or is_retry


class StoredKept(Record):
    """Some of what a clear keeps of a batch.

    Attributes:
        chunk: What became of keys. A retry runs those that are not final.
        clear: The task instance after the clear.
    """

    chunk: StoredChunk
    clear: Try

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        clear = {"id": self.clear.ti_id, "try": self.clear.number, "max_tries": self.clear.max_tries}
        return {**self.chunk.pack(), "clear": clear}

    @classmethod
    def unpack(cls, stored: Any) -> StoredKept:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = CHUNK.read(stored)
        with reading(CHUNK.noun, stored):
            clear = document["clear"]
            known = Try(str(clear["id"]), integer(clear["try"]), integer(clear["max_tries"]))
        return cls(StoredChunk.unpack(stored), known)


def in_chunks(records: list[tuple[KeyRecord, int]], limit: int) -> list[tuple[KeyRecord, ...]]:
    """Return records in parts that are not larger than a limit, unless a single record is. At least one part.

    Args:
        records: The records, each with its stored size in bytes.
        limit: The maximum size of a part, in bytes.
    """
    chunks: list[list[KeyRecord]] = [[]]
    total = 0
    for record, size in records:
        if chunks[-1] and total + size > limit:
            chunks.append([])
            total = 0
        chunks[-1].append(record)
        total += size
    return [tuple(chunk) for chunk in chunks]
