"""Graphs as nodes, aliases, tags, graphs as jobs, inputs of graphs, selections of ops."""

from dagster import (
    DynamicOut,
    DynamicOutput,
    GraphIn,
    GraphOut,
    In,
    graph,
    job,
    op,
)

RUNS = {
    "input_from_config": [{"run_config": {"ops": {"doubled": {"inputs": {"x": {"value": 4}}}}}}],
    "graph_input_from_config": [{"run_config": {"ops": {"produce": {"inputs": {"n": 2}}}}}],
    "with_op_config": [
        {"run_config": {"ops": {"scaled": {"ops": {"scale": {"config": {"by": by}}}}}}} for by in (2, 5)
    ],
    "job_with_inputs": [{"input_values": {"n": 3}}],
}


@op(out=DynamicOut(int))
def numbers(n: int):
    for i in range(n):
        yield DynamicOutput(i, mapping_key=f"n{i}")


@op
def three():
    return 3


@op
def inc(x):
    return x + 1


@op
def doubled(x: int):
    return 2 * x


@op
def add(x, y):
    return x + y


@op
def listed(xs):
    return list(xs)


@op(config_schema={"by": int})
def scale(context, x):
    return x * context.op_config["by"]


@op(ins={"x": In(int, default_value=7)})
def with_default(x):
    return x


@op
def with_python_default(x, y=5):
    return [x, y]


@graph
def two_steps(x):
    return doubled(inc(x))


@graph
def produce(n):
    return numbers(n)


@graph
def produce_and_map(n):
    return numbers(n).map(inc)


@graph(out={"dynamic": GraphOut(), "static": GraphOut()})
def two_outputs(n):
    return {"dynamic": numbers(n).map(inc), "static": inc(n)}


@graph
def whole(n):
    return listed(numbers(n).map(two_steps).collect())


@graph
def nested(n):
    return add(whole(n), whole(n))


@graph(ins={"x": GraphIn()})
def scaled(x):
    return scale(x)


@job
def mapped_graph():
    listed(numbers(three()).map(two_steps).collect())


@job
def dynamic_from_graph():
    listed(produce(three()).map(inc).collect())


@job
def mapped_from_graph():
    produced = produce_and_map(three())
    listed(produced.map(inc).collect())


@job
def graph_with_two_outputs():
    outputs = two_outputs(three())
    static = outputs.static
    listed(outputs.dynamic.map(lambda n: add(n, static)).collect())


@job
def graphs_in_graphs():
    nested(three())


@job
def graph_called_twice():
    add(two_steps(three()), two_steps.alias("again")(three()))


@job
def aliases():
    first = inc.alias("first")(three())
    second = inc.alias("second").tag({"team": "x"})(first)
    inc(second)


@job
def input_from_config():
    doubled()


@job
def graph_input_from_config():
    listed(produce().map(inc).collect())


@job
def defaults():
    with_default()
    with_python_default(three())


@job(config={"ops": {"scaled": {"ops": {"scale": {"config": {"by": 3}}}}}})
def with_op_config():
    numbers(three()).map(scaled)


@job
def job_with_inputs(n):
    listed(numbers(n).map(inc).collect())


@job
def mapped_graph_in_lambda():
    numbers(three()).map(lambda n: add(two_steps(n), three()))


graph_as_job = whole.to_job(name="graph_as_job", input_values={"n": 2})

fixed = scale.configured({"by": 10}, name="fixed")


@job
def configured_op():
    numbers(three()).map(fixed)


from_function = scale.configured(
    lambda config: {"by": config["half"] * 2}, config_schema={"half": int}, name="computed"
)


@job(config={"ops": {"computed": {"config": {"half": 4}}}})
def configured_by_function():
    numbers(three()).map(from_function)
