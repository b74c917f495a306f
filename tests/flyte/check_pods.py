"""Checks the pods of tasks with the package of Kubernetes, which the environment of ``make test-flyte`` has.

It needs no Airflow: pods are made of the settings of a program alone.
"""

from __future__ import annotations

import sys

from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from airflow_dynamic_provider.dags_from.flyte import ImageSpec, PodTemplate, Resources
from airflow_dynamic_provider.dags_from.flyte.extras.accelerators import T4
from airflow_dynamic_provider.dags_from.flyte.pods import pod_override


def pod_of(**given):
    """Return the pod of settings as JSON."""
    pod = pod_override("train", given)
    return None if pod is None else ApiClient().sanitize_for_serialization(pod)


def check():
    """Compare pods with what they must be."""
    assert pod_of(retries=2) is None
    container = {
        "name": "base",
        "image": "example.org/team/trainer",
        "resources": {
            "requests": {"cpu": "1", "memory": "1Gi"},
            "limits": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "1"},
        },
        "volumeMounts": [{"name": "shared-memory", "mountPath": "/dev/shm"}],
    }
    assert pod_of(
        container_image=ImageSpec(name="trainer", registry="example.org/team"),
        requests=Resources(cpu="1", mem="1Gi"),
        limits=Resources(cpu="2", mem="1Gi", gpu="1"),
        accelerator=T4,
        shared_memory="2Gi",
        labels={"team": "a"},
        annotations={"note": "b"},
    ) == {
        "metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}},
        "spec": {
            "containers": [container],
            "nodeSelector": {"k8s.amazonaws.com/accelerator": "nvidia-tesla-t4"},
            "volumes": [{"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}],
        },
    }
    both = pod_of(resources=Resources(cpu=("1", "2"), mem="1Gi"))["spec"]["containers"][0]["resources"]
    assert both == {
        "requests": {"cpu": "1", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "1Gi"},
    }
    spec = k8s.V1PodSpec(containers=[k8s.V1Container(name="side"), k8s.V1Container(name="primary")])
    template = PodTemplate(pod_spec=spec, labels={"a": "b"})
    made = pod_of(pod_template=template, container_image="image:1", labels={"c": "d"})
    assert made == {
        "metadata": {"labels": {"a": "b", "c": "d"}},
        "spec": {"containers": [{"name": "side"}, {"name": "base", "image": "image:1"}]},
    }
    # The program's own object is unchanged: other tasks may use it.
    assert [each.name for each in spec.containers] == ["side", "primary"]
    assert pod_of(pod_template=PodTemplate(labels={"a": "b"}))["spec"]["containers"] == [{"name": "base"}]


if __name__ == "__main__":
    check()
    print("1 passed, 0 failed")  # noqa: T201
    sys.exit(0)
