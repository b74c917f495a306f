"""The commands against a real API server, from a process that has no access to the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.local_airflow import LocalAirflow
    from tests.live.rest_client import RestClient
    from tests.live.shared_runs import SharedRuns


def test_commands_work_with_a_token_and_without_the_database(
    airflow: LocalAirflow, client: RestClient, shared_runs: SharedRuns, tmp_path: Path
) -> None:
    run_id = shared_runs.ended("several_outputs")
    token = client.http.headers["Authorization"].removeprefix("Bearer ")
    (tmp_path / "live.json").write_text(json.dumps({"api_url": airflow.url}))
    known = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    environment = {
        **known,
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW_CLI_ENVIRONMENT": "live",
        "AIRFLOW_CLI_TOKEN": token,
    }

    def execute(*arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "airflow_dynamic_provider.cli", *arguments],
            env={**environment, **changed},
            capture_output=True,
            text=True,
            check=False,
        )

    listed = json.loads(execute("list", "several_outputs", "latest", "-o", "json").stdout)
    assert listed["run"] == {"dag_id": "several_outputs", "run_id": run_id, "state": "success"}
    of = next(each["of"] for each in listed["outputs"] if each["keys"])
    keys = json.loads(execute("keys", "several_outputs", run_id, "--of", of, "-o", "json").stdout)
    cleared = execute("clear", "several_outputs", run_id, "--of", of, "--key", keys[0]["key"], "--yes")
    assert cleared.stderr.startswith("Cleared "), cleared.stderr
    assert client.wait("several_outputs", run_id) == "success"
    exported = execute("export", "several_outputs", run_id, "-o", "csv").stdout
    assert exported.splitlines()[-1].startswith("# complete: ")
    refused = execute("list", "several_outputs", run_id, AIRFLOW_CLI_TOKEN=f"{token}x")
    assert refused.returncode == 1
    assert "does not accept the token from the environment variable AIRFLOW_CLI_TOKEN" in refused.stderr
    assert not (tmp_path / "airflow.cfg").exists()
