"""Dynamic tasks inside a map: keys below keys."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task, task_group

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    Out,
    Output,
    get_mapping_key,
    get_mapping_key_path,
)
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep, pair
from tests.dag.test_reruns import may_lose_keys
from tests.dag_runs import start_run

ORDERS = {"ann": ["o1", "o2"], "bob": [], "cid": ["o1", "o3"]}


@pytest.fixture
def orders():
    """Customer -> orders, or the exception that listing them raises; a test may change it between runs."""
    return dict(ORDERS)


@pytest.fixture
def customers(orders):
    @task.dynamic(out=DynamicOut(str))
    def customers():
        for name in orders:
            yield DynamicOutput(name, mapping_key=name, metadata={"length": len(name)})

    return customers


@pytest.fixture
def list_orders(orders):
    @task.dynamic(out=DynamicOut(str))
    def list_orders(customer):
        if isinstance(orders[customer], Exception):
            raise orders[customer]
        for order in orders[customer]:
            yield DynamicOutput(f"{customer}-{order}", mapping_key=order, metadata={"order": order})

    return list_orders


@pytest.fixture
def broken():
    """Orders whose price cannot be told -> the exception."""
    return {}


@pytest.fixture
def price(broken):
    @task
    def price(order):
        if order in broken:
            raise broken[order]
        return f"price of {order}"

    return price


@task
def invoice(customer, prices):
    return [customer, prices]


INVOICES = {
    "ann": ["ann", ["price of ann-o1", "price of ann-o2"]],
    "bob": ["bob", []],
    "cid": ["cid", ["price of cid-o1", "price of cid-o3"]],
}


def test_collected_inside_there_is_a_value_per_outer_key(customers, list_orders, price):
    @dag(schedule=None)
    def inside():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect()))
        keep(invoices.collect(keyed=True))

    run = start_run(inside()).run()
    assert run.xcom("keep") == INVOICES
    assert run.states("price") == dict.fromkeys(["ann/o1", "ann/o2", "cid/o1", "cid/o3"], "success")
    assert run.states("invoice") == dict.fromkeys(["ann", "bob", "cid"], "success")


def test_collected_inside_by_key(customers, list_orders, price):
    @dag(schedule=None)
    def keyed():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect(keyed=True)))
        keep(invoices.collect(keyed=True))

    assert start_run(keyed()).run().xcom("keep")["cid"][1] == {
        "o1": "price of cid-o1",
        "o3": "price of cid-o3",
    }


def test_collected_outside_it_is_a_flat_list_or_a_dict_of_dicts(customers, list_orders, price):
    @dag(schedule=None)
    def outside():
        orders = customers().map(list_orders)
        prices = orders.map(price)
        keep(prices.collect())
        keep(prices.collect(keyed=True))
        keep(orders.collect())
        keep(orders.collect(keyed=True))
        keep(prices.states())

    run = start_run(outside()).run()
    flat = [f"{customer}-{order}" for customer, its in ORDERS.items() for order in its]
    keyed = {customer: {order: f"{customer}-{order}" for order in its} for customer, its in ORDERS.items()}
    assert run.xcom("keep") == [f"price of {each}" for each in flat]
    assert run.xcom("keep__1") == {
        customer: {order: f"price of {each}" for order, each in its.items()}
        for customer, its in keyed.items()
    }
    assert run.xcom("keep__2") == flat
    assert run.xcom("keep__3") == keyed
    assert run.xcom("keep__4") == {c: dict.fromkeys(its, "success") for c, its in ORDERS.items()}


def test_the_nested_output_itself_is_collected_inside(customers, list_orders):
    @dag(schedule=None)
    def items():
        keep(customers().map(lambda c: invoice(c, list_orders(c).collect(keyed=True))).collect(keyed=True))

    assert start_run(items()).run().xcom("keep") == {
        customer: [customer, {order: f"{customer}-{order}" for order in its}]
        for customer, its in ORDERS.items()
    }


def test_a_key_path_is_known_inside_and_carries_its_metadata(customers, list_orders):
    @task
    def tell(order, mapping_key=None):
        return [mapping_key, get_mapping_key(), list(get_mapping_key_path())]

    @dag(schedule=None)
    def paths():
        customers().map(lambda c: list_orders(c).map(tell))

    run = start_run(paths()).run()
    assert run.xcoms("tell")[2] == ["cid/o1", "cid/o1", ["cid", "o1"]]
    stored = run.xcom("tell", "output_metadata", 2)
    assert stored["key_path"] == ["cid", "o1"]
    assert stored["inherited"] == {"order": {"type": "text", "value": "o1"}}


def test_an_inner_chain_joins_its_own_key_and_the_outer_key(customers, list_orders, price):
    @task
    def info(customer):
        return f"info of {customer}"

    @task
    def combine(order, price, info, customer):
        return [order, price, info, customer]

    @dag(schedule=None)
    def chain():
        def bill(customer):
            about = info(customer)
            orders = list_orders(customer)
            prices = orders.map(price)
            return orders.map(lambda order: combine(order, prices, about, customer))

        keep(customers().map(bill).collect(keyed=True))

    run = start_run(chain()).run()
    expected = ["cid-o3", "price of cid-o3", "info of cid", "cid"]
    assert run.xcom("keep")["cid"]["o3"] == expected


def test_an_order_that_fails_stops_its_own_customer_and_nobody_else(customers, list_orders, price, broken):
    broken["ann-o2"] = ValueError("no price")

    @dag(schedule=None)
    def fails():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect()))
        keep(invoices.states())
        keep(invoices.collect(min_success_ratio=0.5))
        keep.override(task_id="strict")(invoices.collect())

    run = start_run(fails()).run()
    assert run.xcom("keep") == {"ann": "upstream_failed", "bob": "success", "cid": "success"}
    assert run.xcom("keep__1") == [INVOICES["bob"], INVOICES["cid"]]
    assert run.state_of("strict") == "upstream_failed"


def test_an_invoice_may_take_failed_orders_in_its_stride(customers, list_orders, price, broken):
    broken["ann-o2"] = ValueError("no price")
    broken["cid-o1"] = AirflowSkipException("free of charge")

    @dag(schedule=None)
    def tolerant():
        def bill(customer):
            prices = list_orders(customer).map(price)
            return invoice(prices.states(), prices.collect(min_success_ratio=0.5))

        keep(customers().map(bill).collect(keyed=True))

    assert start_run(tolerant()).run().xcom("keep") == {
        "ann": [{"o1": "success", "o2": "failed"}, ["price of ann-o1"]],
        "bob": [{}, []],
        "cid": [{"o1": "skipped", "o3": "success"}, ["price of cid-o3"]],
    }


def test_too_few_orders_fail_their_own_customer(customers, list_orders, price, broken):
    broken["ann-o2"] = ValueError("no price")

    @dag(schedule=None)
    def tolerant():
        invoices = customers().map(
            lambda c: invoice(c, list_orders(c).map(price).collect(min_success_ratio=0.6))
        )
        keep(invoices.states())

    assert start_run(tolerant()).run().xcom("keep") == {"ann": "failed", "bob": "success", "cid": "success"}


@pytest.mark.parametrize(
    ("problem", "own", "below"),
    [
        (ValueError("broken"), "failed", "upstream_failed"),
        (AirflowSkipException("closed"), "skipped", "skipped"),
    ],
)
def test_an_outer_key_that_fails_or_is_skipped(customers, list_orders, price, orders, problem, own, below):
    orders["ann"] = problem

    @dag(schedule=None)
    def outer():
        def bill(customer):
            prices = list_orders(customer).map(price)
            return invoice(customer, prices.collect()), prices

        invoices, prices = customers().map(bill)
        keep(invoices.states())
        keep(prices.states())
        keep(prices.collect(keyed=True, min_success_ratio=0.1))
        keep.override(task_id="strict")(prices.collect(keyed=True))

    run = start_run(outer()).run()
    assert run.states("list_orders") == {"ann": own, "bob": "success", "cid": "success"}
    assert run.xcom("keep") == {"ann": below, "bob": "success", "cid": "success"}
    assert run.xcom("keep__1") == {"ann": own, "bob": {}, "cid": {"o1": "success", "o3": "success"}}
    rest = {"bob": {}, "cid": {"o1": "price of cid-o1", "o3": "price of cid-o3"}}
    assert run.xcom("keep__2") == rest
    assert run.state_of("strict") == ("upstream_failed" if own == "failed" else "success")
    assert run.xcom("strict") == (None if own == "failed" else rest)


def test_a_failed_outer_key_counts_as_one_key_of_the_ratio(customers, list_orders, price, orders):
    orders["ann"] = ValueError("broken")

    @dag(schedule=None)
    def counted():
        prices = customers().map(list_orders).map(price)
        keep(prices.collect(min_success_ratio=0.67))

    run = start_run(counted()).run()
    assert run.state_of("keep") == "failed"


def test_no_outer_keys_and_no_inner_keys_at_all(customers, list_orders, price, orders):
    @dag(schedule=None)
    def none():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect()))
        keep(invoices.collect())
        keep(customers.override(task_id="others")().map(list_orders).map(price).collect(keyed=True))

    orders.update({customer: [] for customer in orders})
    run = start_run(none()).run()
    assert run.xcom("keep") == [["ann", []], ["bob", []], ["cid", []]]
    assert run.xcom("keep__1") == {"ann": {}, "bob": {}, "cid": {}}
    orders.clear()
    run = start_run(none()).run()
    assert (run.xcom("keep"), run.xcom("keep__1")) == ([], {})
    assert str(run.dag_run.state) == "success"


@pytest.mark.parametrize(
    ("problem", "state"), [(ValueError(), "upstream_failed"), (AirflowSkipException(), "skipped")]
)
def test_a_producer_that_fails_or_is_skipped_ends_all_that_depends_on_it(list_orders, price, problem, state):
    @task.dynamic(out=DynamicOut(str))
    def customers():
        raise problem

    @dag(schedule=None)
    def nothing():
        def bill(customer):
            prices = list_orders(customer).map(price)
            return invoice(customer, prices.collect()), prices

        invoices, prices = customers().map(bill)
        keep(invoices.collect())
        keep(prices.collect())
        keep(prices.states())

    run = start_run(nothing()).run()
    for task_id in ("list_orders", "price", "invoice", "keep", "keep__1", "keep__2"):
        assert run.state_of(task_id) == state, task_id


def test_three_levels():
    @task.dynamic(out=DynamicOut(str))
    def below(value):
        for key in "xy" if len(value) < 2 else "z":
            yield DynamicOutput(value + key, mapping_key=key)

    @task.dynamic(out=DynamicOut(str))
    def top():
        yield DynamicOutput("a", mapping_key="a")
        yield DynamicOutput("b", mapping_key="b")

    @task
    def join(value, values):
        return [value, values]

    @dag(schedule=None)
    def three():
        def second(two):
            leaves = below.override(task_id="third")(two).map(lambda three: pair(three, two))
            return join.override(task_id="inner")(two, leaves.collect(keyed=True)), leaves

        def first(one):
            inner, leaves = below.override(task_id="second")(one).map(second)
            return join.override(task_id="outer")(one, inner.collect(keyed=True)), leaves

        outer, leaves = top().map(first)
        keep(outer.collect(keyed=True))
        keep(leaves.collect(keyed=True))

    run = start_run(three()).run()
    assert run.xcom("keep")["b"] == [
        "b",
        {"x": ["bx", {"z": ["bxz", "bx"]}], "y": ["by", {"z": ["byz", "by"]}]},
    ]
    assert run.xcom("keep__1")["a"] == {"x": {"z": ["axz", "ax"]}, "y": {"z": ["ayz", "ay"]}}
    assert set(run.states("pair")) == {"a/x/z", "a/y/z", "b/x/z", "b/y/z"}


def test_a_handle_of_a_deeper_level_may_be_mapped_in_any_map_around_it(customers, list_orders):
    @dag(schedule=None)
    def deeper():
        def per(customer):
            inner = list_orders(customer).map(lambda order: list_orders.override(task_id="again")(customer))
            return keep(inner.map(lambda order: pair(order, customer)).collect())

        keep.override(task_id="all")(customers().map(per).collect(keyed=True))

    assert start_run(deeper()).run().xcom("all") == {
        "ann": [[f"ann-{order}", "ann"] for _ in ORDERS["ann"] for order in ORDERS["ann"]],
        "bob": [],
        "cid": [[f"cid-{order}", "cid"] for _ in ORDERS["cid"] for order in ORDERS["cid"]],
    }


def test_zip_and_product_inside(customers, list_orders):
    @task.dynamic(out=DynamicOut(str))
    def list_returns(customer):
        for order in {"ann": ["o2", "o9"], "bob": ["o1"], "cid": ["o1"]}[customer]:
            yield DynamicOutput(f"return {customer}-{order}", mapping_key=order)

    @dag(schedule=None)
    def joined():
        def both(customer):
            left, right = list_orders(customer), list_returns(customer)
            zipped = left.zip(right, how="outer").map(pair)
            multiplied = left.product(right).map(lambda one, other: invoice([one, other], customer))
            return keep(zipped.collect(keyed=True)), multiplied

        zipped, multiplied = customers().map(both)
        keep.override(task_id="zipped")(zipped.collect(keyed=True))
        keep.override(task_id="multiplied")(multiplied.collect(keyed=True))

    run = start_run(joined()).run()
    assert run.xcom("zipped") == {
        "ann": {"o1": ["ann-o1", None], "o2": ["ann-o2", "return ann-o2"], "o9": [None, "return ann-o9"]},
        "bob": {"o1": [None, "return bob-o1"]},
        "cid": {"o1": ["cid-o1", "return cid-o1"], "o3": ["cid-o3", None]},
    }
    assert run.xcom("multiplied")["ann"]["o1"]["o9"] == [["ann-o1", "return ann-o9"], "ann"]
    assert set(run.states("pair")) == {"ann/o1", "ann/o2", "ann/o9", "bob/o1", "cid/o1", "cid/o3"}


def test_an_outer_zip_does_not_take_keys_that_could_not_be_listed_for_missing(customers, list_orders, orders):
    orders["ann"] = ValueError("broken")

    @task.dynamic(out=DynamicOut(str))
    def list_returns(customer):
        yield DynamicOutput(f"return {customer}", mapping_key="o1")

    @dag(schedule=None)
    def blocked():
        def both(customer):
            zipped = list_orders(customer).zip(list_returns(customer), how="outer").map(pair)
            return keep(zipped.collect(keyed=True))

        zipped = customers().map(both)
        keep.override(task_id="states")(zipped.states())
        keep.override(task_id="values")(zipped.collect(keyed=True, min_success_ratio=0))

    run = start_run(blocked()).run()
    assert run.xcom("states") == {"ann": "upstream_failed", "bob": "success", "cid": "success"}
    assert run.xcom("values")["bob"] == {"o1": [None, "return bob"]}
    assert set(run.states("pair")) == {"bob/o1", "cid/o1", "cid/o3"}


def test_a_join_inside_a_map_is_collected_outside_with_all_outer_keys(customers, list_orders, orders):
    orders["ann"] = ValueError("broken")

    @task.dynamic(out=DynamicOut(str))
    def list_returns(customer):
        if customer != "bob":
            yield DynamicOutput(f"return {customer}", mapping_key="o1")

    @dag(schedule=None)
    def joined():
        zipped = customers().map(lambda c: list_orders(c).zip(list_returns(c)).map(pair))
        keep(zipped.states())
        keep(zipped.collect(keyed=True, min_success_ratio=0))

    run = start_run(joined()).run()
    assert run.xcom("keep") == {"ann": "failed", "bob": {}, "cid": {"o1": "success"}}
    assert run.xcom("keep__1") == {"bob": {}, "cid": {"o1": ["cid-o1", "return cid"]}}


def test_the_states_of_a_join_outside_fail_rather_than_lose_a_key(customers, list_orders, orders):
    orders["ann"] = ValueError("broken")

    @dag(schedule=None)
    def joined():
        nested = customers().map(list_orders)
        keep(nested.product(customers.override(task_id="others")()).map(pair).states())

    run = start_run(joined()).run()
    assert run.state_of("keep") == "failed"
    said = "list_orders.result.product(others.result) has nothing below this key, because the clone that"
    assert f"Key 'ann': {said}" in str(run.errors["keep", -1])


def test_static_outputs_beside_a_nested_one(customers):
    @task.dynamic(out={"orders": DynamicOut(str), "count": Out(int), "refunds": DynamicOut(str)})
    def read(customer):
        yield Output(len(customer), "count")
        for key in ORDERS[customer]:
            yield DynamicOutput(f"{customer}-{key}", mapping_key=key, output_name="orders")
        yield DynamicOutput("refund", mapping_key="only", output_name="refunds")

    @dag(schedule=None)
    def several():
        def per(customer):
            found = read(customer)
            counted = found.orders.map(lambda order: pair(order, found.count))
            return found.count, invoice(counted.collect(), found.refunds.map(keep).collect())

        counts, invoices = customers().map(per)
        keep.override(task_id="counts")(counts.collect(keyed=True))
        keep.override(task_id="invoices")(invoices.collect(keyed=True))

    run = start_run(several()).run()
    assert run.xcom("counts") == {"ann": 3, "bob": 3, "cid": 3}
    assert run.xcom("invoices")["ann"] == [[["ann-o1", 3], ["ann-o2", 3]], ["refund"]]


def test_a_task_group_may_hold_the_whole_nest(customers, list_orders, price):
    @task_group
    def bill(customer):
        """List, price and add up."""
        prices = list_orders(customer).map(price)
        return invoice(customer, prices.collect())

    @dag(schedule=None)
    def grouped():
        keep(customers().map(bill).collect(keyed=True))

    run = start_run(grouped()).run()
    assert run.xcom("keep") == INVOICES
    assert run.states("bill.invoice") == dict.fromkeys(["ann", "bob", "cid"], "success")


def test_a_long_path_is_cut_in_the_label_and_whole_in_the_key():
    long = ["k" * 200, "k" * 199 + "/"]

    @task.dynamic(out=DynamicOut(str))
    def level(value):
        for key in long:
            yield DynamicOutput(key, mapping_key=key)

    @task
    def tell(value):
        return get_mapping_key()

    @dag(schedule=None)
    def cut():
        outer = level.override(task_id="outer")(0)
        keep(outer.map(lambda v: level.override(task_id="inner")(v)).map(tell).collect(keyed=True))

    run = start_run(cut()).run()
    assert run.xcom("keep") == {a: {b: f"{a}/{b}" for b in long} for a in long}
    labels = set(run.states("tell"))
    # 241 characters, and a hash of the whole path.
    one, other = "k" * 200 + "/" + "k" * 40, "k" * 199 + "//" + "k" * 40
    assert labels == {f"{one}~94012655", f"{one}~7b219651", f"{other}~2c21040e", f"{other}~1d3fad62"}


def test_an_edge_without_data_goes_by_the_outer_key_too(customers, list_orders, price, broken):
    broken["ann-o2"] = ValueError("no price")

    @dag(schedule=None)
    def ordered():
        def bill(customer):
            started = keep.override(task_id="started")(customer)
            prices = list_orders(customer).map(price)
            finished = keep.override(task_id="finished")(customer)
            started >> prices
            prices >> finished
            return finished

        keep(customers().map(bill).states())

    run = start_run(ordered()).run()
    assert run.xcom("keep") == {"ann": "upstream_failed", "bob": "success", "cid": "success"}


def test_an_edge_without_data_into_the_inner_keys_goes_by_the_outer_key(customers, list_orders, price):
    @task
    def start(customer):
        if customer == "ann":
            raise ValueError("not today")

    @dag(schedule=None)
    def ordered():
        def bill(customer):
            prices = list_orders(customer).map(price)
            start(customer) >> prices
            return prices

        keep(customers().map(bill).states())

    assert start_run(ordered()).run().xcom("keep") == {
        "ann": {"o1": "upstream_failed", "o2": "upstream_failed"},
        "bob": {},
        "cid": {"o1": "success", "o3": "success"},
    }


def test_the_producer_is_run_again_with_other_keys_and_everything_below_follows(
    customers, list_orders, price, orders, broken
):
    broken["ann-o1"] = ValueError("no price")

    @dag(schedule=None)
    def again():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect(keyed=True)))
        keep(invoices.states())
        keep.override(task_id="values")(invoices.collect(keyed=True, min_success_ratio=0))

    run = start_run(again()).run()
    assert run.xcom("keep") == {"ann": "upstream_failed", "bob": "success", "cid": "success"}
    orders.clear()
    orders.update({"cid": ["o9"], "ann": ["o7"], "eve": []})
    run.clear("customers")
    run.run()
    assert run.xcom("keep") == dict.fromkeys(["cid", "ann", "eve"], "success")
    assert run.xcom("values") == {
        "cid": ["cid", {"o9": "price of cid-o9"}],
        "ann": ["ann", {"o7": "price of ann-o7"}],
        "eve": ["eve", {}],
    }
    live = {label: state for label, state in run.states("price").items() if state != "removed"}
    assert live == {"cid/o9": "success", "ann/o7": "success"}


@may_lose_keys
def test_inner_values_are_those_of_now_when_an_outer_key_is_gone(customers, list_orders, orders):
    prefix = {"now": "first"}

    @task.dynamic(out=DynamicOut(str))
    def list_prefixed(customer):
        for order in orders[customer]:
            yield DynamicOutput(f"{prefix['now']} {customer}-{order}", mapping_key=order)

    @dag(schedule=None)
    def again():
        nested = customers().map(list_prefixed)
        keep(nested.collect(keyed=True))
        keep(nested.map(keep.override(task_id="each")).collect())

    run = start_run(again()).run()
    del orders["ann"]
    prefix["now"] = "second"
    run.clear("customers").run()
    assert run.xcom("keep") == {"bob": {}, "cid": {"o1": "second cid-o1", "o3": "second cid-o3"}}
    assert run.xcom("keep__1") == ["second cid-o1", "second cid-o3"]


def test_one_outer_key_is_run_again_with_other_inner_keys(customers, list_orders, price, orders):
    @dag(schedule=None)
    def again():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect(keyed=True)))
        keep(invoices.collect(keyed=True))

    run = start_run(again()).run()
    orders["ann"] = ["o2", "o5", "o6"]
    run.clear("list_orders", 0)
    run.run()
    assert run.xcom("keep")["ann"] == ["ann", {o: f"price of ann-{o}" for o in orders["ann"]}]
    assert run.xcom("keep")["cid"] == ["cid", {o: f"price of cid-{o}" for o in orders["cid"]}]
    assert run.tries()["list_orders", 0] == 2
    assert run.tries()["list_orders", 1] == run.tries()["list_orders", 2] == 1


def test_an_outer_key_that_is_produced_again_alone_is_never_read_by_position(
    customers, list_orders, price, orders
):
    @dag(schedule=None)
    def alone():
        invoices = customers().map(lambda c: invoice(c, list_orders(c).map(price).collect(keyed=True)))
        keep(invoices.collect(keyed=True))

    run = start_run(alone()).run()
    orders["ann"] = ["o8"]
    run.clear("list_orders", 0, downstream=False)
    run.clear("price", 0)
    run.run()
    # price[0] was for ann/o1, which is there no more.
    assert run.state_of("price", 0) == "failed"
    assert run.state_of("keep") == "upstream_failed"
