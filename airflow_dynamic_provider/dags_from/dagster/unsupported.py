"""The names and arguments of Dagster that have no counterpart here, with what Airflow has instead."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    UnsupportedAttributeError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    F = TypeVar("F", bound="Callable[..., Any]")

_INSTEAD = {
    "AssetCheckResult": "a task that checks the data and fails",
    "AssetSelection": "Airflow's assets: a Dag's schedule may be a list of them",
    "DagsterInstance": "Airflow's REST API",
    "MaterializeResult": "AssetMaterialization",
    "ExecuteInProcessResult": "what job.execute_in_process() returns",
    "JobExecutionResult": "what job.execute_in_process() returns",
    "ExpectationResult": "metadata of an output, or a task that fails",
    "SensorDefinition": "a sensor task, or a Dag with an asset as its schedule",
    "asset": "Airflow's @asset, or @graph_asset",
    "asset_check": "a task that checks the data and fails",
    "repository": "the Dag file: each job in it is a Dag",
    "solid": "@op, from this module",
    "pipeline": "@job, from this module",
    "asset_sensor": "a Dag with the asset as its schedule",
    "build_schedule_from_partitioned_job": "the schedule of the Dag",
    "define_asset_job": "a Dag with the assets as outlets",
    "execute_job": "job.execute_in_process()",
    "materialize": "job.execute_in_process()",
    "multi_asset": "a task with several outlets",
    "observable_source_asset": "an AssetWatcher",
    "run_failure_sensor": "on_failure_callback of the Dag",
    "run_status_sensor": "on_success_callback or on_failure_callback of the Dag",
    "sensor": "a sensor task, or a Dag with an asset as its schedule",
}

#: What names of a kind have in them -> what there is instead. The first that is found counts.
_KINDS = {
    "^(Callable|Final|Mapping|Sequence|TYPE_CHECKING|Typing|ScalarUnion)": "Python's typing",
    "Warning|warning": "Python's warnings",
    "Component|component|[Ss]caffold|Resolv|Resolution|Defs|defs|template_var|^(load_)?definitions": (
        "Dag files, and functions that make Dags"
    ),
    "Sensor|sensor|Automation|automation|AutoMaterialize": (
        "a sensor task, or a Dag with an asset as its schedule"
    ),
    "Check[EKS]|Checks|asset_check|AssetCheck|_checks|AssetOrCheck": "a task that checks the data and fails",
    "Freshness|freshness": "deadlines of Dags",
    "Pipes|pipes": "an operator that starts a process, such as the KubernetesPodOperator",
    "Backfill": "airflow backfill create",
    "Partition|partition|TimeWindow|Dimension": (
        "StaticPartitionsDefinition, DailyPartitionsDefinition, and the partitions of Airflow's assets"
    ),
    "Schedule|schedule": "the schedule of the Dag",
    "Metadata|Table|CodeReference": "MetadataValue",
    "[Ll]ogger|LogFormatter|LogManager": "the deployment's logging, and get_dagster_logger",
    "Error": "the errors of this module, and airflow_dynamic_provider.errors",
    "Executor|executor|Coordinator|Launcher|[Ss]tep_?(Run|run|Execution|context)|from_step|interrupts": (
        "the deployment's executor"
    ),
    "Manager|manager|FileHandle|FilePath|IOStorage|io_storage|Storage": (
        "IOManager, ConfigurableIOManager and Airflow's ObjectStoragePath"
    ),
    "Asset|asset|Observe|[Mm]aterializ|Provenance|DataVersion": "Airflow's assets, and @graph_asset",
    "Reexecution": "airflow dynamic-outputs clear",
    "Runs?[A-Z]|Run$|Event|[Ii]nstance|Cursor|Selector|Paginated|Reexecution|RUNTIME|code_reference": (
        "Airflow's REST API"
    ),
    "Repository|repository|[Rr]econstructable": "the Dag file: each job in it is a Dag",
    "Type|type": "DagsterType and PythonObjectDagsterType",
    "Resource|resource": "resource, ConfigurableResource, and Definitions(resources=...)",
    "Config|config": "config_schema, Config, ConfigMapping and RunConfig",
    "Source$": "StringSource, IntSource and EnvVar",
    "^build_": "build_op_context",
    "serialize_value": "the types of values that this module stores",
    "": "@op, @graph and @job",
}


def refuse(name: str) -> NoReturn:
    """Refuse the import of a name.

    Raises:
        UnsupportedError: Always; an ``ImportError``.
    """
    kind = next(found for part, found in _KINDS.items() if re.search(part, name))
    raise UnsupportedError(
        f"Dagster's {name} has no counterpart in airflow_dynamic_provider.dags_from.dagster",
        remedy=f"There is {_INSTEAD.get(name, kind)}.",
    )


class Refusing:
    """The base of objects that have fewer attributes here than in Dagster. The others are refused."""

    #: What it is in messages.
    _what: ClassVar[str]
    #: Attribute -> what there is instead.
    _instead: ClassVar[Mapping[str, str]] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = ", ".join(each for each in dir(self) if not each.startswith("_"))
        raise UnsupportedAttributeError(
            f"{self._what}.{name} has no counterpart here",
            remedy=f"Use {self._instead[name]} instead." if name in self._instead else f"It has {known}.",
        )


def require(given: Any, kind: type | tuple[type, ...], what: str) -> None:
    """Refuse an argument of another kind. ``None`` is accepted.

    Args:
        given: The argument.
        kind: The class, or several.
        what: What it is, for messages.

    Raises:
        DagsterInvalidDefinitionError: It is of another kind.
    """
    if given is None or isinstance(given, kind):
        return
    kinds = kind if isinstance(kind, tuple) else (kind,)
    raise DagsterInvalidDefinitionError(
        f"{what} is {given!r} of type {type(given).__name__}",
        remedy=f"Pass {' or '.join(each.__name__ for each in kinds)}.",
    )


def refused(what: str, instead: str) -> Any:
    """Return a static method that has no counterpart here.

    Args:
        what: The method in Dagster.
        instead: What there is instead.
    """

    def call(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise UnsupportedError(f"{what} has no counterpart here", remedy=f"There is {instead}.")

    return staticmethod(call)


def refusing(what: str, readers: Collection[str] = (), **instead: str) -> Callable[[F], F]:
    """Let a function refuse arguments of Dagster's that have no counterpart. ``None`` is accepted for each.

    Args:
        what: The name in Dagster.
        readers: Arguments that are for readers only. They are accepted, and change nothing.
        instead: Argument -> what there is instead.
    """

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for name in instead.keys() & kwargs.keys():
                if kwargs.pop(name):
                    raise UnsupportedError(
                        f"{what}({name}=) has no counterpart here", remedy=f"There is {instead[name]}."
                    )
            return function(*args, **{name: each for name, each in kwargs.items() if name not in readers})

        call.refused = frozenset(instead)  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate
