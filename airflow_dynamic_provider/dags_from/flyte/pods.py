"""Makes the pod of a task from the settings of a program, for Airflow's KubernetesExecutor.

It needs the package of Kubernetes, which comes with Airflow's provider for it. Without the package, no
executor could use a pod, and none is made.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.resources import Pod, PodTemplate
from airflow_dynamic_provider.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The container in which Airflow runs a task.
_BASE = "base"

_OF_POD = (
    *("container_image", "requests", "limits", "resources", "accelerator", "shared_memory"),
    *("labels", "annotations", "pod_template"),
)


def pod_override(name: str, given: Mapping[str, Any]) -> Any:
    """Return the pod of a task, ``None`` if the program asks for none or Kubernetes is not installed.

    Raises:
        WorkflowError: Two arguments contradict each other.
    """
    if "resources" in given and ("requests" in given or "limits" in given):
        raise WorkflowError(
            f"{name!r} is given resources= together with requests= or limits=",
            remedy="Use resources= alone, or requests= and limits=.",
        )
    template = given.get("pod_template")
    if isinstance(given.get("task_config"), Pod):
        template = given["task_config"]
    if template is None and not any(each in given for each in _OF_POD):
        return None
    if importlib.util.find_spec("kubernetes") is None:
        return None
    return _pod(given, template)


def _pod(given: Mapping[str, Any], template: Pod | PodTemplate | None) -> Any:
    from kubernetes.client import models as k8s

    spec = _spec_of(template) or k8s.V1PodSpec(containers=[k8s.V1Container(name=_BASE)])
    container = next(each for each in spec.containers if each.name == _BASE)
    if "container_image" in given:
        container.image = str(given["container_image"])
    requests, limits = _quantities(given)
    if requests or limits:
        container.resources = k8s.V1ResourceRequirements(requests=requests or None, limits=limits or None)
    if (accelerator := given.get("accelerator")) is not None:
        spec.node_selector = {**(spec.node_selector or {}), **accelerator.node_selector()}
    if (memory := given.get("shared_memory")) is not None:
        _add_shared_memory(spec, container, memory)
    labels = {**(getattr(template, "labels", None) or {}), **given.get("labels", {})}
    annotations = {**(getattr(template, "annotations", None) or {}), **given.get("annotations", {})}
    metadata = k8s.V1ObjectMeta(labels=labels or None, annotations=annotations or None)
    return k8s.V1Pod(metadata=metadata, spec=spec)


def _spec_of(template: Pod | PodTemplate | None) -> Any:
    """Return a copy of the pod of a template, with its primary container named as Airflow's."""
    import copy

    spec = copy.deepcopy(getattr(template, "pod_spec", None))
    for container in getattr(spec, "containers", None) or ():
        if container.name == template.primary_container_name:  # type: ignore[union-attr]
            container.name = _BASE
    return spec


def _quantities(given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    requests, limits = {}, {}
    if (both := given.get("resources")) is not None:
        for name, value in both.quantities().items():
            # A pair is a request and a limit.
            pair = getattr(both, {"memory": "mem", "nvidia.com/gpu": "gpu"}.get(name, name.replace("-", "_")))
            requests[name], limits[name] = (
                (str(pair[0]), str(pair[1])) if isinstance(pair, list | tuple) else (value, value)
            )
    if "requests" in given:
        requests = given["requests"].quantities()
    if "limits" in given:
        limits = given["limits"].quantities()
    return requests, limits


def _add_shared_memory(spec: Any, container: Any, memory: Any) -> None:
    from kubernetes.client import models as k8s

    size = None if memory is True else str(memory)
    source = k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit=size)
    spec.volumes = [*(spec.volumes or ()), k8s.V1Volume(name="shared-memory", empty_dir=source)]
    mount = k8s.V1VolumeMount(name="shared-memory", mount_path="/dev/shm")
    container.volume_mounts = [*(container.volume_mounts or ()), mount]
