"""Optional outputs and what they skip, zero keys, several outputs, fan-in of lists."""

from typing import List

from dagster import DynamicOut, DynamicOutput, In, Nothing, Out, Output, job, op

RUNS = {
    "optional_dynamic": [{"run_config": {"ops": {"some": {"config": {"count": n}}}}} for n in (0, 2)],
    "required_dynamic": [{"run_config": {"ops": {"any_number": {"config": {"count": n}}}}} for n in (0, 2)],
}


@op(out=DynamicOut(int, is_required=False), config_schema={"count": int})
def some(context):
    for i in range(context.op_config["count"]):
        yield DynamicOutput(i, mapping_key=str(i))


@op(out=DynamicOut(int), config_schema={"count": int})
def any_number(context):
    for i in range(context.op_config["count"]):
        yield DynamicOutput(i, mapping_key=str(i))


@op(out=DynamicOut(int))
def four():
    for i in range(4):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op(out=Out(int, is_required=False))
def only_even(x):
    if x % 2 == 0:
        yield Output(x)


@op(out=Out(int, is_required=False))
def never(x):
    if x > 100:
        yield Output(x)


@op(out={"low": Out(int, is_required=False), "high": Out(int, is_required=False)})
def route(x):
    if x < 2:
        yield Output(x, "low")
    else:
        yield Output(x, "high")


@op
def inc(x):
    return x + 1


@op
def none_of(x):
    return None


@op
def echo(x):
    return x


@op
def total(xs: List[int]):
    return sum(xs)


@op
def listed(xs):
    return list(xs)


@op
def two_lists(xs, ys):
    return [xs, ys]


@op(out=Out(int, is_required=False))
def absent():
    if False:
        yield Output(1)


@op(out=Out(int, is_required=False))
def present():
    yield Output(5)


@op
def one():
    return 1


@op(ins={"start": In(Nothing)})
def after():
    return "after"


@op(out={"numbers": DynamicOut(int), "letters": DynamicOut(str, is_required=False), "one": Out(str)})
def several():
    yield DynamicOutput(1, "a", output_name="numbers")
    yield DynamicOutput(2, "b", output_name="numbers")
    yield DynamicOutput("x", "a", output_name="letters")
    yield Output("static", "one")


@op(out={"numbers": DynamicOut(int), "letters": DynamicOut(str, is_required=False)})
def one_empty():
    yield DynamicOutput(1, "a", output_name="numbers")


@op(out={"numbers": DynamicOut(int), "letters": DynamicOut(str), "one": Out(str)})
def several_returned():
    return [DynamicOutput(3, "c"), DynamicOutput(4, "d")], [DynamicOutput("y", "e")], "static"


@op
def pair(x, y):
    return f"{x}{y}"


@op(out=DynamicOut(int))
def fan(x):
    for i in range(x):
        yield DynamicOutput(i, mapping_key=f"f{i}")


@job
def optional_dynamic():
    echo(listed(some().map(inc).collect()))


@job
def required_dynamic():
    echo(listed(any_number().map(inc).collect()))


@job
def skipped_keys():
    listed(four().map(lambda n: inc(only_even(n))).collect())


@job
def all_keys_skipped():
    echo(listed(four().map(never).collect()))


@job
def all_keys_skipped_below():
    echo(listed(four().map(lambda n: inc(never(n))).collect()))


@job
def nothing_after_skipped_keys():
    after(four().map(only_even).collect())


@job(config={"ops": {"some": {"config": {"count": 0}}}})
def nothing_after_no_keys():
    after(some().map(inc).collect())


@job
def routed():
    low, high = four().map(route)
    two_lists(low.map(inc).collect(), high.map(echo).collect())


@job
def none_is_a_value():
    listed(four().map(none_of).collect())


@job
def skipped_cascade():
    echo(inc(absent()))


@job
def skipped_producer():
    listed(fan(absent()).map(inc).collect())


@job
def fan_in():
    listed([one(), present(), one()])


@job
def fan_in_without_absent():
    listed([one(), absent(), present()])


@job
def fan_in_without_skipped():
    listed([one(), inc(absent()), present()])


@job
def fan_in_of_nothing():
    echo(listed([absent(), inc(absent())]))


@job
def fan_in_of_lists():
    listed([total(four().map(inc).collect()), one()])


@job
def several_outputs_by_order():
    numbers, letters, static = several()
    two_lists(numbers.map(lambda n: pair(n, static)).collect(), letters.map(echo).collect())


@job
def several_outputs_by_name():
    outputs = several()
    two_lists(outputs.numbers.map(inc).collect(), outputs.letters.collect())
    echo(outputs.one)


@job
def several_outputs_returned():
    numbers, letters, static = several_returned()
    two_lists(numbers.map(inc).collect(), letters.collect())
    echo(static)


@job
def one_of_two_empty():
    numbers, letters = one_empty()
    listed(numbers.map(inc).collect())
    echo(listed(letters.map(echo).collect()))


@job
def one_of_two_empty_together():
    numbers, letters = one_empty()
    two_lists(numbers.map(inc).collect(), letters.collect())


@job
def dynamic_below_dynamic():
    four().map(fan)


@job
def nothing_and_data():
    numbers = four()
    total(numbers.map(inc).collect())
    after(start=[one(), inc(one())])
