"""What ops, hooks, resources and IO managers can ask, and what they can say about outputs."""

from typing import List

from dagster import (
    AssetKey,
    AssetMaterialization,
    ConfigurableIOManager,
    DailyPartitionsDefinition,
    DynamicOut,
    DynamicOutput,
    FilesystemIOManager,
    In,
    IOManager,
    MetadataValue,
    Out,
    Output,
    RetryPolicy,
    failure_hook,
    fs_io_manager,
    io_manager,
    job,
    op,
    resource,
    success_hook,
)

HOOKED = []
SEEN = []

RUNS = {
    "days": [{"partition_key": day} for day in ("2026-01-31", "2026-03-01")],
}


@op(out=DynamicOut(int))
def three():
    for i in range(3):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op
def listed(xs):
    return list(xs)


@op(tags={"of_op": "o"})
def asks(context, x):
    return [
        [context.op.name, context.op_def.name, context.job_name, context.describe_op()],
        [context.run.job_name, context.run.run_id == context.run_id == context.dagster_run.run_id],
        [context.has_tag("of_job"), context.get_tag("of_op"), dict(context.run.tags).get("of_job")],
        [context.run_config == context.run.run_config, str(context.op_handle), context.has_partition_key],
    ]


@op
def day(context):
    window = context.partition_time_window
    return [context.partition_key, str(window.start), str(window.end)]


@op(out={"maybe": Out(int, is_required=False), "sure": Out(int)})
def tells_of_both(context):
    context.add_output_metadata({"never": "shown"}, output_name="maybe")
    context.add_output_metadata({"key": AssetKey("a")}, output_name="sure")
    context.add_output_metadata({"other": MetadataValue.asset(AssetKey(["a", "b"]))}, output_name="sure")
    yield Output(1, "sure", metadata={"key": "overridden"})


@op(out=DynamicOut(int), retry_policy=RetryPolicy(max_retries=1))
def tries_twice(context):
    if context.retry_number == 0:
        yield DynamicOutput(1, "only_first")
        yield DynamicOutput(1, "both")
        raise ValueError("again")
    context.add_output_metadata({"a": 1, "b": 1}, mapping_key="both")
    context.add_output_metadata({"b": 2}, mapping_key="both")
    yield DynamicOutput(2, "only_second")
    yield DynamicOutput(2, "both", metadata={"b": 3, "c": 3})


def _plain(found):
    if isinstance(found, dict):
        return {name: _plain(each) for name, each in found.items()}
    return getattr(found, "value", found)


@success_hook(required_resource_keys={"store"})
def after_success(context):
    HOOKED.append(
        [
            [context.hook_def.name, context.op.name, context.step_key, context.job_name, context.op_config],
            [context.resources.store, sorted(context.required_resource_keys), context.op_exception],
            [context.op_output_values, _plain(context.op_output_metadata)],
        ]
    )


@failure_hook
def after_failure(context):
    HOOKED.append([context.step_key, str(context.op_exception), context.op_output_values])


@success_hook
def broken_hook(_context):
    raise ValueError("a hook")


@op
def hooked(start):
    return sorted(HOOKED, key=str)


@op
def seen(start):
    return sorted(SEEN, key=str)


@resource
def store(context):
    return f"store of {context.run.job_name}"


class Asking(IOManager):
    def __init__(self):
        self.kept = {}

    def handle_output(self, context, obj):
        kind = context.dagster_type
        SEEN.append([context.step_key, context.name, context.mapping_key, context.definition_metadata])
        SEEN.append([context.op_def.name, kind.display_name, context.config, context.version])
        SEEN.append([context.resources.store, context.has_asset_key, context.has_partition_key])
        context.log_event(AssetMaterialization(["kept", context.step_key.partition("[")[0]]))
        context.add_output_metadata({"size": 1})
        self.kept[tuple(context.get_identifier())] = obj

    def load_input(self, context):
        upstream = context.upstream_output
        SEEN.append([context.name, context.metadata, context.has_input_name, context.resources.store])
        SEEN.append([upstream.step_key, upstream.mapping_key, upstream.metadata, context.config])
        return self.kept[tuple(upstream.get_identifier())]


@io_manager(required_resource_keys={"store"})
def asking(_):
    return Asking()


class Loading(ConfigurableIOManager):
    def handle_output(self, context, obj):
        raise NotImplementedError

    def load_input(self, context):
        upstream = context.upstream_output
        return [context.name, context.metadata, None if upstream is None else upstream.step_key]


@op(out=DynamicOut(int, metadata={"path": "p"}))
def described():
    yield DynamicOutput(1, "a", metadata={"given": 1})


@op(ins={"x": In(int, metadata={"in": 1})})
def passes(x):
    return x


@op
def total(xs: List[int]):
    return sum(xs)


@op(ins={"x": In(metadata={"from": "outside"}, input_manager_key="loading")})
def loaded(x):
    return x


@job(tags={"of_job": "j"})
def contexts_of_mapped_ops():
    three().map(asks.alias("renamed"))


@job(partitions_def=DailyPartitionsDefinition(start_date="2026-01-01"))
def days():
    day()


@job
def metadata_of_all_kinds():
    maybe, sure = tells_of_both()
    listed([maybe, sure])


@job(resource_defs={"store": store}, hooks={after_success, after_failure, broken_hook})
def hooks_ask():
    hooked(listed(tries_twice().collect()))


@job(resource_defs={"io_manager": asking, "store": store})
def io_managers_ask():
    seen(total(described().map(passes).collect()))


@job(resource_defs={"loading": Loading()})
def input_from_an_io_manager():
    loaded()


@job(
    resource_defs={"loading": Loading(), "io_manager": FilesystemIOManager(base_dir="/tmp/dagster_programs")}
)
def input_by_another_io_manager():
    three().map(loaded)


@job(resource_defs={"io_manager": fs_io_manager})
def files_at_the_default_place():
    listed(three().map(passes).collect())


@op
def materializes(context, x):
    key = AssetKey(["files", context.get_mapping_key()])
    context.log_event(AssetMaterialization(key, description="written", metadata={"number": x}))
    yield AssetMaterialization(
        "yielded", partition="p", metadata={"text": "t", "path": MetadataValue.path("/a")}
    )
    yield Output(x)


@job
def materializations():
    listed(three().map(materializes).collect())
