"""Maps, chained maps, several ops in one function, tuples, leaked handles, collects."""

from typing import List

from dagster import DynamicOut, DynamicOutput, In, Nothing, Out, Output, job, op

RUNS = {
    "files": [{"run_config": {"ops": {"list_files": {"config": {"count": n}}}}} for n in (3, 0)],
}


@op(out=DynamicOut(int))
def three():
    for i in range(3):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op(out=DynamicOut(str))
def words():
    for word in ("z", "b", "a"):
        yield DynamicOutput(word * 2, mapping_key=word)


@op
def inc(x):
    return x + 1


@op
def echo(x):
    return x


@op
def add(x, y):
    return x + y


@op
def total(xs: List[int]) -> int:
    assert type(xs) is list
    return sum(xs)


@op
def listed(xs):
    return list(xs)


@op
def two_lists(xs, ys):
    return [xs, ys]


@op
def const() -> int:
    return 10


@op(config_schema={"count": int}, out=DynamicOut(str))
def list_files(context):
    for i in range(context.op_config["count"]):
        yield DynamicOutput(f"file {i}", mapping_key=f"file_{i}")


@op
def length(context, name: str) -> int:
    assert context.get_mapping_key().startswith("file_")
    return len(name)


@op
def with_key(context, x):
    return f"{context.get_mapping_key()}={x}"


@op(ins={"start": In(Nothing)})
def after():
    return "after"


@job(config={"ops": {"list_files": {"config": {"count": 1}}}})
def files():
    total(list_files().map(length).collect())


@job
def chained():
    listed(three().map(inc).map(echo).collect())


@job
def chained_in_a_lambda():
    listed(three().map(lambda n: inc(inc(n))).collect())


@job
def chained_in_a_loop():
    numbers = three()
    for _ in range(3):
        numbers = numbers.map(inc)
    total(numbers.collect())


@job
def diamond():
    three().map(lambda n: add(inc(n), echo(n)))


@job
def static_inside():
    three().map(lambda n: add(n, const()))


@job
def static_outside():
    ten = const()
    listed(three().map(lambda n: add(n, ten)).collect())


@job
def tuples():
    first, second = three().map(lambda n: (inc(n), echo(n)))
    two_lists(first.collect(), second.collect())


@job
def used_twice():
    numbers = three()
    numbers.map(inc)
    numbers.map(inc)
    listed(numbers.collect())


@job
def leaked():
    kept = []
    numbers = three()
    numbers.map(lambda n: kept.append(inc(n)))
    numbers.map(lambda n: add(kept[0], n))


@job
def collected_inside_the_lambda():
    numbers = three()
    numbers.map(lambda n: (inc(n), listed(numbers.collect()))[0])


@job
def order_of_emission():
    listed(words().map(with_key).collect())


@job
def identity():
    listed(three().map(lambda n: n).collect())


@job
def nothing_after_all():
    after(three().map(inc).collect())


@job
def two_dynamic_outputs():
    two_lists(three().map(inc).collect(), words().map(echo).collect())


@job
def collected_for_another_map():
    sum_of = total(three().collect())
    words().map(lambda word: two_lists(word, sum_of))


@op(out=Out(str))
def one_output():
    yield Output("x")


@job
def static_only():
    with_key(echo(one_output()))
