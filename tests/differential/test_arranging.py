"""The arrangement of a Dag does not depend on how often, or when, it was arranged before."""

from __future__ import annotations

from unittest import mock

import pytest
from airflow.sdk import DAG

from airflow_dynamic_provider.authoring import mapping
from airflow_dynamic_provider.authoring.arranging.segments import arrange
from airflow_dynamic_provider.authoring.dag_graphs import ensure_graph_of
from tests.differential.build import write
from tests.differential.generate import generate

#: Some of these have segments that move while the Dag is written, and gates that are removed.
SEEDS = (*range(20), 38, 102, 136, 188, 266)
SIZE = 25


def arranged(dag):
    """Return task -> its mapped group, its upstream tasks, and the tasks that it checks if it is a gate."""
    return {
        each.task_id: (
            [group.group_id for group in each.iter_mapped_task_groups()],
            each.upstream_task_ids,
            each.trigger_rule,
            [(sorted(check.task_ids), getattr(check, "via", None)) for check in getattr(each, "checks", ())],
        )
        for each in dag.tasks
    }


def groups(dag):
    return set(dag.task_group.get_task_group_dict())


@pytest.mark.parametrize("seed", SEEDS)
def test_only_the_last_arrangement_counts(seed):
    program = generate(seed, size=SIZE).program
    with DAG("often", schedule=None) as often:
        write(program)
    # Collectors of batches may come after the last map.
    often.validate()
    with DAG("once", schedule=None) as once, mock.patch.object(mapping, "arrange"):
        write(program)
    arrange(ensure_graph_of(once))
    once.validate()
    assert arranged(once) == arranged(often)
    assert groups(once) == groups(often)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_second_arrangement_changes_nothing(seed):
    with DAG("again", schedule=None) as dag:
        write(generate(seed, size=SIZE).program)
    dag.validate()
    before, before_groups = arranged(dag), groups(dag)
    arrange(ensure_graph_of(dag))
    assert (arranged(dag), groups(dag)) == (before, before_groups)
