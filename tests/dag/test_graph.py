"""What the Dag looks like to Airflow: groups, edges, trigger rules."""

from __future__ import annotations

from airflow.sdk import DAG, Label, TaskGroup, TriggerRule, chain, dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from tests.dag.tasks import double, keep, pair
from tests.dag_runs import run_dag


@task.dynamic(out=DynamicOut(int))
def numbers():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


def groups_of(made):
    """Task -> the mapped group it is in, if any."""
    found = {}
    for each in made.tasks:
        around = list(each.iter_mapped_task_groups())
        found[each.task_id] = around[0].group_id if around else None
    return found


def test_all_maps_of_a_key_space_share_one_mapped_group():
    @dag(schedule=None)
    def shared():
        handle = numbers()
        first = handle.map(double)
        second = handle.map(lambda n: pair(n, first))
        keep(second.collect())

    made = shared()
    assert groups_of(made) == {
        "numbers": None,
        "double": "each_numbers",
        "pair": "each_numbers",
        "keep": None,
    }
    assert made.get_task("pair").upstream_task_ids == {"double"}
    assert made.get_task("double").upstream_task_ids == {"numbers"}


def test_what_needs_a_total_is_in_a_second_group():
    @dag(schedule=None)
    def second():
        first = numbers().map(double)
        total = keep(first.collect())
        first.map(lambda n: pair(n, total))

    made = second()
    assert groups_of(made)["pair"] == "each_numbers_2"
    # It waits for its own key's value through the total, and Airflow knows no edge key by key between groups.
    assert made.get_task("pair").upstream_task_ids == {"keep", "numbers"}


def test_an_order_given_later_moves_a_task_to_a_second_group():
    @dag(schedule=None)
    def later():
        handle = numbers()
        first, other = handle.map(double), handle.map(lambda n: pair(n, 0))
        keep(first.collect()) >> other

    made = later()
    assert groups_of(made)["double"] == "each_numbers"
    assert groups_of(made)["pair"] == "each_numbers_2"
    assert run_dag(made).state == "success"


def gates_of(made):
    return [each.task_id for each in made.tasks if each.task_id.endswith("__gate")]


def test_a_value_that_a_task_waits_for_anyway_needs_no_gate_when_the_task_moves_later():
    @dag(schedule=None)
    def later():
        handle = numbers()
        first = handle.map(double)
        other = handle.map(lambda n: pair(n, first))
        keep(first.collect()) >> other

    made = later()
    assert gates_of(made) == []
    assert made.get_task("pair").upstream_task_ids == {"keep", "numbers"}
    assert run_dag(made).state == "success"


def test_a_gate_goes_where_its_task_goes_and_stays_the_only_one():
    @dag(schedule=None)
    def three_levels():
        handle = numbers()
        beside = handle.map(double)
        first = handle.map(lambda n: pair(n, 0))
        second = first.map(lambda n: pair.override(task_id="second")(n, whole(first)))
        third = second.map(lambda n: pair.override(task_id="third")(beside, whole(second)))
        keep(third.map(lambda n: pair.override(task_id="fourth")(n, beside)).collect(keyed=True))

    def whole(handle):
        return keep.override(task_id="whole")(handle.collect())

    made = three_levels()
    assert gates_of(made) == ["third__gate"]
    assert groups_of(made)["third__gate"] == groups_of(made)["third"] == "each_numbers_3"
    run = run_dag(made)
    assert run.state == "success"
    assert [run.state_of("third__gate", index) for index in range(2)] == ["success", "success"]
    assert run.xcom("keep")["a"][1] == 2


def test_only_a_collectors_own_default_trigger_rule_is_widened():
    @dag(schedule=None)
    def rules():
        handle = numbers().map(double)
        keep(handle.collect())
        keep.override(task_id="own", trigger_rule="all_done")(handle.collect())
        keep.override(task_id="other")(1)

    made = rules()
    assert made.get_task("keep").trigger_rule == TriggerRule.NONE_FAILED
    assert made.get_task("own").trigger_rule == TriggerRule.ALL_DONE
    assert made.get_task("other").trigger_rule == TriggerRule.ALL_SUCCESS


def test_a_collection_may_be_a_partial_argument_of_an_expanded_task():
    @dag(schedule=None)
    def partial():
        pair.partial(left=numbers().map(double).collect()).expand(right=[10, 20])

    run = run_dag(partial())
    assert run.xcoms("pair") == {0: [[2, 4], 10], 1: [[2, 4], 20]}


def test_the_dynamic_output_itself_may_be_collected_inside_its_own_map():
    @dag(schedule=None)
    def own():
        handle = numbers()
        keep(handle.map(lambda n: pair(n, handle.collect())).collect())

    made = own()
    assert groups_of(made)["pair"] == "each_numbers"
    assert run_dag(made).xcom("keep") == [[1, [1, 2]], [2, [1, 2]]]


def test_a_later_map_in_another_task_group_stays_key_by_key():
    @dag(schedule=None)
    def two_groups():
        with TaskGroup("extract"):
            handle = numbers()
            first = handle.map(double)
        with TaskGroup("load"):
            second = first.map(lambda n: pair(n, n))
            keep(second.collect())

    made = two_groups()
    assert groups_of(made)["extract.double"] == groups_of(made)["load.pair"] == "extract.each_numbers"
    assert run_dag(made).xcom("load.keep") == [[2, 2], [4, 4]]


def test_chain_and_labels_work_with_handles():
    @dag(schedule=None)
    def chained():
        start, end = keep.override(task_id="start")(1), keep.override(task_id="end")(2)
        handle = numbers().map(double)
        chain(start, handle, end)
        handle >> Label("then") >> keep.override(task_id="labelled")(3)

    made = chained()
    assert "start" in made.get_task("double").upstream_task_ids
    assert "double__unfailed" in made.get_task("end").upstream_task_ids
    assert made.get_edge_info("double__unfailed", "labelled") == {"label": "then"}
    assert run_dag(made).state == "success"


def test_a_group_inside_a_mapped_group_keeps_its_ids():
    @task_group
    def inner(number):
        return double(number)

    @task_group
    def outer(number):
        return inner(number)

    @dag(schedule=None)
    def nested():
        keep(numbers().map(outer).collect())

    made = nested()
    assert groups_of(made)["outer.inner.double"] == "each_numbers"
    assert run_dag(made).xcom("keep") == [2, 4]


def test_default_args_and_params_reach_clones():
    @dag(schedule=None, default_args={"retries": 4, "map_index_template": "mine"}, params={"by": 3})
    def defaults():
        keep(numbers().map(lambda n: pair(n, "{{ params.by }}")).collect())

    made = defaults()
    assert made.get_task("pair").retries == 4
    run = run_dag(made)
    assert run.xcom("keep") == [[1, "3"], [2, "3"]]
    assert run.states("pair") == {"a": "success", "b": "success"}


def test_a_dag_that_is_gone_is_forgotten():
    import gc

    from airflow_dynamic_provider.authoring.dag_graphs import _GRAPHS

    def define():
        with DAG("gone", schedule=None):
            keep(numbers().map(double).collect())

    gc.collect()
    before = len(_GRAPHS)
    define()
    gc.collect()
    assert len(_GRAPHS) == before


@task.dynamic(out=DynamicOut(int))
def below(number):
    yield DynamicOutput(number, "below")


def checks_of(made, task_id):
    return [each for check in made.get_task(f"{task_id}__gate").checks for each in sorted(check.task_ids)]


def test_a_gate_goes_on_looking_at_what_it_looked_at_when_an_order_is_added():
    @dag(schedule=None)
    def looked_at():
        first, second = numbers(), numbers.override(task_id="others")()
        read = first.map(fail_for_a)
        ordered = second.map(double)
        after = read.zip(second).map(pair)
        ordered >> after

    made = looked_at()
    assert checks_of(made, "pair") == ["double", "fail_for_a"]
    run = run_dag(made)
    assert [run.state_of("pair", index) for index in range(2)] == ["upstream_failed", "success"]


@task
def fail_for_a(number):
    if number == 1:
        raise ValueError("a fails")
    return number


def test_a_task_that_is_ordered_after_the_keys_below_its_own_is_in_a_second_group():
    @dag(schedule=None)
    def ordered():
        def body(number):
            worked = below(number).map(double)
            last = keep(number)
            worked >> last

        numbers().map(body)

    made = ordered()
    # The list of the keys below waits for all keys of the first group.
    assert groups_of(made)["below"] == "each_numbers"
    assert groups_of(made)["keep"] == groups_of(made)["keep__gate"] == "each_numbers_2"
    assert run_dag(made).states("keep") == {"a": "success", "b": "success"}


def test_a_gate_that_an_order_makes_needless_is_taken_out():
    @dag(schedule=None)
    def needless():
        handle = numbers()
        outer = handle.map(double)

        def body(number):
            inner = below(number)
            last = inner.map(lambda n: pair.override(task_id="last")(n, outer))
            first = inner.map(lambda n: pair.override(task_id="first")(n, outer))
            return last, first

        last, first = handle.map(body)
        gates.append(gates_of(task_graph_of(handle)))
        first >> last

    gates = []
    made = needless()
    assert gates == [["last__gate", "first__gate"]]
    assert gates_of(made) == ["first__gate"]
    assert made.get_task("last").upstream_task_ids == {"first"}
    assert run_dag(made).state == "success"


def task_graph_of(handle):
    return handle.space.graph.dag


def test_a_task_that_gets_an_upstream_task_of_its_key_waits_for_that_and_not_for_the_list():
    @dag(schedule=None)
    def later():
        handle = numbers()
        first, second = handle.map(double), handle.map(keep)
        first >> second

    made = later()
    assert made.get_task("keep").upstream_task_ids == {"double"}


def test_an_edge_that_the_author_asks_for_as_well_stays():
    @dag(schedule=None)
    def asked():
        handle = numbers()
        first, second = handle.map(double), handle.map(keep)
        handle >> second
        first >> second

    assert asked().get_task("keep").upstream_task_ids == {"double", "numbers"}
