"""The operators of Airflow's providers that run containers, if the providers are installed."""

from __future__ import annotations

from typing import Any


def docker_operator() -> Any:
    """Return the class of operators that run a container of Docker, ``None`` without the provider."""
    try:
        from airflow.providers.docker.operators.docker import DockerOperator
    except ImportError:
        return None
    return DockerOperator


def pod_operator() -> Any:
    """Return the class of operators that run a pod of Kubernetes, ``None`` without the provider."""
    try:
        from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
    except ImportError:
        return None
    return KubernetesPodOperator
