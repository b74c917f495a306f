"""Resources, configs, hooks, loggers, partitions, contexts, definitions."""

import os
from typing import List, Optional

from dagster import (
    Array,
    Config,
    ConfigurableResource,
    Definitions,
    DynamicOut,
    DynamicOutput,
    EnvVar,
    Field,
    MetadataValue,
    Noneable,
    OpExecutionContext,
    Out,
    Output,
    ResourceParam,
    RunConfig,
    Selector,
    Shape,
    StaticPartitionsDefinition,
    String,
    failure_hook,
    file_relative_path,
    get_dagster_logger,
    job,
    multiprocess_executor,
    op,
    resource,
    success_hook,
)

EVENTS = []
FAILURES = []

RUNS = {
    "run_config_objects": [
        {"run_config": {"ops": {"sized": {"config": {"size": 2}}}}},
        {"run_config": {"ops": {"sized": {"config": {"size": 1, "names": ["x"], "title": "t"}}}}},
    ],
    "partitioned": [{"partition_key": key} for key in ("b", "a")],
    "resource_config": [{"run_config": {"resources": {"store": {"config": {"prefix": p}}}}} for p in "xy"],
    "resources_replaced": [{"resources": {"client": "replaced"}}],
    "selected": [{"op_selection": selection} for selection in (["three"], ["three+"], ["*collected"])],
}


@op(out=DynamicOut(int))
def three():
    for i in range(3):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op
def collected(xs):
    return list(xs)


class Sized(Config):
    size: int
    names: List[str] = ["a", "b"]  # noqa: RUF012
    title: Optional[str] = None


@op(out=DynamicOut(str))
def sized(config: Sized):
    for name in config.names:
        yield DynamicOutput(f"{name}{config.size}{config.title}", mapping_key=name)


@op(
    config_schema={
        "required": int,
        "text": Field(str, default_value="default", is_required=False),
        "flag": Field(bool, default_value=False),
        "list": Field([int], default_value=[1, 2]),
        "array": Field(Array(str), default_value=[]),
        "shape": Field(Shape({"inner": Field(float, default_value=0.5)})),
        "maybe": Field(Noneable(int), default_value=None),
        "absent": Field(str, is_required=False),
        "string": Field(String, default_value="s"),
        "one_of": Field(Selector({"a": int, "b": str}), default_value={"a": 1}),
    }
)
def configured_op(context, x):
    return {**context.op_config, "x": x}


@resource(config_schema={"prefix": Field(str, default_value="p")})
def store(context):
    EVENTS.append("open")
    prefix = context.resource_config["prefix"]
    yield lambda value: f"{prefix}{value}"
    EVENTS.append("close")


@resource(required_resource_keys={"store"})
def second(context):
    return lambda value: context.resources.store(value) + "!"


@resource
def events(_):
    return list(EVENTS)


@op(required_resource_keys={"store"})
def uses_store(context, x):
    return context.resources.store(x)


@op(required_resource_keys={"second"})
def uses_second(context, x):
    return context.resources.second(x)


@op(required_resource_keys={"client"})
def uses_client(context):
    return context.resources.client


class Client(ConfigurableResource):
    url: str
    token: str = "none"

    def get(self, path):
        return f"{self.url}/{path}?{self.token}"


class Nested(ConfigurableResource):
    client: Client

    def get(self, path):
        return self.client.get(path) + "#"


class Counted(ConfigurableResource):
    start: int = 5

    def setup_for_execution(self, context):
        EVENTS.append("setup")

    def teardown_after_execution(self, context):
        EVENTS.append("teardown")

    def count(self):
        return [self.start, EVENTS.count("setup") - EVENTS.count("teardown")]


@op
def fetch(context: OpExecutionContext, client: Client, x: int) -> str:
    return client.get(str(x))


@op
def fetch_nested(nested: Nested, x: int) -> str:
    return nested.get(str(x))


@op
def counts(counted: Counted, x):
    return counted.count()


@op
def takes_plain(plain: ResourceParam[str], x):
    return plain + str(x)


@op(out={"a": Out(str), "b": Out(str)})
def contexts(context, x):
    get_dagster_logger().info("from the logger")
    context.log.info("from the context")
    context.add_output_metadata({"number": 1}, output_name="a")
    yield Output(
        f"{context.op_def.name} {context.job_name} {context.get_mapping_key()} {context.retry_number}", "a"
    )
    yield Output(str(context.has_partition_key), "b", metadata={"url": MetadataValue.url("http://x")})


@op(out=DynamicOut(str))
def in_partition(context):
    for i in range(2):
        yield DynamicOutput(f"{context.partition_key}{i}", mapping_key=f"p{i}")


@op
def named_like_airflow(params, ds, task, run_id, dag, ti):
    return [params, ds, task, run_id, dag, ti]


@op
def beside():
    return os.path.basename(file_relative_path(__file__, "data/x.csv"))


@success_hook
def succeeded(context):
    EVENTS.append(f"success of {context.step_key}")


@failure_hook(name="failed")
def failed(context):
    FAILURES.append(f"failure of {context.step_key}: {type(context.op_exception).__name__}")


@op
def fails_at_one(x):
    if x == 1:
        raise ValueError("one")
    return x


@op
def hook_events(start):
    return sorted(each for each in set(EVENTS) if " of " in each)


@op
def passed_on(x):
    return x


@job
def run_config_objects():
    collected(sized().collect())


@job(config={"ops": {"configured_op": {"config": {"required": 3, "shape": {}, "one_of": {"b": "chosen"}}}}})
def config_schemas():
    three().map(configured_op)


@job(config=RunConfig(ops={"sized": Sized(size=7, names=["q"])}))
def config_of_the_job():
    collected(sized().collect())


@job(resource_defs={"store": store, "second": second})
def resource_config():
    three().map(lambda n: (uses_store(n), uses_second(n)))


@job(resource_defs={"store": store.configured({"prefix": "fixed"}), "second": second})
def resource_configured():
    collected(three().map(uses_second).collect())


@job(resource_defs={"client": "a plain object"})
def resources_replaced():
    uses_client()


@job(resource_defs={"client": Client(url="http://a", token=EnvVar("DAGSTER_TEST_VARIABLE"))})
def pythonic_resource():
    collected(three().map(fetch).collect())


@job(resource_defs={"nested": Nested(client=Client(url="http://b")), "plain": "plain", "counted": Counted()})
def several_resources():
    three().map(lambda n: (fetch_nested(n), takes_plain(n), counts(n)))


@job
def context_of_an_op():
    three().map(contexts)


@job(partitions_def=StaticPartitionsDefinition(["a", "b"]))
def partitioned():
    collected(in_partition().map(lambda each: each).collect())


@job
def names_of_airflow():
    numbers = three()
    one = collected.alias("one")(numbers.collect())
    numbers.map(lambda n: named_like_airflow(n, n, one, n, one, n))


@job
def files_beside():
    beside()


@job(hooks={succeeded, failed}, executor_def=multiprocess_executor)
def hooks_of_a_job():
    hook_events(collected(three().collect()))


@job
def hook_of_an_op():
    numbers = three.with_hooks({succeeded})()
    numbers.map(lambda n: fails_at_one.with_hooks({failed})(n))


@job
def selected():
    collected(three().map(lambda n: passed_on(n)).collect())


needs_resources = Definitions(jobs=[pythonic_resource])
