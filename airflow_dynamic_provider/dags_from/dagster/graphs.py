"""The decorator ``@graph``: ops that are called together, as a node of another graph or as a job."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    UnsupportedError,
)
from airflow_dynamic_provider.dags_from.dagster.invocations import Invocable
from airflow_dynamic_provider.dags_from.dagster.keys import check_name
from airflow_dynamic_provider.dags_from.dagster.tags import checked_tags
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.dags_from.dagster.jobs import JobDefinition


class GraphDefinition(Invocable):
    """A graph: a function that calls ops and other graphs.

    Args:
        function: The function.
        name: The name of its nodes.
        description: What it does.
        ins: Input name -> `GraphIn`.
        out: A `GraphOut`, or a dict of them.
        config: Refused: the config of a job is given to ``to_job``.
        tags: Tags of its ops.
    """

    @refusing("graph", input_defs="ins=", output_defs="out=")
    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        ins: Mapping[str, Any] | None = None,
        out: Any = None,
        config: Any = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        self.function = function
        self.name = check_name(name or function.__name__, "a graph")
        self.description = description or inspect.getdoc(function)
        self.declared_out = out
        if config is not None:
            raise UnsupportedError(
                f"@graph(config=) of {self.name!r} has no counterpart here",
                remedy="There is the config of jobs, to_job(config=), and of ops: op.configured(...).",
            )
        parameters = inspect.signature(function).parameters
        takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        if not takes_any and (unknown := [each for each in ins or {} if each not in parameters]):
            raise DagsterInvalidDefinitionError(
                f"the graph {self.name!r} declares the input {unknown[0]!r}, which it does not take",
                remedy="Add the parameter, or leave the declaration out.",
            )
        self.tags = checked_tags(tags, f"the graph {self.name!r}")
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add its ops to the job or the graph that is being defined."""
        return self.pending()(*args, **kwargs)

    def to_job(self, name: str | None = None, **settings: Any) -> JobDefinition:
        """Return a job that runs the graph.

        Args:
            name: The name of the job, and of its Dag.
            settings: As for ``@job``.
        """
        from airflow_dynamic_provider.dags_from.dagster.jobs import JobDefinition

        own = {"description": self.description, "tags": self.tags, "out": self.declared_out}
        return JobDefinition(self.function, name=name or self.name, **{**own, **settings})

    def execute_in_process(
        self, run_config: Any = None, *, resources: Mapping[str, Any] | None = None, **arguments: Any
    ) -> Any:
        """Run the graph as a job, in this process. It takes the arguments of a job's method."""
        return self.to_job(resource_defs=resources).execute_in_process(run_config, **arguments)


def graph(compose_fn: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Turn a function that calls ops into a graph, as Dagster's ``@graph`` does.

    Args:
        compose_fn: The function, when the decorator is used without parentheses.
        settings: ``name``, ``description``, ``ins``, ``out``, ``config``, ``tags``.
    """

    def decorate(function: Callable[..., Any]) -> GraphDefinition:
        return GraphDefinition(function, **settings)

    return decorate if compose_fn is None else decorate(compose_fn)
