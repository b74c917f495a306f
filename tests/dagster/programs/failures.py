"""Ops that fail, are retried, or give what they do not declare."""

from typing import List

from dagster import DynamicOut, DynamicOutput, Failure, Out, Output, RetryPolicy, RetryRequested, job, op

TRIES = {}


@op(out=DynamicOut(int))
def three():
    for i in range(3):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op
def echo(x):
    return x


@op
def listed(xs):
    return list(xs)


@op
def fails_at_one(x):
    if x == 1:
        raise ValueError("one")
    return x


@op
def always_fails(x):
    raise ValueError("always")


@op(retry_policy=RetryPolicy(max_retries=2))
def retried(context, x):
    if context.retry_number < x:
        raise ValueError("not yet")
    return [x, context.retry_number]


@op
def requests(context, x):
    if context.retry_number < x:
        raise RetryRequested(max_retries=3)
    return [x, context.retry_number]


@op(retry_policy=RetryPolicy(max_retries=1))
def requests_or_fails(context, x):
    if x == 1 and context.retry_number < 2:
        raise RetryRequested(max_retries=2)
    if x == 2:
        raise ValueError("two")
    return context.retry_number


@op
def requests_too_often(context, x):
    raise RetryRequested(max_retries=1)


@op(retry_policy=RetryPolicy(max_retries=5))
def final_failure(x):
    if x == 2:
        raise Failure("final", metadata={"number": x}, allow_retries=False)
    return x


@op
def unreliable(context, x):
    if context.retry_number == 0:
        raise ValueError("first")
    return x


@op(out=DynamicOut(int))
def fails_midway():
    yield DynamicOutput(1, "a")
    raise ValueError("midway")


@op(out=DynamicOut(int), retry_policy=RetryPolicy(max_retries=1))
def produces_again(context):
    if context.retry_number == 0:
        raise ValueError("first")
    yield DynamicOutput(1, "b")


@op(out=DynamicOut(int))
def same_key_twice():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "a")


@op(out=DynamicOut(int))
def wrong_type():
    yield DynamicOutput(1, "a")
    yield DynamicOutput("x", "b")


@op(out=DynamicOut(int))
def returns_none():
    return None


@op(out=DynamicOut(int))
def returns_a_tuple():
    return (DynamicOutput(1, "a"),)


@op(out=DynamicOut(int))
def yields_an_output():
    yield Output(1)


@op
def yields_a_dynamic_output():
    yield DynamicOutput(1, "a")


@op(out=DynamicOut(int))
def yields_a_value():
    yield 1


@op(out=DynamicOut(int))
def yields_another_name():
    yield DynamicOutput(1, "a", output_name="other")


@op(out={"one": Out(int), "two": Out(int)})
def gives_one_of_two():
    yield Output(1, "one")


@op
def takes_int(x: int):
    return x


@op(out=DynamicOut())
def mixed_types():
    yield DynamicOutput(1, "int")
    yield DynamicOutput(True, "bool")
    yield DynamicOutput(1.0, "float")
    yield DynamicOutput("1", "str")


@op(out=Out(float))
def int_for_float() -> float:
    return 1


@op
def bad_list() -> List[int]:
    return [1, "x"]


@job
def one_key_fails():
    listed(three().map(fails_at_one).map(echo).collect())


@job
def all_keys_fail():
    listed(three().map(always_fails).collect())


@job
def retry_policy():
    listed(three().map(retried).collect())


@job
def retry_requested():
    listed(three().map(requests).collect())


@job
def retry_requested_too_often():
    three().map(requests_too_often)


@job
def failure_without_retries():
    listed(three().map(final_failure).collect())


@job(op_retry_policy=RetryPolicy(max_retries=1))
def policy_of_the_job():
    listed(three().map(unreliable).collect())


@job
def policy_of_the_call():
    listed(three().map(lambda n: unreliable.with_retry_policy(RetryPolicy(max_retries=1))(n)).collect())


@job
def generator_fails_midway():
    listed(fails_midway().map(echo).collect())


@job
def generator_is_retried():
    listed(produces_again().map(echo).collect())


@job
def duplicate_key():
    listed(same_key_twice().map(echo).collect())


@job
def value_of_another_type():
    listed(wrong_type().map(echo).collect())


@job
def not_a_list():
    echo(listed(returns_none().map(echo).collect()))
    echo(listed(returns_a_tuple().map(echo).collect()))


@job
def not_a_dynamic_output():
    yields_an_output().map(echo)
    yields_a_value().map(echo)
    yields_another_name().map(echo)
    echo(yields_a_dynamic_output())


@job
def missing_output():
    one, two = gives_one_of_two()
    echo(one)
    echo(two)


@job
def input_types():
    mixed_types().map(takes_int)


@job
def output_types():
    echo(int_for_float())
    echo(bad_list())


@job
def policy_and_requests():
    three().map(requests_or_fails)
