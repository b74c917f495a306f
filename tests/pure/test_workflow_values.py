"""The values of other nodes that a running node accepts, and those that it refuses."""

from __future__ import annotations

import pytest

from airflow_dynamic_provider.errors import StaleNodeError
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan.plan import PlannedNode
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.stored import ListedNode, PlanAddress, StoredNode
from airflow_dynamic_provider.workflows.tasks.values import Values

pytestmark = pytest.mark.pure

SPEC = WorkflowSpec("sums", "sums.plan", "sums.result", {"add": Lane("add", "sums.add", "sums.nodes.add")})
LISTED = ListedNode(
    PlannedNode("total", "add", {"left": {"$ref": "one"}, "right": 2}),
    PlanAddress("sums.plan", -1, "", (), "f"),
    {"one": ("add", 0)},
)


class OneNode:
    """Return a run in which one node has stored a result in the first slot."""

    def __init__(self, left):
        self.left = left

    def states(self, task_ids):
        return {}

    def pull(self, task_id, xcom_key, map_index):
        return None if self.left is None or map_index else self.left.pack()


def arguments(left, key_path=()):
    values = Values(WorkflowReader("dag", "run", SPEC, OneNode(left)), None, key_path)
    return values.arguments(LISTED), values.used


def test_the_value_of_the_node_with_its_stamp():
    left = StoredNode("one", (), 0, "f", "stamp", {}, 1)
    assert arguments(left) == ({"left": 1, "right": 2}, {"one": "stamp"})


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(None, id="nothing"),
        pytest.param(StoredNode("other", (), 0, "f", "stamp", {}, 1), id="another node"),
        pytest.param(StoredNode("one", ("key",), 0, "f", "stamp", {}, 1), id="another key"),
    ],
)
def test_nothing_else_is_taken_for_it(left):
    with pytest.raises(StaleNodeError) as caught:
        arguments(left)
    assert "its node 'one' cannot be used: it has left no value" in str(caught.value)
    assert "clear dag run --workflow sums --node one --yes" in str(caught.value)
