"""The arguments of ``@task`` and ``@dynamic``: what each is in Airflow."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte import pods
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NO_CLUSTER = "Airflow's executor decides where a task runs."

#: Argument -> what it does here, for the note in the documentation of the task.
ACCEPTED = {
    "task_config": "Ignored, except for a Pod: Airflow has an operator for each kind of work.",
    "interruptible": f"Ignored. {_NO_CLUSTER}",
    "deprecated": "The text is in this documentation.",
    "container_image": "The image of the pod, with the KubernetesExecutor.",
    "requests": "The requests of the pod, with the KubernetesExecutor.",
    "limits": "The limits of the pod, with the KubernetesExecutor.",
    "resources": "The requests and limits of the pod, with the KubernetesExecutor.",
    "accelerator": "The node selector of the pod, with the KubernetesExecutor.",
    "shared_memory": "The shared memory of the pod, with the KubernetesExecutor.",
    "labels": "The labels of the pod, with the KubernetesExecutor.",
    "annotations": "The annotations of the pod, with the KubernetesExecutor.",
    "pod_template": "The pod, with the KubernetesExecutor.",
    "pod_template_name": "Ignored. [kubernetes_executor] pod_template_file names a template.",
    "secret_requests": "Secrets come from Airflow's connections and variables, or the environment.",
    "enable_deck": "Decks are metadata of the task.",
    "disable_deck": "Decks are metadata of the task.",
    "deck_fields": "Ignored: Airflow shows source, inputs and times itself.",
    "pickle_untyped": "Ignored: stored values are data, never pickled.",
}

#: Argument -> why it is refused, and what to do instead.
REFUSED = {
    "execution_mode": "It would turn a workflow into a task. Use @task or @dynamic.",
    "task_resolver": "Airflow finds a task in its Dag file. Leave it out.",
}

#: The arguments that become something of Airflow or of this package.
USED = (
    *("cache", "cache_serialize", "cache_version", "cache_ignore_input_vars", "retries", "timeout"),
    *("environment", "docs"),
)


class Settings(Record):
    """The arguments of ``@task`` or ``@dynamic``, read.

    Attributes:
        airflow: Arguments of Airflow's ``@task``.
        timeout: The time limit, ``None`` for none.
        environment: Name -> value of environment variables, while the function runs.
        cache: What to keep over runs, ``None`` for nothing.
        is_own: Whether there is any setting that only a task instance of its own can have.
    """

    airflow: Mapping[str, Any]
    timeout: timedelta | None
    environment: Mapping[str, str]
    cache: Any
    is_own: bool


def read_settings(function: Callable[..., Any], given: Mapping[str, Any]) -> Settings:
    """Read the arguments of ``@task`` or ``@dynamic``.

    Raises:
        WorkflowError: An argument is refused, or flytekit has no such argument.
    """
    name = function.__name__
    given = {each: value for each, value in given.items() if value is not None}
    for each in given:
        if each in REFUSED:
            raise WorkflowError(f"{name!r} is given {each}=, which is not supported", remedy=REFUSED[each])
        if each not in ACCEPTED and each not in USED:
            raise WorkflowError(
                f"{name!r} is given {each}=, which flytekit does not know", remedy=f"Leave out {each}=."
            )
    retries = given.get("retries", 0)
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise WorkflowError(
            f"{name!r} is given retries={retries!r}", remedy="Pass the number of further tries, 0 or more."
        )
    from airflow_dynamic_provider.dags_from.flyte.caches import read_cache

    airflow: dict[str, Any] = {"retries": retries, "doc_md": _documentation(function, given)}
    if (pod := pods.pod_override(name, given)) is not None:
        airflow["executor_config"] = {"pod_override": pod}
    timeout = _timeout(name, given.get("timeout", 0))
    cache = read_cache(name, given)
    return Settings(
        airflow=airflow,
        timeout=timeout,
        environment=dict(given.get("environment", {})),
        cache=cache,
        is_own=bool(retries or timeout or cache or given.get("environment") or "executor_config" in airflow),
    )


def _timeout(name: str, given: Any) -> timedelta | None:
    if isinstance(given, int) and not isinstance(given, bool):
        given = timedelta(seconds=given)
    if not isinstance(given, timedelta) or given < timedelta(0):
        raise WorkflowError(
            f"{name!r} is given timeout={given!r}", remedy="Pass a number of seconds, or a timedelta."
        )
    return given or None


def _documentation(function: Callable[..., Any], given: Mapping[str, Any]) -> str | None:
    parts = [inspect.cleandoc(function.__doc__)] if function.__doc__ else _docs(given.get("docs"))
    if given.get("deprecated"):
        parts.append(f"**Deprecated:** {given['deprecated']}")
    notes = [f"* `{each}`: {ACCEPTED[each]}" for each in given if each in ACCEPTED]
    if notes:
        parts.append("Settings of the program, and what they do here:\n\n" + "\n".join(notes))
    return "\n\n".join(parts) or None


def _docs(docs: Any) -> list[str]:
    texts = (getattr(docs, "short_description", None), getattr(docs, "long_description", None))
    return [str(text) for text in texts if text]
