"""What ops may be and return, outputs that graphs declare, items that only order, inputs from the config."""

from typing import Iterator, List, Sequence, Tuple

from dagster import (
    DynamicOut,
    DynamicOutput,
    GraphIn,
    GraphOut,
    In,
    IOManager,
    Nothing,
    Out,
    graph,
    io_manager,
    job,
    op,
)

RUNS = {
    "inputs_of_mapped_ops": [
        {"run_config": {"ops": {"add": {"inputs": {"y": {"value": y}}}, "by_default": {}}}} for y in (10, 20)
    ],
    "inputs_in_place_of_ops": [
        {
            "op_selection": ["add"],
            "run_config": {"ops": {"add": {"inputs": {"x": {"value": 3}, "y": {"value": 4}}}}},
        }
    ],
}


@op(out=DynamicOut(int))
async def asynchronous():
    for i in range(2):
        yield DynamicOutput(i, mapping_key=f"a{i}")


@op
async def awaited(x):
    return 10 * x


@op(out=DynamicOut(int))
def generator():
    return (DynamicOutput(i, mapping_key=f"g{i}") for i in range(2))


@op
def bare_list() -> List[DynamicOutput]:
    return [DynamicOutput("x", "b")]


@op
def plain_iterator() -> Iterator[DynamicOutput[int]]:
    yield DynamicOutput(1, "i")


@op(out=DynamicOut())
def unchecked() -> Iterator[DynamicOutput[int]]:
    yield DynamicOutput("not an int", "u")


@op(out={"many": DynamicOut(), "one": Out()})
def annotated_tuple() -> Tuple[List[DynamicOutput[int]], str]:
    return [DynamicOutput(1, "t")], "one"


@op(out=DynamicOut(Nothing))
def only_keys():
    yield DynamicOutput(None, "first")
    yield DynamicOutput(None, "second")


@op(ins={"start": In(Nothing)})
def key(context):
    return context.get_mapping_key()


@op
def listed(xs):
    return list(xs)


@op(ins={"xs": In(Sequence[int])})
def summed(xs):
    return sum(xs)


@op
def add(x, y):
    return x + y


@op
def by_default(x, y=7):
    return [x, y]


@op
def one():
    return 1


@op(out={"left": Out(), "right": Out()})
def both(x):
    return x, 2 * x


class Kept(IOManager):
    values = {}  # noqa: RUF012

    def handle_output(self, context, obj):
        self.values[context.step_key] = obj

    def load_input(self, context):
        return self.values[context.upstream_output.step_key]


@io_manager
def kept(_):
    return Kept()


class Words:
    def __init__(self):
        self.left = ["a", "b"]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop()

    def __repr__(self):
        return "Words()"


@op(out=Out(io_manager_key="kept"))
def an_iterator():
    return Words()


@op
def exhausted(x):
    return list(x)


@graph(out={"total": GraphOut()})
def named_output(x):
    return add(x, x)


@graph(ins={"x": GraphIn()}, out={"high": GraphOut(), "low": GraphOut()})
def outputs_by_place(x):
    return add(x, one()), x if x is None else by_default(x)


@graph(out={"high": GraphOut(), "low": GraphOut()})
def outputs_by_name(x):
    return {"low": by_default(x), "high": add(x, x)}


@graph(out={"high": GraphOut(), "low": GraphOut()})
def outputs_of_an_op(x):
    return both(x)


@graph
def graph_of_a_map(x):
    return add(x, awaited(x))


@job
def ops_of_all_kinds():
    listed(asynchronous().map(awaited).collect())
    listed(generator().map(lambda n: n).collect())
    listed(bare_list().collect())
    unchecked().map(exhausted)
    annotated_tuple().many.map(awaited)


@job
def not_dynamic():
    plain_iterator()


@job
def items_that_only_order():
    only_keys().map(key)
    below = generator().map(lambda n: key(start=awaited(n)))
    key.alias("last")(below.collect())


@job
def inputs_of_mapped_ops():
    generator().map(lambda n: add(n))
    generator().map(by_default)


@job
def inputs_in_place_of_ops():
    add(one(), one())


@job
def sequences():
    summed(generator().collect())


@job(resource_defs={"kept": kept})
def iterators_are_values():
    exhausted(an_iterator())


@job
def declared_outputs():
    add(named_output(one()), one())
    high, low = outputs_by_place(one())
    listed([high, low])
    outputs = outputs_by_name(one())
    listed([outputs.high, outputs.low])
    high, low = outputs_of_an_op(one())
    add(high, low)


@job
def mapped_with_names():
    outputs = generator().map(both)
    listed(outputs[1].collect())
    generator().map(graph_of_a_map)


@job
def maps_that_return_nothing():
    assert generator().map(lambda n: None) is None
