"""``ContainerTask``: a container that gets its inputs, and leaves its outputs in files.

It runs by Airflow's operators for Docker or Kubernetes. The container may be on another machine, so that no
disk is shared: a few lines of shell before and after the command carry inputs and outputs, as base64.
"""

from __future__ import annotations

import base64
import enum
import json
import os
import posixpath
import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.containers import docker_operator, pod_operator
from airflow_dynamic_provider.airflow_adapter.running import current_context, inside_another
from airflow_dynamic_provider.dags_from.flyte import pods
from airflow_dynamic_provider.dags_from.flyte.contexts import in_working_directory
from airflow_dynamic_provider.dags_from.flyte.files import FlyteDirectory, FlyteFile
from airflow_dynamic_provider.dags_from.flyte.instances import PythonInstanceTask
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# {{.inputs.name}}, and other templates of Flyte.
_TEMPLATE = re.compile(r"\{\{\s*\.(inputs\.)?([^}]*?)\s*\}\}")

# The largest input in a file. Linux takes at most 128 KiB in one argument of a command.
_MOST_BYTES = 64 * 1024

# Where the sidecar of Airflow's pods reads the result.
_RESULT_OF_POD = "/airflow/xcom/return.json"


class ContainerTask(PythonInstanceTask):
    """A task that runs a command in a container.

    Args:
        name: The name of the task.
        image: The image.
        command: The command. ``{{.inputs.name}}`` in it stands for an input.
        inputs: Input -> type.
        metadata: The settings of the task in one object.
        arguments: The arguments of the command, with inputs as in the command.
        outputs: Output -> type. The command writes each into a file of this name in ``output_data_dir``.
        requests: The requests of the pod.
        limits: The limits of the pod.
        input_data_dir: The directory in the container that has a file for each input.
        output_data_dir: The directory in the container for the outputs.
        environment: The environment variables of the container.
        pod_template: The pod.
        settings: ``resources``, ``secret_requests``, ``docs`` and other arguments of ``@task``;
            ``metadata_format``, ``io_strategy`` and ``local_logs`` have no effect.

    Raises:
        WorkflowError: The command names something that is no input, or there are outputs without a directory.
    """

    class MetadataFormat(enum.Enum):
        """The form of Flyte's description of the inputs. It has no effect."""

        JSON, YAML, PROTO = range(3)

    class IOStrategy(enum.Enum):
        """When Flyte copies files. It has no effect."""

        DOWNLOAD_EAGER, DOWNLOAD_STREAM, DO_NOT_DOWNLOAD, UPLOAD_EAGER, UPLOAD_ON_EXIT, DO_NOT_UPLOAD = range(
            6
        )

    def __init__(
        self,
        name: str,
        image: Any,
        command: Sequence[str],
        inputs: Mapping[str, Any] | None = None,
        metadata: Any = None,
        arguments: Sequence[str] | None = None,
        outputs: Mapping[str, Any] | None = None,
        requests: Any = None,
        limits: Any = None,
        input_data_dir: str | None = None,
        output_data_dir: str | None = None,
        environment: Mapping[str, str] | None = None,
        pod_template: Any = None,
        **settings: Any,
    ) -> None:
        for each in ("metadata_format", "io_strategy", "local_logs"):
            settings.pop(each, None)
        self.image = str(image)
        self._command = [*command, *(arguments or ())]
        self._folders = input_data_dir, output_data_dir
        self._outputs = dict(outputs or {})
        self._environment = dict(environment or {})
        of_pod = {"requests": requests, "limits": limits, "resources": settings.pop("resources", None)}
        self._of_pod = {
            each: value
            for each, value in {**of_pod, "pod_template": pod_template}.items()
            if value is not None
        }
        self._check(name, inputs or {})
        super().__init__(name, inputs=inputs, outputs=outputs, metadata=metadata, **settings)

    def _check(self, name: str, inputs: Mapping[str, Any]) -> None:
        for part in self._command:
            for found in _TEMPLATE.finditer(part):
                if not found[1] or found[2] not in inputs:
                    raise WorkflowError(
                        f"the command of the container {name!r} has {found[0]}, which is no input",
                        remedy=f"Its inputs are: {', '.join(inputs) or 'none'}. Outputs are files in "
                        "output_data_dir.",
                    )
                if is_class(kind := inputs[found[2]]) and issubclass(kind, FlyteFile):
                    raise WorkflowError(
                        f"the command of the container {name!r} has {found[0]}, which is a file",
                        remedy=f"Pass input_data_dir=, and read the file {found[2]!r} in it.",
                    )
        if self._outputs and self._folders[1] is None:
            raise WorkflowError(
                f"the container {name!r} has outputs, but no directory for them",
                remedy="Pass output_data_dir=, a directory in the container.",
            )

    def execute(self, **inputs: Any) -> Any:
        """Run the container, and return its outputs.

        Raises:
            WorkflowError: No provider of Airflow is installed that runs containers.
        """
        operator = self.operator(inputs)
        with inside_another(operator):
            try:
                found = operator.execute(current_context())
            except BaseException:
                # Airflow ends only the task that it knows. The container is of this one.
                operator.on_kill()
                raise
        return self._read(json.loads(found) if isinstance(found, str) else found)

    def operator(self, inputs: Mapping[str, Any]) -> Any:
        """Return the operator of Airflow that runs the container: of Kubernetes in a cluster, else of Docker.

        Raises:
            WorkflowError: Neither provider is installed.
        """
        docker, pod = docker_operator(), pod_operator()
        name = self.interface.name
        if pod is not None and (docker is None or "KUBERNETES_SERVICE_HOST" in os.environ):
            command = self._whole_command(inputs, f"> {_RESULT_OF_POD}")
            return pod(
                task_id=name,
                name=name.replace("_", "-"),
                image=self.image,
                cmds=command[:1],
                arguments=command[1:],
                env_vars=self._environment,
                full_pod_spec=pods.pod_override(name, self._of_pod),
                do_xcom_push=bool(self._outputs),
            )
        if docker is not None:
            return docker(
                task_id=name,
                image=self.image,
                command=self._whole_command(inputs, ""),
                environment=self._environment,
                auto_remove="force",
                mount_tmp_dir=False,
            )
        raise WorkflowError(
            f"the container {name!r} needs a provider of Airflow that runs containers",
            remedy="Install 'airflow-dynamic-provider[docker]' or 'airflow-dynamic-provider[kubernetes]'.",
        )

    def _whole_command(self, inputs: Mapping[str, Any], target: str) -> list[str]:
        """Return the command of the container, with what carries inputs and outputs around it."""
        command = [_TEMPLATE.sub(lambda found: str(inputs[found[2]]), part) for part in self._command]
        given, left = self._folders
        before = _writing(inputs, given) if given else []
        after = _reading(self._outputs, left, target) if left and self._outputs else []
        if not before and not after:
            return command
        making = [f"mkdir -p {shlex.quote(left)}"] if after and left else []
        script = "\n".join(["set -e", *before, *making, '"$@"', *after])
        return ["sh", "-c", script, "sh", *command]

    def _read(self, found: Any) -> Any:
        if not self._outputs:
            return None
        values = [_value(name, hint, base64.b64decode(found[name])) for name, hint in self._outputs.items()]
        return values[0] if len(values) == 1 else tuple(values)


def _writing(inputs: Mapping[str, Any], folder: str) -> list[str]:
    """Return the lines of shell that write inputs into files."""
    lines = [f"mkdir -p {shlex.quote(folder)}"]
    for name, value in inputs.items():
        if isinstance(value, FlyteDirectory):
            raise WorkflowError(
                f"the container is given the directory {name!r}",
                remedy="Pass its files, each as a FlyteFile.",
            )
        content = Path(value).read_bytes() if isinstance(value, FlyteFile) else str(value).encode()
        if len(content) > _MOST_BYTES:
            raise WorkflowError(
                f"the input {name!r} of a container has {len(content)} bytes, and at most {_MOST_BYTES} fit",
                remedy="Pass the URL of the file as a str, and read it in the container.",
            )
        path = shlex.quote(posixpath.join(folder, name))
        lines.append(f"printf %s {base64.b64encode(content).decode()} | base64 -d > {path}")
    return lines


def _reading(outputs: Mapping[str, Any], folder: str, target: str) -> list[str]:
    """Return the lines of shell that write all outputs as one line of JSON."""
    parts = []
    for number, name in enumerate(outputs):
        path = shlex.quote(posixpath.join(folder, name))
        key = shlex.quote(f'{", " if number else ""}{json.dumps(name)}: "')
        parts += [f"printf %s {key}", f"base64 < {path} | tr -d '\\n'", "printf '\"'"]
    return ["{", "printf '\\n{'", *parts, "printf '}\\n'", f"}} {target}".rstrip()]


def _value(name: str, hint: Any, content: bytes) -> Any:
    """Return an output as its type, from the content of its file."""
    if is_class(hint) and issubclass(hint, FlyteFile):
        path = in_working_directory(name)
        path.write_bytes(content)
        return FlyteFile(path)
    text = content.decode()
    if hint is bool:
        return text.strip().lower() != "false"
    if hint is datetime:
        return datetime.fromisoformat(text.strip())
    if hint is timedelta:
        return _duration(text.strip())
    return text if hint is str else hint(text.strip())


def _duration(text: str) -> timedelta:
    """Return what Python writes for a timedelta, as in ``2 days, 1:00:00``."""
    days, _, clock = text.rpartition(",")
    hours, minutes, seconds = (float(each) for each in clock.split(":"))
    return timedelta(days=int(days.split()[0]) if days else 0, hours=hours, minutes=minutes, seconds=seconds)
