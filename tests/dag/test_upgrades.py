"""A release is installed in the middle of a run: what the one before or after it has stored is read."""

from __future__ import annotations

import json

import pytest

from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.workflows.progress import stored
from tests.dag.half_runs import EXPECTED, FILE, FILES, read_xcoms, replace_xcoms, run_first_half
from tests.workflow_runs import quickly


def as_it_was(value):
    return value


def as_a_later_release_stores_it(value):
    """Every document of the package with a field more, in a version that this release may read."""
    if not isinstance(value, dict) or "version" not in value:
        return value
    metadata = {"of a later kind": {"type": "later kind", "value": {"x": 1}}}
    more = {"inherited": metadata} if "key_path" in value and "value" not in value else {}
    return {**value, **more, "later": {"x": [1]}, "version": 2, "readable_by": 1}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"form-{file.parent.name}")
@pytest.mark.parametrize("form", [as_it_was, as_a_later_release_stores_it])
def test_a_run_whose_first_half_another_release_has_stored_is_finished(form, file):
    first_half = [
        [task_id, map_index, key, form(value)]
        for task_id, map_index, key, value in json.loads(file.read_text())
    ]
    with quickly():
        run = run_first_half()
        if file == FILE:
            # A form that has changed gets the next number, and a file of its own.
            assert [each[:3] for each in read_xcoms(run)] == [each[:3] for each in first_half]
        replace_xcoms(run, first_half)
        run.run()
    assert run.state == "success", run.errors
    assert run.xcom("report") == EXPECTED


def test_the_first_half_that_is_stored_holds_every_kind_of_xcom():
    """But for those of a run whose keys were made more than once, and of nodes that are not run."""
    keys = {key for _, _, key, _ in json.loads(FILE.read_text())}
    for wanted in (
        layout.RETURN_VALUE,
        layout.METADATA_XCOM,
        layout.items_xcom("result", 0),
        layout.result_xcom("result"),
        layout.entries_xcom(0),
        stored.PLAN_XCOM,
        stored.NODE_XCOM,
        stored.nodes_xcom(0),
    ):
        assert wanted in keys, f"there is no {wanted!r} among {sorted(keys)}"
