"""A Dag for a real Airflow whose tasks and triggers try to write XComs of other task instances."""

from __future__ import annotations

from tests.foreign_writes import foreign_writes

foreign_writes()
