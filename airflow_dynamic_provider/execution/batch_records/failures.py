"""Defines how a batch tells the other batches of its map how many of its keys have failed.

========================================  ===============================================================
XCom of the task instance of a batch
========================================  ===============================================================
``dynamic_batches.failures``              how many of its keys have failed; only if there are any, and the map
                                          has ``max_failures``
========================================  ===============================================================
"""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.execution.batch_records.stored import REMEDY
from airflow_dynamic_provider.execution.forms import Form, integer, reading

#: The XCom key of the number of failed keys of a batch.
FAILURES_XCOM = "dynamic_batches.failures"

FAILURES = Form("the number of failed keys of a batch", frozenset({"map_index", "failures"}), REMEDY)


class StoredFailures(Record):
    """How many keys of a batch have failed, in its last or its running try."""

    map_index: int
    failures: int

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        return {**FAILURES.stamp, "map_index": self.map_index, "failures": self.failures}

    @classmethod
    def unpack(cls, stored: Any) -> StoredFailures:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = FAILURES.read(stored)
        with reading(FAILURES.noun, stored):
            return cls(integer(document["map_index"]), integer(document["failures"]))
