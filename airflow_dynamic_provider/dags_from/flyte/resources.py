"""What a program asks of its deployment: resources, images, pods, secrets, documentation."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any


@dataclass
class Resources:
    """The resources of a task's pod."""

    # Evaluated when the Dag file is read, in the settings of one call of a task.
    _dynamic_workflow_constant = True

    cpu: Any = None
    mem: Any = None
    gpu: Any = None
    ephemeral_storage: Any = None

    def quantities(self) -> dict[str, str]:
        """Return Kubernetes' name -> quantity."""
        named = {
            "cpu": self.cpu,
            "memory": self.mem,
            "nvidia.com/gpu": self.gpu,
            "ephemeral-storage": self.ephemeral_storage,
        }
        return {name: str(value) for name, value in named.items() if value is not None}


class ImageSpec:
    """The description of an image. Nothing is built here; the name of the built image is used.

    Args:
        name: The name of the image.
        registry: The registry that it is in.
        tag: Its tag, if the program sets one.
        settings: The other settings, which only a build needs.
    """

    _dynamic_workflow_constant = True

    def __init__(
        self, name: str = "flytekit", registry: str | None = None, tag: str | None = None, **settings: Any
    ) -> None:
        self.name = name
        self.registry = registry
        self.tag = tag
        self.settings = settings

    def is_container(self) -> bool:
        """Whether the code runs in this image. It may guard imports with it, so it is always true."""
        return True

    def with_packages(self, packages: Any) -> ImageSpec:
        """Return the description with more packages."""
        return self._with(packages=[*self.settings.get("packages", ()), *_listed(packages)])

    def with_apt_packages(self, packages: Any) -> ImageSpec:
        """Return the description with more packages of Debian."""
        return self._with(apt_packages=[*self.settings.get("apt_packages", ()), *_listed(packages)])

    def with_commands(self, commands: Any) -> ImageSpec:
        """Return the description with more commands of the build."""
        return self._with(commands=[*self.settings.get("commands", ()), *_listed(commands)])

    def force_push(self) -> ImageSpec:
        """Return the description itself: nothing is pushed."""
        return self

    def _with(self, **settings: Any) -> ImageSpec:
        return ImageSpec(self.name, self.registry, self.tag, **{**self.settings, **settings})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageSpec) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        image = self.name if self.registry is None else f"{self.registry}/{self.name}"
        return image if self.tag is None else f"{image}:{self.tag}"


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


@dataclass
class PodTemplate:
    """A pod in Kubernetes' words."""

    pod_spec: Any = None
    primary_container_name: str = "primary"
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


@dataclass
class Pod:
    """The older form of `PodTemplate`, passed as ``task_config=``."""

    pod_spec: Any = None
    primary_container_name: str = "primary"
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


@dataclass
class Secret:
    """A secret that a task reads with ``current_context().secrets.get(group, key)``."""

    class MountType(Enum):
        """How Flyte passes it to the pod. Here it is looked up in Airflow."""

        ANY = 0
        ENV_VAR = 1
        FILE = 2

    group: str | None = None
    key: str | None = None
    group_version: str | None = None
    mount_requirement: MountType = MountType.ANY
    env_var: str | None = None


@dataclass
class SourceCode:
    """Where the code of a task is."""

    link: str | None = None


@dataclass
class Documentation:
    """The documentation of a task."""

    short_description: str | None = None
    long_description: Any = None
    source_code: SourceCode | None = None
    icon_link: str | None = None


@dataclass
class TaskMetadata:
    """Settings of a task in one object."""

    _dynamic_workflow_constant = True

    cache: bool = False
    cache_serialize: bool = False
    cache_version: str = ""
    cache_ignore_input_vars: tuple[str, ...] = ()
    interruptible: bool | None = None
    deprecated: str = ""
    retries: int = 0
    timeout: timedelta | int | None = None
    pod_template_name: str | None = None
    generates_deck: bool = False
    is_eager: bool = False
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    def settings(self) -> dict[str, Any]:
        """Return the arguments of ``@task`` that say the same."""
        own = vars(self)
        left_out = ("generates_deck", "is_eager")
        return {name: value for name, value in own.items() if value and name not in left_out}


class WorkflowFailurePolicy(Enum):
    """What a failed task means for the others."""

    FAIL_IMMEDIATELY = "fail_fast"
    FAIL_AFTER_EXECUTABLE_NODES_COMPLETE = "run_all"


@dataclass
class Notification:
    """Who is told when a run has ended."""

    phases: list[Any] = field(default_factory=list)
    recipients_email: list[str] = field(default_factory=list)


class Email(Notification):
    """A notification by e-mail."""


class Slack(Notification):
    """A notification in Slack, by e-mail."""


class PagerDuty(Notification):
    """A notification by PagerDuty, by e-mail."""


class WorkflowExecutionPhase:
    """The phases of a run, for notifications."""

    SUCCEEDED = 4
    FAILED = 6
    ABORTED = 7
    TIMED_OUT = 8


class Accepted:
    """A setting of Flyte's launches. It is accepted, and has no effect.

    Args:
        args: Anything.
        kwargs: Anything.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs


class Annotations(Accepted):
    """The annotations of a launch plan."""


class AuthRole(Accepted):
    """The role of a launch plan."""


class BatchSize(Accepted):
    """How many files of a directory Flyte copies at a time."""


class ConcurrencyPolicy(Accepted):
    """How many runs of a launch plan there may be. Use ``max_active_runs`` of Airflow."""


class Labels(Accepted):
    """The labels of a launch plan."""


class Options(Accepted):
    """The settings of a launch."""


class SecurityContext(Accepted):
    """The account of a launch plan."""
