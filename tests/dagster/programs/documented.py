"""The shapes that Dagster documents for dynamic outputs, in programs of our own."""

import os

from dagster import (
    DynamicOut,
    DynamicOutput,
    Field,
    In,
    Nothing,
    Out,
    Output,
    file_relative_path,
    graph,
    job,
    op,
)


@op(config_schema={"path": Field(str, default_value=file_relative_path(__file__, "."))}, out=DynamicOut(str))
def files_in_directory(context):
    for name in sorted(os.listdir(context.op_config["path"])):
        if name == os.path.basename(__file__):
            yield DynamicOutput(name, mapping_key=name.replace(".", "_"))


@op
def letters(context, name: str) -> int:
    context.log.info("counting %s", name)
    return len(name)


@op
def added(sizes) -> int:
    return sum(sizes)


@op(out=DynamicOut())
def load_pieces():
    data = list(range(10))
    for start in range(0, len(data), 4):
        yield DynamicOutput(data[start : start + 4], mapping_key=str(start))


@op
def compute(piece):
    return [each * each for each in piece]


@op
def merge(pieces):
    return [each for piece in pieces for each in piece]


@op
def load_all():
    return [1, 2, 3]


@op
def compare(context, found, wanted):
    return [context.get_mapping_key(), len(found) <= len(wanted)]


@op(ins={"start": In(Nothing)}, out=Out(str))
def published():
    yield Output("published")


@op(out={"a": DynamicOut(int), "b": DynamicOut(int)})
def two():
    for i in range(2):
        yield DynamicOutput(i, mapping_key=f"m{i}", output_name="a")
    yield DynamicOutput(10, mapping_key="m0", output_name="b")


@op
def returned() -> list[DynamicOutput[int]]:
    return [DynamicOutput(i, mapping_key=f"r{i}") for i in range(2)]


@op
def plus(x, y):
    return x + y


@op
def doubled(x):
    return 2 * x


@graph
def process_piece(piece):
    return compute(compute(piece))


@job
def directory_with_default_path():
    added(files_in_directory().map(letters).collect())


@job
def pieces_of_data():
    merge(load_pieces().map(compute).collect())


@job
def pieces_by_graph():
    published(merge(load_pieces().map(process_piece).collect()))


@job
def other_arguments():
    wanted = load_all()
    load_pieces().map(lambda piece: compare(compute(piece), wanted))


@job
def chained_in_one_lambda():
    added(returned().map(lambda x: doubled(doubled(x))).collect())


@job
def chained_by_methods():
    added(returned().map(doubled).map(doubled).collect())


@job
def several_unpacked():
    a, b = two()
    plus(added(a.map(doubled).collect()), added.alias("of_b")(b.collect()))


@job
def several_by_name():
    outputs = two()
    outputs.a.map(doubled)
    outputs.b.map(doubled)
