"""Checks the operators of containers with Airflow's providers for Docker and Kubernetes.

It runs in the environment for development, with the packages of ``make test-flyte`` beside it.
"""

from __future__ import annotations

import base64
import json
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.airflow_adapter.running import as_current
from airflow_dynamic_provider.dags_from.flyte import ContainerTask, Resources, containers, kwtypes
from airflow_dynamic_provider.local import run_local

AREA = ContainerTask(
    name="area-of",
    image="example.org/area:1",
    command=["area", "{{.inputs.width}}"],
    arguments=["--height={{.inputs.height}}"],
    inputs=kwtypes(width=float, height=int),
    outputs=kwtypes(area=float, text=str),
    output_data_dir="/var/outputs",
    environment={"MODE": "fast"},
    requests=Resources(cpu="1", mem="1Gi"),
)
GIVEN = {"width": 1.5, "height": 2}
# A container leaves base64.
RESULT = {"area": "My4wCg==", "text": "dGV4dA=="}


def check_docker():
    """Build the operator of Docker, and read what it returns."""
    operator = AREA.operator(GIVEN)
    assert type(operator).__name__ == "DockerOperator"
    assert (operator.image, operator.environment) == ("example.org/area:1", {"MODE": "fast"})
    assert operator.command[:2] == ["sh", "-c"]
    assert operator.command[-3:] == ["area", "1.5", "--height=2"]
    printed = '{"area": "My4wCg==", "text": "dGV4dA=="}'
    with mock.patch.object(type(operator), "execute", return_value=printed), as_current({}):
        assert AREA.execute(**GIVEN) == (3.0, "text")
    killed = []
    with (
        mock.patch.object(type(operator), "execute", side_effect=KeyboardInterrupt),
        mock.patch.object(type(operator), "on_kill", side_effect=lambda: killed.append(1)),
        as_current({}),
    ):
        try:
            AREA.execute(**GIVEN)
        except KeyboardInterrupt:
            killed.append(2)
    assert killed == [1, 2]


def check_pod():
    """Build the operator of Kubernetes, and the pod that it would run."""
    with mock.patch.object(containers, "docker_operator", return_value=None):
        operator = AREA.operator(GIVEN)
    assert type(operator).__name__ == "KubernetesPodOperator"
    assert operator.do_xcom_push
    # There is no cluster to ask.
    vars(operator)["hook"] = mock.Mock(is_in_cluster=False, get_namespace=lambda: "team")
    pod = operator.build_pod_request_obj()
    (base,) = [each for each in pod.spec.containers if each.name == "base"]
    assert base.image == "example.org/area:1"
    assert base.command == ["sh"]
    assert base.args[-3:] == ["area", "1.5", "--height=2"]
    assert "> /airflow/xcom/return.json" in base.args[1]
    assert {each.name: each.value for each in base.env} == {"MODE": "fast"}
    assert base.resources.requests == {"cpu": "1", "memory": "1Gi"}
    with mock.patch.object(containers, "docker_operator", return_value=None):
        plain = ContainerTask("plain", "busybox", ["echo", "{{.inputs.n}}"], kwtypes(n=int)).operator(
            {"n": 1}
        )
    assert (plain.cmds, plain.arguments, plain.do_xcom_push) == (["echo"], ["1"], False)


def in_container(operator: Any, context: Any) -> Any:
    """Run what the container of a decorated function runs: a script, with pickled arguments."""
    with tempfile.TemporaryDirectory() as folder:
        script, given, result = (Path(folder, name) for name in ("script.py", "script.in", "script.out"))
        of_pod = {each.name: each.value for each in getattr(operator, "env_vars", ())}
        variables = of_pod or operator.environment
        script.write_bytes(base64.b64decode(variables["__PYTHON_SCRIPT"]))
        given.write_bytes(base64.b64decode(variables["__PYTHON_INPUT"]))
        # As a container, it has no Airflow.
        subprocess.run([sys.executable, "-I", "-S", script, given, result], check=True)
        # A pod leaves JSON, and Docker's operator reads a pickle.
        return json.loads(result.read_text()) if of_pod else pickle.loads(result.read_bytes())


@task.dynamic(out=DynamicOut(str))
def names():
    """Give two keys."""
    for name in ("ann", "bob"):
        yield DynamicOutput(name, mapping_key=name)


def check_maps():
    """Map functions that run in containers: each gets its item and its key, and its result has its key."""

    def measured(name, greeting, mapping_key):
        return f"{greeting} {mapping_key}: {len(name)}"

    kinds = {
        "docker": task.docker(image="python", task_id="docker")(measured),
        "kubernetes": task.kubernetes(image="python", task_id="kubernetes", do_xcom_push=True)(measured),
    }
    expected = {"ann": "hello ann: 3", "bob": "hello bob: 3"}
    for kind, function in kinds.items():
        with DAG(kind, schedule=None) as made:
            names().map(lambda name, function=function: function(name, greeting="hello"))
        # A decorated operator is one for Python functions, and one that starts containers.
        operator = made.get_task(kind).operator_class.__mro__[2]
        with mock.patch.object(operator, "execute", in_container):
            assert run_local(made).task(kind).values == expected, kind


if __name__ == "__main__":
    check_docker()
    check_pod()
    check_maps()
    print("3 passed, 0 failed")  # noqa: T201
    sys.exit(0)
