"""Moves values between ops: through XCom as data, or through an IO manager, with a reference in XCom."""

from __future__ import annotations

import inspect
from collections import ChainMap
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.carrying import KIND, pack, unpack
from airflow_dynamic_provider.dags_from.dagster.io_managers import InputContext, OutputContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.dags_from.dagster.plans import NodePlan, Origin, Source
    from airflow_dynamic_provider.dags_from.dagster.resources import Opened

_PLACE = "place"


def store(
    plan: NodePlan,
    opened: Opened,
    event: Any,
    *,
    run_id: str,
    step_key: str,
    partition_key: str | None,
    metadata: dict[str, Any],
    log_event: Callable[[Any], None],
) -> Any:
    """Return what is stored in XCom for an output: its form, or where an IO manager finds it.

    Args:
        plan: The node.
        opened: The resources of the run.
        event: The output.
        run_id: The run.
        step_key: The node, with the mapping key that it runs for in brackets.
        partition_key: The partition of the run.
        metadata: The metadata of the output; it takes what the IO manager says about the output.
        log_event: Takes the materializations of the IO manager.
    """
    manager = plan.managers.get(event.output_name)
    if manager is None:
        return pack(event.value, _known(plan.definition))
    place = {
        KIND: _PLACE,
        "path": plan.path,
        "output": event.output_name,
        "step_key": step_key,
        "mapping_key": getattr(event, "mapping_key", None),
        "partition_key": partition_key,
    }
    context = _output_context(plan, plan.definition, place, run_id, opened, manager)
    context.output_metadata = {label: each.value for label, each in metadata.items()}
    context.tell = metadata.update
    context.log_event = log_event
    opened.get(manager).handle_output(context, event.value)
    return place


def load(plan: NodePlan, opened: Opened, name: str, origin: Origin, received: Any, *, run_id: str) -> Any:
    """Return the value of an input.

    Args:
        plan: The node.
        opened: The resources of the run.
        name: The input.
        origin: Where its value comes from.
        received: What is stored in XCom: a form or a place, or a list of them.
        run_id: The run.
    """
    known: Mapping[str, Any] = ChainMap(*({**_known(each.definition)} for each in origin.sources))

    def load_one(stored: Any) -> Any:
        if not (isinstance(stored, dict) and stored.get(KIND) == _PLACE):
            return unpack(stored, known)
        # Those that there are not were left out of a list, so each says where it comes from.
        place = (stored["path"], stored["output"])
        source = next(each for each in origin.sources if (each.path, each.output) == place)
        return _load_managed(plan, opened, name, source, stored, run_id)

    return [load_one(each) for each in received] if origin.is_list else load_one(received)


def _load_managed(
    plan: NodePlan, opened: Opened, name: str, source: Source, place: Mapping[str, Any], run_id: str
) -> Any:
    # The input may name another IO manager, which finds what that of the output stored.
    key = plan.definition.ins[name].input_manager_key or source.manager
    upstream = _output_context(plan, source.definition, place, run_id, opened, key)
    return _load_by(key, opened, InputContext(name, upstream, plan.definition, plan.job))


def load_unconnected(plan: NodePlan, opened: Opened, name: str) -> Any:
    """Return the value of an input that no op is connected to, and that names an IO manager."""
    key = plan.definition.ins[name].input_manager_key
    return _load_by(key, opened, InputContext(name, None, plan.definition, plan.job))


def _load_by(key: Any, opened: Opened, context: InputContext) -> Any:
    context.resource_config = opened.config_of(key)
    context.resources = opened.required_by(key)
    return opened.get(key).load_input(context)


def _output_context(
    plan: NodePlan, definition: Any, place: Mapping[str, Any], run_id: str, opened: Opened, key: Any
) -> OutputContext:
    names = ("step_key", "output", "mapping_key", "partition_key")
    step_key, output, mapping_key, partition_key = (place[each] for each in names)
    config = opened.config_of(key)
    context = OutputContext(
        step_key, output, run_id, mapping_key, definition, plan.job, config, partition_key
    )
    context.resources = opened.required_by(key)
    return context


def _known(op: Any) -> Mapping[str, Any]:
    """Return what the module of an op defines and imports."""
    found: Mapping[str, Any] = inspect.unwrap(op.function).__globals__
    return found
