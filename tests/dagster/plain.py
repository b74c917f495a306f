"""What a run of a job gave, as plain JSON: the same for Dagster's result and for this package's."""

from __future__ import annotations

#: The variables of the environment that programs read.
ENVIRONMENT = {"DAGSTER_TEST_VARIABLE": "from outside", "DAGSTER_TEST_NUMBER": "42"}

_STATES = {"STEP_SUCCESS": "success", "STEP_FAILURE": "failed", "STEP_SKIPPED": "skipped"}


def plain(value):
    """Return a value as JSON, in which values that JSON does not have are named."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return f"{type(value).__name__}: {value!r}"


def outcome(job, nodes, arguments):
    """Run a job, and return its outputs and the states of its steps."""
    result = job.execute_in_process(**{"raise_on_error": False, **arguments})
    outputs = {}
    for path, names in nodes.items():
        for name in names:
            try:
                value = plain(result.output_for_node(path, name))
            except Exception as error:
                value = f"{type(error).__name__}"
            outputs[f"{path}:{name}"] = value
    states = {
        event.step_key: _STATES[str(event.event_type_value)]
        for event in result.all_events
        if str(event.event_type_value) in _STATES
    }
    found = {"success": result.success, "outputs": outputs, "states": states}
    materializations = {
        path: [_materialization(each) for each in result.asset_materializations_for_node(path)]
        for path in nodes
    }
    if any(materializations.values()):
        found["materializations"] = {path: each for path, each in materializations.items() if each}
    return found


def _materialization(event):
    metadata = {label: each.value for label, each in event.metadata.items()}
    return [list(event.asset_key.path), event.description, metadata, event.partition]
