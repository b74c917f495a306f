"""What a forked task process imports in a Celery worker that has preloaded what tasks need."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from tests.celery.conftest import DAGS
from tests.celery.deployment import Deployment
from tests.live.conftest import PROBE, PROBED
from tests.live.rest_client import RestClient

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DAG_ID = "two_stages"

#: Has each forked process remember what it had then. A Celery worker loads no plugins, so the probe is loaded
#: only in the task's process, which is too late for that.
REMEMBER = """
import os
import sys
from collections import Counter

__all__ = []


def _remember():
    sys.modules_at_fork = set(sys.modules)
    sys.calls_since_fork = Counter()


os.register_at_fork(after_in_child=_remember)
"""


def test_a_task_process_of_a_worker_imports_nothing_of_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment of its own, because the others kill workers, and have no plugin that writes."""
    written = tmp_path / PROBED
    monkeypatch.setenv("PROBE_FILE", str(written))
    dags = tmp_path / "dags"
    shutil.copytree(DAGS, dags)
    deployment = Deployment(tmp_path / "airflow", dags)
    deployment.folder.mkdir()
    for worker in ("worker-1", "worker-2"):
        shutil.copytree(PROBE.parent, deployment.home(worker) / "plugins")
        settings = deployment.home(worker) / "config" / "airflow_local_settings.py"
        settings.parent.mkdir()
        settings.write_text(REMEMBER)
    with deployment.running():
        client = RestClient(deployment.url)
        client.wait_for_dag(DAG_ID)
        run_id = client.trigger(DAG_ID)
        assert client.wait(DAG_ID, run_id) == "success"
        client.close()
    tasks = [json.loads(line) for line in written.read_text().splitlines()]
    assert {"numbers", "double", "keep"} <= {task["task_id"].rpartition(".")[2] for task in tasks}
    imported = {
        (task["task_id"], module)
        for task in tasks
        for module in task["modules"]
        if module.startswith("airflow_dynamic_provider")
    }
    assert imported == set()
