"""How the routes answer with what was read: field by field, by name."""

from __future__ import annotations

from dataclasses import dataclass, make_dataclass

import pytest
from pydantic import ValidationError, create_model

from airflow_dynamic_provider.database.cells import Cell
from airflow_dynamic_provider.database.instances import Instance
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.presenting import present, present_cell


@dataclass
class Source:
    label: str
    task_id: str = "second"


def test_facts_go_before_sources_and_sources_in_their_order():
    column = present(models.Column, Source("of the first"), Source("of the second", "no"), task_id="fact")
    assert column == models.Column(task_id="fact", label="of the first")


def test_a_field_that_is_nowhere_is_an_error():
    with pytest.raises(ValidationError, match="label"):
        present(models.Column, object(), task_id="a")


def test_a_column_of_task_instances_is_shown_once_it_is_read_and_named(monkeypatch):
    """Nothing else than the two classes has to know of it."""
    read = make_dataclass("Read", [("pool", str, "default_pool")], bases=(Instance,), frozen=True)
    monkeypatch.setattr(models, "Cell", create_model("Cell", __base__=models.Cell, pool=(str, ...)))
    assert present_cell(Cell(read("a", 0))).model_dump()["pool"] == "default_pool"


def test_the_state_of_a_cell_is_that_of_its_key():
    cell = present_cell(Cell(Instance("a", 0, state="success"), is_stale=True))
    assert (cell.state, cell.is_stale) == (None, True)
