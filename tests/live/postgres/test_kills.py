"""Processes that are killed at random times lose no key, duplicate none, and leave nothing behind."""

from __future__ import annotations

import random
import runpy
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredMetadata
from tests.live.postgres.conftest import POSTGRES_DAGS

if TYPE_CHECKING:
    from tests.live.rest_client import RestClient

DAG_ID = "kills"
DAG = runpy.run_path(str(POSTGRES_DAGS / "kills.py"))

#: Each gives a separate run.
SEEDS = range(3)

Kills = dict[str, tuple[str, int]]

IN_PRODUCER = [
    *(("yield", number) for number in range(len(DAG["KEYS"]))),
    *(("SetXCom", number) for number in range(len(DAG["KEYS"]) + 1)),
    ("SucceedTask", 0),
]
IN_CLONE = [("begin", 0), *(("SetXCom", number) for number in range(3)), ("SucceedTask", 0)]
IN_COLLECTOR = [("begin", 0), ("SetXCom", 0), ("SucceedTask", 0)]


def test_the_result_is_the_same_whoever_is_killed_when(postgres: RestClient) -> None:
    """Processes die in the producer, in clones of both tasks, and in the collector, in all runs at once."""
    kills = {}
    for seed in SEEDS:
        chosen = _choose(random.Random(seed), with_producer=seed % 3 != 2)
        kills[postgres.trigger(DAG_ID, {"kills": chosen})] = chosen
    for run_id, chosen in kills.items():
        assert postgres.wait(DAG_ID, run_id) == "success", (chosen, postgres.task_instances(DAG_ID, run_id))
        _check(postgres, run_id, chosen)


def _choose(chance: random.Random, *, with_producer: bool) -> Kills:
    kills = {"produce": chance.choice(IN_PRODUCER)} if with_producer else {}
    for task_id in ("first", "second"):
        for key in chance.sample(_keys(kills), 2):
            kills[f"{task_id}/{key}"] = chance.choice(IN_CLONE)
    return {**kills, "keep": chance.choice(IN_COLLECTOR)}


def _keys(kills: Kills) -> list[str]:
    return list(DAG["KEYS_OF_RETRY" if "produce" in kills else "KEYS"])


def _check(postgres: RestClient, run_id: str, kills: Kills) -> None:
    keys = _keys(kills)
    results = [f"second first <{key}>" for key in keys]
    assert postgres.xcom(DAG_ID, run_id, "keep") == [keys, results, results], kills
    tries: dict[str, list[Any]] = {}
    for ti in postgres.task_instances(DAG_ID, run_id):
        tries.setdefault(ti.task_id, []).append((ti.label, ti.state, ti.try_number))
    for task_id in ("first", "second"):
        killed = [f"{task_id}/{key}" in kills for key in keys]
        expected = [(key, "success", 1 + was) for key, was in zip(keys, killed, strict=True)]
        assert tries[task_id] == expected, kills
        for index, was in enumerate(killed):
            stored = postgres.xcom(DAG_ID, run_id, task_id, key=METADATA_XCOM, map_index=index)
            metadata = StoredMetadata.unpack(stored)
            assert list(metadata.outputs["result"]) == [f"try {1 + was}"], kills
            assert metadata.inherited["try"].value == 1 + ("produce" in kills)
    assert [ti[2] for ti in tries["keep"]] == [2]
