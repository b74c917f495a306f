"""Checks the operators of containers with Airflow's providers for Docker and Kubernetes.

It runs in the environment for development, with the packages of ``make test-flyte`` beside it.
"""

from __future__ import annotations

import sys
from unittest import mock

from airflow_dynamic_provider.airflow_adapter.running import as_current
from airflow_dynamic_provider.dags_from.flyte import ContainerTask, Resources, containers, kwtypes

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


if __name__ == "__main__":
    check_docker()
    check_pod()
    print("2 passed, 0 failed")  # noqa: T201
    sys.exit(0)
