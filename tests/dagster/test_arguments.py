"""Each public name of Dagster, argument and attribute: it works, or is refused with what there is instead."""

from __future__ import annotations

import json
import re

import pytest

from airflow_dynamic_provider.dags_from import dagster
from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedAttributeError, UnsupportedError
from airflow_dynamic_provider.dags_from.dagster.in_process import InProcessResult
from tests.dagster.running import HERE
from tests.workflow_runs import quickly

DAGSTER = json.loads((HERE / "signatures.json").read_text(encoding="utf-8"))


@dagster.op
def one():
    return 1


@dagster.graph
def small():
    return one()


@dagster.job
def plain():
    one()


def body():
    return one()


#: Callable -> what has to be given for a call that works.
NEEDED = {
    "AssetKey": {"path": "a"},
    "AssetMaterialization": {"asset_key": "a"},
    "DagsterType": {"type_check_fn": lambda _, value: True, "name": "T"},
    "DailyPartitionsDefinition": {"start_date": "2026-01-01"},
    "DynamicOutput": {"value": 1, "mapping_key": "a"},
    "Field": {"config": dagster.Noneable(int)},
    "Output": {"value": 1},
    "PythonObjectDagsterType": {"python_type": int},
    "ScheduleDefinition": {"job": plain, "cron_schedule": "@daily"},
    "StaticPartitionsDefinition": {"partition_keys": ["a"]},
    "TypeCheck": {"success": True},
    "config_mapping": {"config_schema": {"a": int}},
    "schedule": {"job": plain, "cron_schedule": "@daily"},
    "OpDefinition.configured": {"config_or_config_fn": {}, "name": "other"},
}
#: What a decorator is applied to.
DECORATED = {
    **dict.fromkeys(("graph", "graph_asset", "job", "op", "schedule"), body),
    **dict.fromkeys(("failure_hook", "io_manager", "resource", "success_hook"), lambda context: None),
    "config_mapping": lambda given: {},
    "usable_as_dagster_type": type("Class", (), {}),
}
METHODS = {"GraphDefinition.to_job": small.to_job, "OpDefinition.configured": one.configured}
#: The methods that would run something.
RUN = ("JobDefinition.execute_in_process", "GraphDefinition.execute_in_process")
#: The first argument of a decorator that has no parentheses, by the names that Dagster gives it.
FUNCTIONS = {"compute_fn", "compose_fn", "config_fn", "hook_fn"}


def call(name, arguments):
    called = METHODS[name] if name in METHODS else getattr(dagster, name)
    made = called(**{**NEEDED.get(name, {}), **arguments})
    return made(DECORATED[name]) if name in DECORATED else made


def is_refused(name, argument):
    words = rf"\({argument}=\).* has no counterpart here\. There is "
    try:
        with pytest.raises(UnsupportedError, match=words):
            call(name, {argument: object()})
    except BaseException:
        # It is used: this value may fit or not.
        return False
    return True


@pytest.mark.parametrize("name", sorted(set(DAGSTER["arguments"]) - set(RUN)))
def test_each_argument_is_accepted_or_refused(name):
    arguments = sorted(set(DAGSTER["arguments"][name]) - FUNCTIONS - NEEDED.get(name, {}).keys())
    for argument in arguments:
        # As if it were not given.
        call(name, {argument: None})
    assert [argument for argument in arguments if is_refused(name, argument)] == REFUSED.get(name, [])


#: Callable -> the arguments that are refused. All others are used, or are for readers only.
REFUSED = {
    "DagsterType": ["loader", "required_resource_keys"],
    "DailyPartitionsDefinition": ["end_offset", "exclusions", "hour_offset", "minute_offset"],
    "Definitions": ["asset_checks", "component_tree", "sensors"],
    "Field": ["is_secret"],
    "GraphDefinition.to_job": ["asset_layer", "automation_condition", "logger_defs"],
    "In": ["asset_key", "asset_partitions"],
    "Output": ["data_version", "tags"],
    "ScheduleDefinition": ["environment_vars", "job_name", "required_resource_keys", "target"],
    "build_op_context": ["event_loop", "instance", "partition_key_range", "resources_config"],
    "graph": ["config", "input_defs", "output_defs"],
    "graph_asset": ["automation_condition", "backfill_policy", "check_specs", "ins", "key", "key_prefix"],
    "io_manager": ["input_config_schema", "output_config_schema"],
    "job": ["logger_defs"],
    "schedule": ["environment_vars", "job_name", "required_resource_keys", "target"],
    "usable_as_dagster_type": ["loader"],
}


@pytest.mark.parametrize("called", [plain.execute_in_process, small.execute_in_process])
def test_arguments_of_runs_are_refused(called):
    for argument in ("instance", "run_id"):
        with pytest.raises(UnsupportedError, match=rf"execute_in_process\({argument}=\) has no counterpart"):
            called(**{argument: "x"})


def test_each_name_is_there_or_is_refused_with_what_there_is_instead():
    refused = {}
    for name in DAGSTER["names"]:
        if name in dagster.__all__:
            assert getattr(dagster, name) is not None
            continue
        if name == "resources":
            # Here it is a module, which is no name for programs.
            continue
        with pytest.raises(UnsupportedError, match=rf"Dagster's {name} has no counterpart in airf") as caught:
            getattr(dagster, name)
        refused[name] = caught.value.remedy
    assert len(refused) > 300
    assert refused["DagsterInstance"] == "There is Airflow's REST API."
    assert refused["AutomationCondition"].startswith("There is a sensor task, or a Dag with an asset as ")
    assert refused["PipesSubprocessClient"].startswith("There is an operator that starts a process")
    assert refused["MonthlyPartitionsDefinition"].startswith("There is StaticPartitionsDefinition")
    others = {name for name, remedy in refused.items() if remedy == "There is @op, @graph and @job."}
    assert {"DependencyDefinition", "InputMapping", "NodeInvocation"} < others
    assert len(others) < 15


@dagster.op(out=dagster.Out(io_manager_key="asked"))
def stored():
    return 1


@dagster.op(required_resource_keys={"made"})
def asked(context, x):
    MET["OpExecutionContext"] = context
    return x


@dagster.success_hook
def hook(context):
    MET["HookContext"] = context


@dagster.resource
def made(context):
    MET["InitResourceContext"] = context


class Asked(dagster.IOManager):
    def handle_output(self, context, obj):
        MET["OutputContext"] = context

    def load_input(self, context):
        MET["InputContext"] = context
        return 1


@dagster.job(resource_defs={"asked": Asked(), "made": made}, hooks={hook})
def meeting():
    asked(stored())


#: Class -> the object of it that a program met.
MET = {
    "AssetKey": dagster.AssetKey("a"),
    "DailyPartitionsDefinition": dagster.DailyPartitionsDefinition("2026-01-01"),
    "Definitions": dagster.Definitions(),
    "GraphDefinition": small,
    "JobDefinition": plain,
    "OpDefinition": one,
    "ResourceDefinition": made,
    "ScheduleEvaluationContext": dagster.build_schedule_context(),
    "StaticPartitionsDefinition": dagster.StaticPartitionsDefinition(["a"]),
}
#: Class -> some attributes that work.
WORKING = {
    "ExecuteInProcessResult": {
        "success",
        "output_for_node",
        "get_failed_step_keys",
        "retry_attempts_for_node",
    },
    "HookContext": {"op_output_metadata", "op_exception", "hook_def", "log"},
    "InitResourceContext": {"resource_config", "resources", "run", "run_id"},
    "InputContext": {"upstream_output", "dagster_type", "metadata", "resources", "has_input_name"},
    "OpExecutionContext": {"run", "partition_time_window", "get_mapping_key", "op_config", "retry_number"},
    "OutputContext": {"mapping_key", "step_key", "log_event", "add_output_metadata", "output_metadata"},
}


def test_each_attribute_is_there_or_is_refused():
    with quickly():
        MET["ExecuteInProcessResult"] = meeting.execute_in_process()
    assert MET.keys() == DAGSTER["attributes"].keys()
    assert isinstance(MET["ExecuteInProcessResult"], InProcessResult)
    for name, attributes in DAGSTER["attributes"].items():
        refused = {}
        for attribute in attributes:
            try:
                getattr(MET[name], attribute)
            except UnsupportedAttributeError as error:
                refused[attribute] = str(error)
            except dagster.DagsterInvariantViolationError:
                # It is there, and has no value for this object.
                continue
        for attribute, message in refused.items():
            assert re.search(rf"\.{attribute} has no counterpart here\. (Use .* instead|It has )", message)
        assert not refused.keys() & WORKING.get(name, set()), name
        assert WORKING.get(name, set()) <= set(attributes)
