"""What cannot be right, or has no counterpart here, is refused with the remedy, before anything runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from airflow_dynamic_provider import errors
from airflow_dynamic_provider.dags_from import dagster
from airflow_dynamic_provider.dags_from.dagster import (
    AssetMaterialization,
    Backoff,
    Config,
    ConfigurableIOManager,
    ConfigurableResource,
    DagsterInvalidConfigError,
    DagsterInvalidDefinitionError,
    DagsterInvalidMetadata,
    DagsterInvariantViolationError,
    DagsterTypeCheckDidNotPass,
    Definitions,
    DynamicOut,
    DynamicOutput,
    EnvVar,
    Field,
    GraphIn,
    GraphOut,
    In,
    Jitter,
    Nothing,
    Out,
    Output,
    RetryPolicy,
    RunRequest,
    ScheduleDefinition,
    StaticPartitionsDefinition,
    StringSource,
    allow_any_mapping_key,
    build_op_context,
    build_schedule_context,
    fs_io_manager,
    graph,
    graph_asset,
    job,
    multiprocess_executor,
    op,
    resource,
    schedule,
)
from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedAttributeError, UnsupportedError


@op(out=DynamicOut(int))
def three():
    for i in range(3):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op(out=DynamicOut(int))
def others():
    yield DynamicOutput(1, mapping_key="o")


@op
def one():
    return 1


@op
def inc(x):
    return x + 1


@op
def add(x, y):
    return x + y


@op
def listed(xs: list):
    return xs


@op
def takes_int(x: int):
    return x


@op
def gives_nothing(x) -> None:
    pass


@op(ins={"start": In(Nothing)})
def after():
    return 1


@graph
def returns_collected():
    return three().map(inc).collect()


@graph(out={"a": GraphOut(), "b": GraphOut()})
def returns_another():
    return {"a": one(), "c": one()}


@graph
def small():
    return one()


@graph(out=GraphOut())
def returns_none():
    one()


BODIES = {
    "the input 'x' received the dynamic output three:result directly. Use map()": lambda: inc(three()),
    "the dynamic output was iterated": lambda: list(three()),
    "the dynamic output was indexed": lambda: three()[0],
    "the dynamic output was used as a truth value": lambda: bool(three()),
    "the dynamic output was asked for 'alias'": lambda: three().alias("x"),
    "one value of it was asked for 'map', but it exists only when the job runs": lambda: one().map(inc),
    "one value of it was iterated": lambda: three().map(lambda n: list(n)),
    "its collection was asked for 'map'": lambda: three().collect().map(inc),
    "the function of map() over three:result returned 5 of type int": lambda: three().map(lambda n: 5),
    "which has one value, not one for each key": lambda: three().map(lambda n: one()),
    "the input 'y' received 5 of type int. Pass the output of an op": lambda: three().map(
        lambda n: add(n, 5)
    ),
    "downstream of more than one dynamic output: of others:result and three:result": lambda: others().map(
        lambda o: three().map(lambda n: add(o, n))
    ),
    "downstream of the dynamic output three:result, and collects others:result": lambda: three().map(
        lambda n: add(n, others().collect())
    ),
    "the list for the input 'xs' has inc:result, which has a value for each key": lambda: three().map(
        lambda n: listed([inc(n)])
    ),
    "the list for the input 'xs' has <": lambda: listed([three().collect()]),
    "the function of map() over three:result returned <": lambda: three().map(lambda n: inc),
    "the function of map() over three:result returned [<": lambda: three().map(lambda n: [inc(n)]),
    "was asked for 'with_hooks'": lambda: three().with_hooks(set()),
    "the input 'x' of type int receives several values": lambda: takes_int(three().collect()),
    "receives that of 'gives_nothing', an op that returns nothing": lambda: listed(
        three().map(gives_nothing).collect()
    ),
    "the graph 'returns_collected' returned": returns_collected,
    "the graph 'returns_another' declares the outputs a, b, and returned a, c": returns_another,
    "the graph 'returns_none' declares the outputs result, and returned none": returns_none,
    "'inc' is called with 'z', which is not an input": lambda: inc(z=one()),
    "'inc' is called with 2 arguments and has 1 inputs": lambda: inc(one(), one()),
    "two nodes have the name 'same'": lambda: (one.alias("same")(), one.alias("same")()),
    "is downstream of more than one dynamic output: of three:result and others_below": lambda: three().map(
        lambda n: below(n).map(inc)
    ),
}


@op(name="others_below", out=DynamicOut(int))
def below(x):
    yield DynamicOutput(x, "a")


@pytest.mark.parametrize("message", BODIES)
def test_a_job_that_cannot_be_right_is_refused(message):
    def body():
        BODIES[message]()

    with pytest.raises(errors.DynamicOutputsError, match=re.escape(message)) as refused:
        job(body)
    assert refused.value.remedy
    assert isinstance(refused.value, (DagsterInvalidDefinitionError, DagsterInvariantViolationError))


def test_what_an_op_declares_is_checked():
    with pytest.raises(DagsterInvalidDefinitionError, match="is 'int', which Dagster does not check"):
        Out("int")
    with pytest.raises(DagsterInvalidDefinitionError, match=r"which Dagster does not check"):
        In(int | str)
    with pytest.raises(DagsterInvariantViolationError, match="can only return a list of them"):

        @op
        def wrong() -> DynamicOutput[int]: ...

    with pytest.raises(
        DagsterInvalidDefinitionError, match=r"declares the input 'z', which its function does not"
    ):

        @op(ins={"z": In(int)})
        def lacks_it(x): ...

    with pytest.raises(
        DagsterInvalidDefinitionError, match=r"an input of the op 'reserved' is refused: 'type' is"
    ):

        @op
        def reserved(type): ...

    with pytest.raises(DagsterInvalidDefinitionError, match="a required field has the default 1"):
        Field(int, default_value=1, is_required=True)
    with pytest.raises(DagsterInvalidDefinitionError, match=r"Use Backoff\.EXPONENTIAL, or only delay="):
        RetryPolicy(delay=1, backoff=Backoff.LINEAR, jitter=Jitter.FULL)

    def elsewhere(): ...

    for annotation in (Sequence[DynamicOutput[int]], tuple[list[DynamicOutput], str], DynamicOutput | None):
        elsewhere.__annotations__ = {"return": annotation}
        with pytest.raises(DagsterInvalidDefinitionError, match="DynamicOutput at a place at which Dagster"):
            op(elsewhere)

    with pytest.raises(DagsterInvalidDefinitionError, match="the input 'z', which it does not take"):

        @graph(ins={"z": GraphIn()})
        def lacks_it_too(x): ...

    for default in ("x", None):
        with pytest.raises(
            DagsterInvalidConfigError, match="the default_value of a Field must be of type int"
        ):
            Field(int, default_value=default)
    assert Field(StringSource, default_value={"env": "NOT_SET_YET"}).default_value == {"env": "NOT_SET_YET"}
    with pytest.raises(DagsterInvalidMetadata, match="metadata 'a': no metadata kind fits"):
        DynamicOutput(1, "a", metadata={"a": object()})
    with pytest.raises(
        UnsupportedError, match=r"dagster_run\(\) has no counterpart .* There is MetadataValue.dag_"
    ):
        dagster.MetadataValue.dagster_run("x")

    @op
    def annotated() -> list[DynamicOutput[int]]:
        return []

    assert annotated.outs["result"].is_dynamic
    assert annotated.outs["result"].dagster_type is int


def test_keys_have_dagsters_rule_unless_the_file_allows_others():
    for key in ("a.csv", "a b", "", "é", "input", "None"):
        with pytest.raises(DagsterInvalidDefinitionError, match="is not a valid name in Dagster") as refused:
            DynamicOutput(1, key)
        assert isinstance(refused.value, errors.InvalidMappingKeyError)
        assert "allow_any_mapping_key()" in str(refused.value)
    allow_any_mapping_key()
    try:
        assert DynamicOutput(1, "2026-01-31.csv").mapping_key == "2026-01-31.csv"
    finally:
        allow_any_mapping_key(False)


def test_names_without_a_counterpart_say_what_airflow_has():
    with pytest.raises(
        ImportError, match=r"Dagster's sensor has no counterpart .* a sensor task, or a Dag with an"
    ):
        from airflow_dynamic_provider.dags_from.dagster import sensor  # noqa: F401
    with pytest.raises(ImportError, match="Dagster's no_such_name has no counterpart"):
        dagster.no_such_name  # noqa: B018
    assert {name: getattr(dagster, name) for name in dir(dagster)}.keys() == set(dagster.__all__)


def test_what_is_not_supported_is_refused_when_it_is_called():
    with pytest.raises(UnsupportedError, match=r"Definitions\(sensors=\)"):
        Definitions(sensors=[1])
    with pytest.raises(UnsupportedError, match=r"'tag_concurrency_limits' of an executor .* Use a pool"):
        multiprocess_executor.configured({"tag_concurrency_limits": []})
    with pytest.raises(UnsupportedError, match="takes other assets as inputs"):
        graph_asset(lambda upstream: upstream)
    with pytest.raises(DagsterInvalidDefinitionError, match="Collect it into an op"):
        graph_asset(lambda: three(), name="dynamic_asset")
    message = r"context\.instance has no counterpart here\. Use Airflow's"
    with pytest.raises(UnsupportedAttributeError, match=message):
        build_op_context().instance  # noqa: B018
    assert not hasattr(build_op_context(), "instance")


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (
            [RunRequest(), RunRequest()],
            UnsupportedError,
            r"'each_run' asks for 2 runs at once, .* DynamicOutput",
        ),
        (
            3,
            DagsterInvalidConfigError,
            "'each_run' returned 3. Return a RunRequest, a SkipReason, a config or",
        ),
        (
            "instance",
            UnsupportedAttributeError,
            r"context\.instance has no counterpart here\. Use an op that asks, or Airflow's REST API",
        ),
    ],
)
def test_what_a_schedule_may_not_ask_for(returned, error, message):
    @job
    def plain():
        one()

    @schedule(["@daily", "@weekly"], job=plain)
    def each_run(context):
        return context.instance if returned == "instance" else returned

    assert type(each_run.job.dag.timetable).__name__ == "MultipleCronTriggerTimetable"
    with pytest.raises(error, match=message):
        each_run.job.requests.at(datetime(2026, 1, 1, tzinfo=timezone.utc))
    context = build_schedule_context(datetime(2026, 1, 2, tzinfo=timezone.utc))
    if returned != "instance":
        assert each_run(context) == returned


def test_a_schedule_may_ask_for_no_run():
    @job
    def plain():
        one()

    def at(**functions):
        made = ScheduleDefinition(job=plain, cron_schedule="@daily", **functions)
        return made.job.requests.at(datetime(2026, 1, 1, tzinfo=timezone.utc))

    assert at(execution_fn=lambda: None).skip_message == "the schedule asks for no run"
    assert at(should_execute=lambda context: False).skip_message == "should_execute of the schedule says so"
    asked = at(run_config_fn=lambda context: {"ops": {}}, tags_fn=lambda context: {"a": "b"})
    assert (asked.run_config, asked.tags) == ({"ops": {}}, {"a": "b"})
    assert at(execution_fn=lambda: (RunRequest(partition_key=each) for each in "x")).partition_key == "x"


class Sized(Config):
    size: int


@op(config_schema={"count": int, "name": Field(str, default_value="x")})
def counted(context): ...


@op
def sized(config: Sized):
    return config.size


@op
def with_input(n: int): ...


@job(partitions_def=StaticPartitionsDefinition(["a"]))
def configured():
    counted()
    sized()
    with_input()


GOOD = {
    "counted": {"config": {"count": 1}},
    "sized": {"config": {"size": 1}},
    "with_input": {"inputs": {"n": 1}},
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"counted": {}}, "the config at ops.counted.config.count is required and was not given"),
        ({"counted": {"config": {"count": "3"}}}, r"count must be of type int, received '3' of type str"),
        ({"counted": {"config": {"count": 3.0}}}, r"count must be of type int, received 3.0 of type float"),
        ({"counted": {"config": {"count": 3, "other": 1}}}, r"config.other is not a field of this config"),
        ({"sized": {"config": {"size": "1"}}}, r"ops.sized.config.size Input should be a valid integer"),
        (
            {"sized": {"config": {"size": 1, "more": 1}}},
            r"ops.sized.config.more Extra inputs are not permitted",
        ),
        ({"with_input": {}}, "Task 'with_input': the input 'n' has no value"),
        ({"unknown": {}}, "the config names the op 'unknown', which the job does not have"),
        (
            {"with_input": {"inputs": {"n": {"json": {"path": "/x"}}}}},
            "the input 'n' names a file, which has no counterpart here. Give the value itself",
        ),
    ],
)
def test_a_config_that_does_not_fit_is_refused_before_the_run(changed, message):
    with pytest.raises((DagsterInvalidConfigError, UnsupportedError), match=message):
        configured.execute_in_process(run_config={"ops": {**GOOD, **changed}})


def test_a_resource_that_the_job_does_not_have_is_refused_before_the_run():
    @op(required_resource_keys={"store"})
    def uses_store(context): ...

    @job
    def lacking():
        uses_store()

    with pytest.raises(
        DagsterInvalidDefinitionError, match=r"^Task 'uses_store': requires the resource 'store'"
    ):
        lacking.execute_in_process()
    with pytest.raises(
        DagsterInvalidConfigError, match=r"names the resource 'other', which the job does not have"
    ):
        lacking.execute_in_process(run_config={"resources": {"other": {}}}, resources={"store": 1})
    config = {"resources": {"store": {"config": {"base_dir": 3}}}}
    with pytest.raises(DagsterInvalidConfigError, match=r"store\.config\.base_dir must be of type str"):
        lacking.execute_in_process(config, resources={"store": fs_io_manager})


class Client(ConfigurableResource):
    url: str
    number: int = 1


class Around(ConfigurableResource):
    client: Client


@pytest.mark.parametrize(
    ("client", "config", "message"),
    [
        (Client(url="a"), {"nope": 1}, "client.config.nope Extra inputs are not permitted"),
        (Client(url="a"), {"url": 3}, "client.config.url Input should be a valid string, received 3"),
        (Client.configure_at_launch(), {}, "client.config.url is required and was not given"),
        (Client.configure_at_launch(url="a"), {"numbre": 1}, "client.config.numbre Extra inputs"),
        (Around(client=Client(url="a")), {"client": {"url": "b"}}, "client.config.client Extra inputs"),
        (Client(url=EnvVar("NO_SUCH")), {}, "client.config.url names the environment variable 'NO_SUCH'"),
    ],
)
def test_the_config_of_a_resource_is_checked_before_the_run(client, config, message):
    @job(resource_defs={"client": client})
    def with_client():
        one()

    with pytest.raises(DagsterInvalidConfigError, match=message):
        with_client.execute_in_process({"resources": {"client": {"config": config}}})


def test_what_exists_only_in_a_run_is_not_used_before():
    for variable in (EnvVar("A"), EnvVar.int("A")):
        for use in (str, "{}".format):
            with pytest.raises(RuntimeError, match=r"EnvVar\('A'\) was used as a string.* or call get_value"):
                use(variable)
    with pytest.raises(DagsterInvariantViolationError, match="asked for its context before it was set up"):
        Client(url="a").get_resource_context()
    config = Sized(size=1)
    with pytest.raises(ValueError, match="frozen"):
        config.size = 2


class Loading(ConfigurableIOManager):
    def handle_output(self, context, obj): ...

    def load_input(self, context): ...


@op(ins={"x": In(input_manager_key="loading")})
def loaded(x): ...


def test_an_input_manager_needs_a_stored_output():
    @job(resource_defs={"loading": Loading()})
    def loading():
        loaded(one())

    message = (
        r"In\(input_manager_key=\) of the input 'x' has no counterpart for one:result, which no IO manager"
    )
    with pytest.raises(UnsupportedError, match=message):
        loading.execute_in_process()


@pytest.mark.parametrize("tag", ["dagster-k8s/config", "ecs/cpu", "dagster/max_retries", "dagster/image"])
def test_tags_of_other_schedulers_are_refused(tag):
    message = rf"the tag '{tag}' of .* has no counterpart here\. Leave it out\. (A|The deployment)"

    def body():
        one()

    for tagged in (
        job(tags={tag: "1"}),
        op(tags={tag: "1"}),
        graph(tags={tag: "1"}),
        job(run_tags={tag: "1"}),
    ):
        with pytest.raises(UnsupportedError, match=message):
            tagged(body)
    with pytest.raises(UnsupportedError, match=message):
        one.tag({tag: "1"})
    with pytest.raises(UnsupportedError, match=message):
        one.alias("other").tag({tag: "1"})


ARGUMENTS = {
    r"the tag 'a' of the op 'body' is <object .*>, which is not JSON": lambda: op(tags={"a": object()}),
    r"the tag 'a' of the job 'body' is \(1,\), which is not JSON": lambda: job(tags={"a": (1,)}),
    r"@op\(ins=\) of 'body', at 'x' is <class 'int'> of type type\. Pass In\.": lambda: op(ins={"x": int}),
    r"@op\(retry_policy=\) of 'body' is 3 of type int\. Pass Retry": lambda: op(retry_policy=3),
    r"@job\(op_retry_policy=\) of 'body' is 3 of type int\. Pass Retry": lambda: job(op_retry_policy=3),
    r"@job\(partitions_def=\) of 'body' is 'x' .* Pass Static.* or Daily": lambda: job(partitions_def="x"),
    r"@job\(executor_def=\) of 'body' is 'x'": lambda: job(executor_def="x"),
    r"@job\(hooks=\) of 'body' is 'x' of type str\. Pass HookDefinition": lambda: job(hooks={"x"}),
    r"'max_retries' .* of an executor|the config 'tag_concurrency_limits' of an executor has no": lambda: job(
        config={"execution": {"config": {"multiprocess": {"tag_concurrency_limits": []}}}}
    ),
    r"@graph\(config=\) of 'body' has no counterpart": lambda: graph(config={}),
    r"RetryPolicy\(max_retries=\) is '3' of type str": lambda: RetryPolicy(max_retries="3"),
    r"RetryPolicy\(delay=\) is 'x' of type str\. Pass int or float": lambda: RetryPolicy(delay="x"),
    r"RetryPolicy\(backoff=\) is 'LINEAR'": lambda: RetryPolicy(delay=1, backoff="LINEAR"),
    r"the type of an output is 3, which Dagster does not check": lambda: Out(3),
    r"the partition key 'a' is given twice": lambda: StaticPartitionsDefinition(["a", "a"]),
    r"a partition key is 1 of type int\. Pass str": lambda: StaticPartitionsDefinition([1]),
}


@pytest.mark.parametrize("message", ARGUMENTS)
def test_an_argument_of_another_kind_is_refused(message):
    def body():
        one()

    with pytest.raises(errors.DynamicOutputsError, match=message):
        ARGUMENTS[message]()(body)


def test_a_default_has_the_type_of_its_input():
    message = (
        r"default of the input 'x' is not of its type int: received None .* declare Optional of the type"
    )
    with pytest.raises(DagsterInvalidDefinitionError, match=message):

        @op
        def by_signature(x: int = None): ...  # noqa: RUF013 (Dagster does not take it)

    with pytest.raises(DagsterInvalidDefinitionError, match=message):

        @op(ins={"x": In(int, default_value=None)})
        def by_declaration(x): ...


def test_a_partition_that_there_is_not_is_refused_before_the_run():
    with pytest.raises(DagsterInvalidConfigError, match=r"there is no partition 'z'\. The partitions are a"):
        configured.execute_in_process(run_config={"ops": GOOD}, partition_key="z")


def test_a_selection_that_cannot_run_is_refused():
    @job
    def chain():
        inc(one())

    @job
    def many():
        listed(three().map(inc).collect())

    with pytest.raises(DagsterInvalidConfigError, match="Task 'inc': the input 'x' has no value"):
        chain.execute_in_process(op_selection=["inc"])
    for selection, lacking in ((["inc"], "three"), (["listed"], "inc")):
        with pytest.raises(DagsterInvalidDefinitionError, match=f"not '{lacking}', whose output it needs"):
            many.execute_in_process(op_selection=selection)
    with pytest.raises(
        DagsterInvalidDefinitionError, match=r"names no op of the job.* Keys cannot be selected"
    ):
        chain.execute_in_process(op_selection=["inc[a]"])


STATES = []


@resource
def closing(_):
    STATES.append("open")
    yield "open"
    STATES.append("closed")


@op(required_resource_keys={"store"})
def required(context):
    return context.resources.store


@op
def telling(context):
    context.log_event(AssetMaterialization("told"))


@op
def gives_another_type() -> int:
    return "x"


@op
async def gives_it_later() -> int:
    return "x"


@op(out=DynamicOut(int))
def yields_another_type():
    yield DynamicOutput("x", "a")


@op(out={"one": Out(), "two": Out()})
def yields_one_of_two():
    yield Output(1, "one")


#: Direct calls that do not fit, and what is said about them.
CALLS = [
    (lambda: inc(), "the op 'inc' is called without its input 'x'. Pass it"),
    (lambda: inc(1, 2), "the op 'inc' is called with 2 arguments. It takes x"),
    (lambda: inc(1, x=2), "the op 'inc' is called with 'x' twice. It takes x"),
    (lambda: inc(y=2), "the op 'inc' is called with 'y'. It takes x"),
    (lambda: required(), "'required' takes a context, and is called without one"),
    (
        lambda: required(build_op_context()),
        "'required' is called without its resource 'store'. Pass it: build_",
    ),
    (lambda: takes_int("1"), "the input 'x' of 'takes_int' did not pass: expected int"),
    (lambda: gives_another_type(), "the output 'result' of 'gives_another_type' did not pass: expected int"),
    (lambda: asyncio.run(gives_it_later()), "the output 'result' of 'gives_it_later' did not pass"),
    (lambda: list(yields_another_type()), "the output 'result' of 'yields_another_type' did not pass"),
    (
        lambda: list(yields_one_of_two()),
        "'yields_one_of_two' did not give the output 'two', which is required",
    ),
    (lambda: small(), "'small', a graph or an op with settings, is called outside a job or graph"),
    (lambda: configured(), "the job 'configured' was called as a function. Run it: job.execute_in_process"),
]


def test_an_op_is_called_directly_as_plain_python():
    @op(config_schema={"by": int})
    def scaled(context, x, y=2):
        return [context.op_config["by"] * x, y, context.get_mapping_key(), context.resources.store]

    context = build_op_context(op_config={"by": 3}, resources={"store": "s"}, mapping_key="k")
    assert scaled(context, 2) == [6, 2, "k", "s"]
    assert scaled(context, x=2, y=5) == [6, 5, "k", "s"]
    assert [each.mapping_key for each in three()] == ["k0", "k1", "k2"]
    assert sized(config=Sized(size=1)) == 1
    assert sized(Sized(size=2)) == 2
    with build_op_context(resources={"store": closing}) as entered:
        assert required(entered) == "open"
        assert STATES == ["open"]
    assert STATES == ["open", "closed"]
    for called, message in CALLS:
        with pytest.raises(errors.DynamicOutputsError, match=message):
            called()
    told = build_op_context()
    telling(told)
    assert [event.asset_key.path for event in told.get_events()] == [["told"]]
    with pytest.raises(DagsterInvalidConfigError, match="must be of type int"):
        scaled(build_op_context(op_config={"by": "3"}), 1)


@op(out={"many": DynamicOut(), "one": Out()})
def several(): ...


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, "added metadata without output_name=, and has several outputs"),
        ({"output_name": "other"}, "added metadata for 'other', which it does not declare"),
        ({"output_name": "many"}, "for the dynamic output 'many' without a mapping key. Pass mapping_key="),
        ({"output_name": "many", "mapping_key": "a"}, "for an output 'many' that it has given already"),
        ({"output_name": "one"}, "for an output 'one' that it has given already. Add the metadata before"),
    ],
)
def test_metadata_belongs_to_an_output_that_is_still_to_come(target, message):
    context = build_op_context()
    context.op_def = several
    context.given("many", "a")
    context.given("one", None)
    with pytest.raises(DagsterInvariantViolationError, match=message):
        context.add_output_metadata({"a": 1}, **target)
    context.add_output_metadata({"a": 1}, "many", "b")
    context.add_output_metadata({"b": 2}, "many", "b")
    assert context.get_output_metadata("many", "b").keys() == {"a", "b"}


def test_errors_are_of_this_package_too():
    assert issubclass(DagsterTypeCheckDidNotPass, errors.OutputTypeError)
    assert issubclass(DagsterInvalidDefinitionError, errors.DeclarationError)
    assert issubclass(DagsterInvariantViolationError, errors.UnexpectedOutputError)
    assert Output(1, metadata={"a": 1}).metadata["a"].value == 1
