"""What a deployment runs while parts of it fail: keys, keys below keys with a join, and the same by hand."""

from __future__ import annotations

import time
from datetime import timedelta

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

#: Each task takes this long, so that a fault meets some of them.
SECONDS = 0.5

RETRIES = {"retries": 3, "retry_delay": timedelta(0)}

NUMBERS = {f"n{number:02}": number for number in range(60)}

#: Keys whose second stage fails for good, or skips itself.
FAILING, SKIPPING = {"n07", "n31"}, {"n40"}

CUSTOMERS = {"ann": 4, "bob": 0, "cid": 6, "dan": 1, "eve": 5}


def stage_states():
    """Return the state that each key must have in the end."""
    states = dict.fromkeys(NUMBERS, "success")
    return {**states, **dict.fromkeys(FAILING, "failed"), **dict.fromkeys(SKIPPING, "skipped")}


def expected_two_stages():
    """Return what ``two_stages`` must give."""
    texts = {key: f"<{2 * number}>" for key, number in NUMBERS.items() if key not in FAILING | SKIPPING}
    return [texts, stage_states(), [2 * number for number in NUMBERS.values()]]


def expected_nested():
    """Return what ``nested`` must give: a join has no entry for an outer key without a pair."""
    return [
        {
            customer: {f"o{order}": [10 * order + 1, f"{customer}-{order}"] for order in range(count)}
            for customer, count in CUSTOMERS.items()
            if count
        }
    ]


def expected_by_hand():
    """Return what ``by_hand`` must give."""
    return [f"<{2 * number}>" for number in NUMBERS.values()]


@task
def keep(*values):
    """Return what it is given."""
    return list(values)


@task.dynamic(out=DynamicOut(int))
def numbers():
    """Produce 60 keys."""
    for key, number in NUMBERS.items():
        yield DynamicOutput(number, key)


@task
def double(number):
    """Be the first stage."""
    time.sleep(SECONDS)
    return 2 * number


@task
def say(number, mapping_key=None):
    """Be the second stage, which some keys do not pass."""
    time.sleep(SECONDS)
    if mapping_key in FAILING:
        raise AirflowFailException("as planned")
    if mapping_key in SKIPPING:
        raise AirflowSkipException("as planned")
    return f"<{number}>"


@dag(schedule=None, default_args=RETRIES)
def two_stages():
    """60 keys, two stages."""
    doubled = numbers().map(double)
    said = doubled.map(say)
    keep(said.collect(keyed=True, min_success_ratio=0.5), said.states(), doubled.collect())


@task.dynamic(out=DynamicOut(str))
def customers():
    """Produce the outer keys."""
    for customer in CUSTOMERS:
        yield DynamicOutput(customer, customer)


@task.dynamic(out=DynamicOut(int))
def prices(customer):
    """Produce the inner keys of one side."""
    time.sleep(SECONDS)
    for order in range(CUSTOMERS[customer]):
        yield DynamicOutput(10 * order, f"o{order}")


@task.dynamic(out=DynamicOut(str))
def titles(customer):
    """Produce those of the other side, in another order, with one that has no peer."""
    time.sleep(SECONDS)
    for order in reversed(range(CUSTOMERS[customer] + 1)):
        yield DynamicOutput(f"{customer}-{order}", f"o{order}")


@task
def tax(price):
    """Be a stage of one side."""
    time.sleep(SECONDS)
    return price + 1


@task
def pair(price, title):
    """Join."""
    time.sleep(SECONDS)
    return [price, title]


@dag(schedule=None, default_args=RETRIES)
def nested():
    """Keys below keys, joined by key."""
    outer = customers()
    joined = outer.map(prices).map(tax).zip(outer.map(titles))
    keep(joined.map(pair).collect(keyed=True))


@task
def plain_numbers():
    """Return what is expanded over."""
    return list(NUMBERS.values())


@task
def plain_say(number):
    """Be the second stage."""
    time.sleep(SECONDS)
    return f"<{number}>"


@task
def plain_keep(values):
    """Collect."""
    return list(values)


@dag(schedule=None, default_args=RETRIES)
def by_hand():
    """The same two stages with nothing but Airflow."""
    plain_keep(plain_say.expand(number=double.expand(number=plain_numbers())))


two_stages()
nested()
by_hand()
