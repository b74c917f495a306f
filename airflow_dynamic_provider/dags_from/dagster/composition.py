"""Records what the body of a job calls, and which node runs once and which for each key.

A node runs for each key of a dynamic output if what it is given does. Where it is called does not matter: an
op that is called inside the function of ``map`` and does not use the item runs once.
"""

from __future__ import annotations

import collections
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidDefinitionError
from airflow_dynamic_provider.dags_from.dagster.handles import (
    DynamicHandle,
    FanIn,
    GraphInput,
    OutputHandle,
    handles_of,
    output_of,
)
from airflow_dynamic_provider.dags_from.dagster.nodes import Composition, Node, Settings
from airflow_dynamic_provider.dags_from.dagster.scopes import (
    Scope,
    composing,
    current_maps,
    current_scope,
)
from airflow_dynamic_provider.dags_from.dagster.types import is_list_type, type_name
from airflow_dynamic_provider.definitions.excerpts import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def compose(
    fn: Callable[..., Any], name: str, settings: Settings, inputs: list[str], declared: Any = None
) -> Composition:
    """Return what the body of a job records.

    Args:
        fn: The body.
        name: The name of the job.
        settings: The settings of all its nodes.
        inputs: The inputs of the body, whose values come from the run's config.
        declared: The outputs that it declares, a ``GraphOut`` or a dict of them.
    """
    composition = Composition(inputs={"": set(inputs)} if inputs else {})
    with composing(Scope(composition, "", settings)):
        _run_body(fn, name, composition, "", {each: GraphInput("", each) for each in inputs}, declared)
    return composition


def invoke(definition: Any, settings: Settings, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """Record a call of an op or a graph, and return the handles of its outputs.

    Raises:
        DagsterInvalidDefinitionError: It is called outside a job, or with something that it cannot be given.
    """
    scope = current_scope()
    if scope is None:
        raise DagsterInvalidDefinitionError(
            f"{definition.name!r}, a graph or an op with settings, is called outside a job or graph",
            remedy="Call it in the body of a @job or a @graph.",
        )
    path = scope.path_of(_free_name(scope, definition.name, settings.alias))
    names = list(getattr(definition, "ins", None) or inspect.signature(definition.function).parameters)
    given = _bind(definition, names, args, kwargs)
    own = settings.inside(scope.settings)
    if hasattr(definition, "outs"):
        return handles_of(_add_node(scope, definition, path, given, own))
    return _call_graph(scope, definition, path, given, own, names)


def _call_graph(
    scope: Scope, graph: Any, path: str, given: dict[str, Any], settings: Settings, names: list[str]
) -> Any:
    scope.into.graphs[path] = {}
    for name in names:
        if name not in given:
            given[name] = GraphInput(path, name)
            scope.into.inputs.setdefault(path, set()).add(name)
    inner = Scope(scope.into, path, settings.inside(Settings(tags=graph.tags)))
    with composing(inner):
        return _run_body(graph.function, graph.name, scope.into, path, given, graph.declared_out)


def _run_body(
    fn: Callable[..., Any],
    name: str,
    composition: Composition,
    path: str,
    given: dict[str, Any],
    declared: Any,
) -> Any:
    returned = fn(**given)
    outputs = _outputs(name, returned, declared)
    composition.graphs[path] = outputs
    if len(outputs) == 1:
        return _outer(*outputs.values())
    if isinstance(returned, dict) or isinstance(declared, dict):
        handles = [_outer(each) for each in outputs.values()]
        return collections.namedtuple(f"_{name}_outputs", list(outputs))(*handles)
    return _outer(returned)


def _outputs(name: str, returned: Any, declared: Any) -> dict[str, Any]:
    outputs = _by_name(returned, declared)
    if declared is not None:
        wanted = declared if isinstance(declared, dict) else {"result": declared}
        if outputs.keys() != wanted.keys():
            raise DagsterInvalidDefinitionError(
                f"the graph {name!r} declares the outputs {', '.join(wanted)}, and returned "
                f"{', '.join(outputs) or 'none'}",
                remedy="Return what it declares: an output of an op, or a dict of output name -> output.",
            )
        outputs = {each: outputs[each] for each in wanted}
    for each in outputs.values():
        if not isinstance(each, (OutputHandle, DynamicHandle, GraphInput)):
            raise DagsterInvalidDefinitionError(
                f"the graph {name!r} returned {_shown(each)}",
                remedy="Return the output of an op, or a dict of output name -> output. To return what is "
                "collected, pass it to an op that returns it.",
            )
    return outputs


def _by_name(returned: Any, declared: Any) -> dict[str, Any]:
    """Return output name -> what a graph returned for it."""
    if returned is None:
        return {}
    if isinstance(declared, dict) and isinstance(returned, tuple) and len(returned) == len(declared):
        return dict(zip(declared, returned, strict=True))
    if isinstance(returned, tuple) and hasattr(returned, "_asdict"):
        return dict(returned._asdict())
    if isinstance(returned, dict):
        return returned
    name = next(iter(declared)) if isinstance(declared, dict) and len(declared) == 1 else "result"
    return {name: returned}


def _outer(returned: Any) -> Any:
    """Return a graph's output as its caller gets it."""
    return output_of(returned) if isinstance(returned, OutputHandle) and returned.is_item else returned


def _free_name(scope: Scope, name: str, alias: str | None) -> str:
    taken = {*scope.into.nodes, *scope.into.graphs}
    if alias is not None:
        if scope.path_of(alias) in taken:
            raise DagsterInvalidDefinitionError(
                f"two nodes have the name {alias!r}",
                task_id=scope.path_of(alias),
                remedy="Use another alias.",
            )
        return alias
    free, number = name, 1
    while scope.path_of(free) in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def _bind(
    definition: Any, names: list[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    if len(args) > len(names):
        raise DagsterInvalidDefinitionError(
            f"{definition.name!r} is called with {len(args)} arguments and has {len(names)} inputs",
            remedy=f"Its inputs are {', '.join(names) or 'none'}.",
        )
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names or name in given:
            problem = "is given twice" if name in given else "is not an input"
            raise DagsterInvalidDefinitionError(
                f"{definition.name!r} is called with {name!r}, which {problem}",
                remedy=f"Its inputs are {', '.join(names) or 'none'}.",
            )
        given[name] = value
    return given


def _add_node(scope: Scope, definition: Any, path: str, given: Mapping[str, Any], settings: Settings) -> Node:
    inputs = {name: _input(definition, path, name, value) for name, value in given.items()}
    over = _mapped_over(path, inputs)
    batch = next(
        (each.batch for each in reversed(current_maps()) if over is not None and _is_of(each.over, over)),
        None,
    )
    node = Node(definition, path, inputs, settings, over, batch)
    scope.into.nodes[path] = node
    return node


def _is_of(item: OutputHandle, over: OutputHandle) -> bool:
    return over in item.mapped_over


def _input(definition: Any, path: str, name: str, value: Any) -> Any:
    declared = definition.ins[name]
    if isinstance(value, DynamicHandle):
        raise DagsterInvalidDefinitionError(
            f"the input {name!r} received the dynamic output {value} directly",
            task_id=path,
            remedy="Use map() to call the op for each key, or collect() to give it all values.",
        )
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return [_fan_in_item(path, name, each) for each in _list_input(declared, path, name, list(value))]
    if isinstance(value, FanIn):
        _list_input(declared, path, name, [])
        source = value.source.node.definition.outs[value.source.output]
        if not declared.is_nothing and type_name(source.dagster_type) == "Nothing":
            raise DagsterInvalidDefinitionError(
                f"the input {name!r} takes data and receives that of {value.source.node.path!r}, an op that "
                "returns nothing",
                task_id=path,
                remedy="Declare the input In(Nothing), or have the op return a value.",
            )
        return value
    if isinstance(value, (OutputHandle, GraphInput)):
        return value
    raise DagsterInvalidDefinitionError(
        f"the input {name!r} received {_shown(value)}",
        task_id=path,
        remedy="Pass the output of an op. A constant belongs in the op's config, or is an input of the job.",
    )


def _list_input(declared: Any, path: str, name: str, values: list[Any]) -> list[Any]:
    if not declared.is_nothing and not is_list_type(declared.dagster_type):
        raise DagsterInvalidDefinitionError(
            f"the input {name!r} of type {type_name(declared.dagster_type)} receives several values",
            task_id=path,
            remedy="Declare it as a list: they arrive as one.",
        )
    return values


def _fan_in_item(path: str, name: str, value: Any) -> OutputHandle:
    if not isinstance(value, OutputHandle):
        raise DagsterInvalidDefinitionError(
            f"the list for the input {name!r} has {_shown(value)}",
            task_id=path,
            remedy="Put outputs of ops into it.",
        )
    if value.mapped_over:
        raise DagsterInvalidDefinitionError(
            f"the list for the input {name!r} has {value}, which has a value for each key of "
            f"{value.mapped_over[0]}",
            task_id=path,
            remedy="Collect it into an op, and put the output of that op into the list.",
        )
    return value


def _mapped_over(path: str, inputs: Mapping[str, Any]) -> OutputHandle | None:
    """Return the only dynamic output that a node is downstream of."""
    found: list[OutputHandle] = []
    for value in inputs.values():
        if isinstance(value, OutputHandle):
            found += [each for each in value.mapped_over if each not in found]
    if len(found) > 1:
        raise DagsterInvalidDefinitionError(
            f"the op is downstream of more than one dynamic output: of {found[0]} and {found[1]}",
            task_id=path,
            remedy="Collect one of them into an op in between. Outside this module, this package has "
            "left.zip(right), left.product(right) and nested maps.",
        )
    collected = [value for value in inputs.values() if isinstance(value, FanIn)]
    if found and collected:
        raise DagsterInvalidDefinitionError(
            f"the op is downstream of the dynamic output {found[0]}, and collects {collected[0].source}",
            task_id=path,
            remedy="Collect into an op in between, and pass its output.",
        )
    for each in collected:
        if len(each.source.mapped_over) > 1:
            raise DagsterInvalidDefinitionError(
                f"the op collects {each.source}, which is below {each.source.mapped_over[0]}",
                task_id=path,
                remedy="Dagster cannot nest dynamic outputs. Outside this module, this package can.",
            )
    return found[0] if found else None


def _shown(value: Any) -> str:
    return f"{excerpt(value)} of type {type(value).__name__}"
