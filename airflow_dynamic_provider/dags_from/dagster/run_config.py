"""The config of a run: as Dag params, and as `RunConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.calling import fixed_config
from airflow_dynamic_provider.dags_from.dagster.config_forms import is_pythonic, to_config
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidConfigError
from airflow_dynamic_provider.dags_from.dagster.plans import input_from, section
from airflow_dynamic_provider.dags_from.dagster.requirements import check_requirements

if TYPE_CHECKING:
    from airflow_dynamic_provider.dags_from.dagster.nodes import Job

#: The parts of a run's config that have no meaning here. A job's own limit of its executor is its Dag's.
_IGNORED = ("execution", "loggers")


class RunConfig:
    """The config of a run, with objects of ``Config`` classes.

    Args:
        ops: Op -> its config.
        resources: Resource -> its config.
        loggers: Accepted: the deployment's logging is used.
        execution: Of a job, the limit of tasks that are active at once; of a run, accepted.
    """

    def __init__(
        self,
        ops: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        loggers: Mapping[str, Any] | None = None,
        execution: Mapping[str, Any] | None = None,
    ) -> None:
        self.ops = dict(ops or {})
        self.resources = dict(resources or {})
        self.loggers = dict(loggers or {})
        self.execution = dict(execution or {})

    def to_config_dict(self) -> dict[str, Any]:
        """Return it as a dict."""
        return {
            "ops": {name: _entry(each) for name, each in self.ops.items()},
            "resources": {name: _entry(each) for name, each in self.resources.items()},
        }


def plain_config(config: Any) -> dict[str, Any]:
    """Return the config of a run as a dict: of a `RunConfig`, or of a dict with such objects."""
    if config is None:
        return {}
    if isinstance(config, RunConfig):
        return config.to_config_dict()
    if not isinstance(config, Mapping):
        raise DagsterInvalidConfigError(
            f"the config of a job is {config!r}",
            remedy="Pass a dict, a RunConfig or a ConfigMapping.",
        )
    plain: dict[str, Any] = _plain(config)
    return {name: each for name, each in plain.items() if name not in _IGNORED}


def check_run_config(job: Job, run_config: Mapping[str, Any]) -> None:
    """Refuse a config that does not fit the job, before anything runs.

    Raises:
        DagsterInvalidConfigError: It does not fit.
    """
    for name in run_config:
        if name not in ("ops", "resources", "inputs", "partition_key"):
            raise DagsterInvalidConfigError(
                f"{name!r} is not a part of a run's config", remedy="Its parts are ops, resources and inputs."
            )
    _check_names(job, run_config)
    _check_resources(job, run_config)
    for path, node in job.composition.nodes.items():
        at = "ops." + path.replace(".", ".ops.")
        fixed_config(node.definition, section(run_config, path).get("config", MISSING), f"{at}.config")
        for name, declared in node.definition.ins.items():
            handle = node.inputs.get(name)
            is_connected = handle is not None and not hasattr(handle, "graph")
            if declared.is_nothing or declared.input_manager_key or is_connected:
                continue
            graph, linked = (path, name) if handle is None else (handle.graph, handle.name)
            if input_from(run_config, graph, linked) is MISSING and declared.default_value is MISSING:
                raise DagsterInvalidConfigError(
                    f"the input {name!r} has no value: no op is connected to it, and the config has none",
                    task_id=path,
                    remedy=f"Give it in the run's config: {at}.inputs.{name}.",
                )


def _check_resources(job: Job, run_config: Mapping[str, Any]) -> None:
    given = run_config.get("resources") or {}
    for key in given:
        if key not in job.resource_defs:
            raise DagsterInvalidConfigError(
                f"the config names the resource {key!r}, which the job does not have",
                remedy=f"Its resources are {', '.join(job.resource_defs) or 'none'}.",
            )
    for key, definition in job.resource_defs.items():
        definition.config_of((given.get(key) or {}).get("config", MISSING), f"resources.{key}.config")
    check_requirements(job)


def _check_names(job: Job, run_config: Mapping[str, Any]) -> None:
    known = {*job.composition.nodes, *job.composition.graphs}
    todo = [("", run_config)]
    while todo:
        path, part = todo.pop()
        for name, inner in (part.get("ops") or {}).items():
            inner_path = f"{path}.{name}" if path else name
            if inner_path not in known:
                raise DagsterInvalidConfigError(
                    f"the config names the op {inner_path!r}, which the job does not have",
                    remedy=f"Its ops are {', '.join(job.composition.nodes)}.",
                )
            todo.append((inner_path, inner or {}))


def dag_params(job: Job) -> dict[str, Any]:
    """Return the Dag params of a job: the parts of a run's config, with the config of the job as defaults."""
    from airflow.sdk import Param

    from airflow_dynamic_provider.dags_from.dagster.json_schemas import ops_schema, without_required

    params: dict[str, Any] = {}
    if job.config_mapping is not None:
        params.update({name: _param(each) for name, each in job.config_mapping.fields.items()})
    elif (schema := ops_schema(job)) is not None:
        may_lack = job.schedule is not None and _lacks_config(job)
        params["ops"] = Param(
            job.config.get("ops") or {}, **(without_required(schema) if may_lack else schema)
        )
    if job.resource_defs and job.config_mapping is None:
        params["resources"] = Param(job.config.get("resources") or {}, type="object")
    inputs = {**(job.config.get("inputs") or {}), **job.input_values}
    if job.composition.inputs.get(""):
        params["inputs"] = Param(inputs, type="object")
    if job.partitions_def is not None:
        params["partition_key"] = Param(None, type=["null", "string"])
    return params


def _lacks_config(job: Job) -> bool:
    """Return whether an op needs a config that the job does not have."""
    try:
        for path, node in job.composition.nodes.items():
            fixed_config(node.definition, section(job.config, path).get("config", MISSING), path)
    except DagsterInvalidConfigError:
        return True
    return False


def _param(schema: dict[str, Any]) -> Any:
    """Return the Dag param of a field. A run may leave it out: the config mapping refuses what is missing."""
    from airflow.sdk import Param

    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    own = {name: each for name, each in schema.items() if name != "$defs"}
    return Param(None, anyOf=[{"type": "null"}, own], **definitions)


def _entry(given: Any) -> Any:
    """Return an entry of an op or a resource: a config object is its ``config``."""
    if is_pythonic(type(given)):
        return {"config": to_config(given)}
    return _plain(given)


def _plain(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: _plain(each) for name, each in given.items()}
    return to_config(given) if is_pythonic(type(given)) else given
