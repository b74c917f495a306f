"""The decorator ``@op``: what an op declares, and its inputs and outputs as inferred from its function."""

from __future__ import annotations

import copy
import functools
import inspect
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.declarations import (
    MISSING,
    RESOURCE_PARAMETER,
    DynamicOut,
    In,
    Out,
)
from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    DagsterInvariantViolationError,
)
from airflow_dynamic_provider.dags_from.dagster.events import DynamicOutput, Output
from airflow_dynamic_provider.dags_from.dagster.invocations import Invocable
from airflow_dynamic_provider.dags_from.dagster.keys import check_name
from airflow_dynamic_provider.dags_from.dagster.policies import RetryPolicy
from airflow_dynamic_provider.dags_from.dagster.scopes import current_scope
from airflow_dynamic_provider.dags_from.dagster.tags import checked_tags
from airflow_dynamic_provider.dags_from.dagster.types import Nothing, find_problem, type_name
from airflow_dynamic_provider.dags_from.dagster.unsupported import require
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CONTEXT_NAMES = {"context", "_context", "context_", "_"}


class OpDefinition(Invocable):
    """An op: a function with declared inputs, outputs, config and resources.

    Args:
        function: The function.
        name: The name of its nodes.
        ins: Input name -> `In`, for those that are not inferred.
        out: An `Out`, a `DynamicOut`, or a dict of them.
        config_schema: The schema of its config.
        required_resource_keys: The resources that it uses.
        tags: Tags; see the page about Dagster for those with a meaning.
        retry_policy: What happens after an error.
        description: What it does.
        pool: The Airflow pool.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        ins: Mapping[str, In] | None = None,
        out: Any = None,
        config_schema: Any = None,
        required_resource_keys: Iterable[str] = (),
        tags: Mapping[str, Any] | None = None,
        retry_policy: RetryPolicy | None = None,
        description: str | None = None,
        pool: str | None = None,
    ) -> None:
        self.function = function
        self.name = check_name(name or function.__name__, "an op")
        self.config_schema = config_schema
        self.configured_from: tuple[Any, OpDefinition] | None = None
        self.tags = checked_tags(tags, f"the op {self.name!r}")
        self.retry_policy = retry_policy
        self.description = description or inspect.getdoc(function)
        self.pool = pool
        for each, declaration in (ins or {}).items():
            require(declaration, In, f"@op(ins=) of {self.name!r}, at {each!r}")
        require(retry_policy, RetryPolicy, f"@op(retry_policy=) of {self.name!r}")
        self._read_signature(dict(ins or {}))
        self.required_resource_keys = set(required_resource_keys or ()) | set(self.resource_parameters)
        self.outs = _outs(self.name, function, out)
        functools.update_wrapper(self, function)

    @property
    def ins(self) -> dict[str, In]:
        """Input name -> declaration, in the order of the function's parameters."""
        return self._ins

    def configured(
        self,
        config_or_config_fn: Any,
        name: str | None = None,
        config_schema: Any = None,
        description: str | None = None,
    ) -> OpDefinition:
        """Return a copy whose config is fixed, or computed from another config.

        Args:
            config_or_config_fn: The config, or a function that gives it for the config of the copy.
            name: The name of the copy.
            config_schema: The schema of the copy's config, if the first argument is a function.
            description: What the copy does.
        """
        made = copy.copy(self)
        made.name = check_name(name or self.name, "an op")
        made.configured_from = (config_or_config_fn, self)
        made.config_schema = config_schema
        made.description = description or self.description
        return made

    def with_retry_policy(self, retry_policy: RetryPolicy) -> Any:
        """Return the op with another retry policy, to be called in a job."""
        return self.pending(retry_policy=retry_policy)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a node in a job or a graph. Outside of one, run the function at once."""
        if current_scope() is not None:
            return self.pending()(*args, **kwargs)
        from airflow_dynamic_provider.dags_from.dagster.direct import call_directly

        return call_directly(self, args, kwargs)

    def _read_signature(self, declared: dict[str, In]) -> None:
        hints = _hints(self.function)
        parameters = list(inspect.signature(self.function).parameters.values())
        self.takes_context = bool(parameters) and _is_context(parameters[0], hints)
        if self.takes_context:
            parameters = parameters[1:]
        self.config_parameter: str | None = None
        self.resource_parameters: dict[str, Any] = {}
        ins: dict[str, In] = {}
        for parameter in parameters:
            kind = hints.get(parameter.name, Any)
            if parameter.name == "config" and parameter.name not in declared:
                self._take_config(kind)
            elif _is_resource(kind):
                self.resource_parameters[parameter.name] = kind
            elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise DagsterInvalidDefinitionError(
                    f"the op {self.name!r} has the parameter {parameter}, whose inputs have no names",
                    remedy="Name each input.",
                )
            else:
                ins[parameter.name] = _in(parameter, kind, declared.pop(parameter.name, None))
        for name, declaration in declared.items():
            if not declaration.is_nothing:
                raise DagsterInvalidDefinitionError(
                    f"the op {self.name!r} declares the input {name!r}, which its function does not take",
                    remedy="Add the parameter, or declare In(Nothing).",
                )
            ins[name] = declaration
        for name in ins:
            check_name(name, f"an input of the op {self.name!r}")
        self._ins = ins

    def _take_config(self, kind: Any) -> None:
        self.config_parameter = "config"
        if self.config_schema is None:
            self.config_schema = kind


def op(compute_fn: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Turn a function into an op, as Dagster's ``@op`` does.

    Args:
        compute_fn: The function, when the decorator is used without parentheses.
        settings: ``name``, ``description``, ``ins``, ``out``, ``config_schema``, ``required_resource_keys``,
            ``tags``, ``retry_policy``, ``pool``, ``code_version``.

    Returns:
        An `OpDefinition`, to be called in a ``@job`` or a ``@graph``.

    Raises:
        DagsterInvalidDefinitionError: A declaration is wrong.

    Example:
        >>> @op(out=DynamicOut(int))
        ... def numbers():
        ...     for number in range(3):
        ...         yield DynamicOutput(number, mapping_key=f"number_{number}")
    """
    for name in ("code_version", "version"):
        settings.pop(name, None)

    def decorate(function: Callable[..., Any]) -> OpDefinition:
        return OpDefinition(function, **settings)

    return decorate if compute_fn is None else decorate(compute_fn)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:
        # An annotation that only type checkers can read; Dagster cannot read it either.
        return {
            name: hint
            for name, hint in getattr(function, "__annotations__", {}).items()
            if not isinstance(hint, str)
        }


def _is_context(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> bool:
    annotation = hints.get(parameter.name)
    is_known = "ExecutionContext" in getattr(annotation, "__name__", "")
    return parameter.name in _CONTEXT_NAMES or is_known


def _is_resource(kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Annotated:
        return RESOURCE_PARAMETER in kind.__metadata__
    return bool(getattr(kind, "is_dagster_resource", False))


def _in(parameter: inspect.Parameter, kind: Any, declared: In | None) -> In:
    default = MISSING if parameter.default is parameter.empty else parameter.default
    merged = In(kind) if declared is None else copy.copy(declared)
    if merged.dagster_type is Any:
        merged.dagster_type = kind
    if merged.default_value is MISSING:
        merged.default_value = default
    if merged.default_value is not MISSING:
        problem = find_problem(merged.default_value, merged.dagster_type)
        if problem is not None:
            raise DagsterInvalidDefinitionError(
                f"the default of the input {parameter.name!r} is not of its type "
                f"{type_name(merged.dagster_type)}: {problem}",
                remedy="Correct the default, or declare Optional of the type.",
            )
    return merged


def _outs(name: str, function: Callable[..., Any], out: Any) -> dict[str, Out]:
    annotation = _hints(function).get("return", MISSING)
    if isinstance(out, Mapping):
        for each, declaration in out.items():
            check_name(each, f"an output of the op {name!r}")
            if not isinstance(declaration, Out):
                raise DagsterInvalidDefinitionError(
                    f"the output {each!r} of the op {name!r} is {declaration!r}",
                    remedy="Declare it by Out() or DynamicOut().",
                )
        return _typed(dict(out), annotation)
    if out is not None and not isinstance(out, Out):
        raise DagsterInvalidDefinitionError(
            f"the op {name!r} has out={out!r}", remedy="Pass Out(), DynamicOut() or a dict of them."
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        # The annotation of a generator is about what it yields, and Dagster does not read it.
        annotation = MISSING
    return {DEFAULT_OUTPUT: _out(name, out, annotation)}


def _out(name: str, out: Out | None, annotation: Any) -> Out:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is DynamicOutput or origin is DynamicOutput:
        raise DagsterInvariantViolationError(
            "an op that is annotated with DynamicOutput can only return a list of them",
            task_id=name,
            remedy="Annotate it with list[DynamicOutput[...]].",
        )
    kind = Any if annotation is MISSING else annotation
    if origin is list and arguments and DynamicOutput in (arguments[0], typing.get_origin(arguments[0])):
        inner = typing.get_args(arguments[0])
        out, kind = out or DynamicOut(), inner[0] if inner else Any
    elif annotation is Output or origin is Output:
        kind = arguments[0] if arguments else Any
    elif annotation is type(None) or annotation is None:
        kind = Nothing
    elif out is None and _has_dynamic_output(annotation):
        raise DagsterInvalidDefinitionError(
            f"the annotation {annotation} has DynamicOutput at a place at which Dagster does not read it",
            task_id=name,
            remedy="Annotate the op with list[DynamicOutput[...]], or declare its outputs: out=.",
        )
    if out is not None and out.is_dynamic and not (origin is list and arguments):
        kind = Any
    return (out or Out()).of_type(kind)


def _has_dynamic_output(annotation: Any) -> bool:
    if annotation is DynamicOutput or typing.get_origin(annotation) is DynamicOutput:
        return True
    return any(map(_has_dynamic_output, typing.get_args(annotation)))


def _typed(outs: dict[str, Out], annotation: Any) -> dict[str, Out]:
    """Return several declarations with the types of an annotated tuple."""
    kinds = typing.get_args(annotation) if typing.get_origin(annotation) is tuple else (annotation,)
    if len(kinds) != len(outs):
        kinds = (MISSING,) * len(outs)
    typed = {}
    for (name, out), kind in zip(outs.items(), kinds, strict=True):
        inner = typing.get_args(kind)
        if typing.get_origin(kind) is list and inner and typing.get_origin(inner[0]) is DynamicOutput:
            kind = typing.get_args(inner[0])[0]
        elif typing.get_origin(kind) is Output:
            kind = inner[0]
        typed[name] = out.of_type(Any if kind is MISSING else kind)
    return typed
