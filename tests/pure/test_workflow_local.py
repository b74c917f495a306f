"""Whole workflows in plain Python: their results and their failures."""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import BranchPythonOperator
from airflow.sdk import BaseOperator, setup, task, task_group

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    Out,
    Output,
    dynamic_task,
    dynamic_workflow,
    map_task,
)
from airflow_dynamic_provider.errors import (
    SelectionError,
    TooFewSuccessesError,
    TooManyNodesError,
    UnstorableOutputError,
    WorkflowCallError,
)
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


class Split(NamedTuple):
    left: list[int]
    right: list[int]


@dataclasses.dataclass
class Trial:
    rate: float
    score: object = None


class Report(NamedTuple):
    best: Trial
    others: list[Trial]


class Shout(BaseOperator):
    template_fields = ("text",)

    def __init__(self, *, text, **kwargs):
        super().__init__(**kwargs)
        if not text:
            raise ValueError("there is nothing to shout")
        self.text = text

    def execute(self, context):
        return f"{self.text}!"


@task
def t1(a: int) -> str:
    return f"fast-{a}"


@task
def t2(b: str) -> str:
    return f"{b}-done"


@task
def add(one, other=1):
    return one + other


@task
def unstorable():
    return object()


@task
def total(numbers) -> int:
    return sum(numbers)


@task
def square(number: int) -> int:
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number**2


@task
def split(numbers: list) -> tuple[list, list]:
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


@task
def split_by_name(numbers: list) -> Split:
    middle = len(numbers) // 2
    return Split(numbers[:middle], numbers[middle:])


@task
def sort_here(numbers: list) -> list:
    return sorted(numbers)


@task
def merge(left: list, right: list) -> list:
    return sorted([*left, *right])


@task
def halve(number: float) -> float:
    return number / 2


@task
def log(text) -> None: ...


@task
def mutate(items: list) -> int:
    items.append(1)
    return len(items)


@task
def with_context(value, ti, mapping_key=None):
    return [value, ti is not None, mapping_key]


@task
def positional(one, /, *more, **named):
    return [one, list(more), named["a"], "ds" in named]


@task
async def eventually(value):
    return value


@dynamic_task(out=DynamicOut(int))
def numbers(count):
    for number in range(count):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@dynamic_task(out={"all": DynamicOut(int), "how_many": Out(int)})
def counted(count):
    for number in range(count):
        yield DynamicOutput(number, mapping_key=str(number), output_name="all")
    yield Output(count, "how_many")


@task_group
def twice(value):
    return add(add(value))


@dynamic_workflow
def my_dynamic_subwf(a: int) -> tuple[list[str], int]:
    strings = [t1(a=i) for i in range(a)]
    return strings, 5


@dynamic_workflow
def two_steps(count: int) -> list[str]:
    return [t2(t1(i)) for i in range(count)]


@dynamic_workflow
def merge_sort(numbers: list, threshold: int) -> list:
    if len(numbers) <= threshold:
        return sort_here(numbers)
    left, right = split(numbers)
    return merge(merge_sort(left, threshold), merge_sort(right, threshold))


@dynamic_workflow
def until_small(number: float) -> float:
    if number < 1:
        return number
    return until_small(halve(number))


@dynamic_workflow
def is_even(number: int) -> bool:
    return True if number == 0 else is_odd(add(number, -1))


@dynamic_workflow
def is_odd(number: int) -> bool:
    return False if number == 0 else is_even(add(number, -1))


@dynamic_workflow
def endless(number):
    return endless(number + 1)


@dynamic_workflow
def endless_later(number):
    return endless_later(add(number))


@dynamic_workflow
def best_of(rates: list) -> Report:
    trials = [Trial(rate, square.override(task_id=f"rate-{rate}")(rate)) for rate in rates]
    return Report(best=trials[0], others=trials[1:])


@task
def score_of(report: Report) -> float:
    return report.best.score + sum(each.score for each in report.others)


def local(body, *args):
    return dynamic_workflow(body).local(*args)


def test_a_loop_over_a_count_known_at_run_time():
    assert my_dynamic_subwf.local(a=3) == (["fast-0", "fast-1", "fast-2"], 5)
    assert my_dynamic_subwf.local(0) == ([], 5)


def test_two_dependent_tasks():
    assert two_steps.local(2) == ["fast-0-done", "fast-1-done"]


@pytest.mark.parametrize("threshold", [1, 3, 100])
def test_merge_sort(threshold):
    numbers = [5, 3, 9, -1, 0, 7, 7, 2, 8, 4, 1]
    assert merge_sort.local(numbers, threshold) == sorted(numbers)


def test_a_chain_of_50():
    def body(start):
        value = start
        for _ in range(50):
            value = add(value)
        return value

    assert local(body, 7) == 57


def test_a_fan_out_of_500():
    def body(count):
        return total([square(number) for number in range(count)])

    assert local(body, 500) == sum(number**2 for number in range(500))


def test_a_grid_search_with_named_nodes():
    def body(rates, depths):
        return {
            f"{rate}/{depth}": add.override(task_id=f"rate={rate},depth={depth}")(rate, depth)
            for rate in rates
            for depth in depths
        }

    assert local(body, [1, 2], [10, 20]) == {"1/10": 11, "1/20": 21, "2/10": 12, "2/20": 22}


def test_recursion_until_converged():
    assert until_small.local(100.0) == 100 / 2**7
    # More levels than Python itself could nest.
    assert until_small.local(2.0**400) == 0.5


def test_mutual_recursion():
    assert is_even.local(6) is True
    assert is_even.local(5) is False


def test_no_nodes_and_inputs_passed_through():
    given = {"a": [1, None, "x"], "b": (1, 2), "when": date(2024, 1, 1)}
    assert local(lambda value: value, given) == given
    assert local(lambda: None) is None


def test_dataclasses_and_named_tuples_in_and_out():
    assert best_of.local([1, 2, 3]) == Report(Trial(1, 1), [Trial(2, 4), Trial(3, 9)])

    def body(report):
        report = Report(Trial(report.best.rate, square(3)), report.others)
        return score_of(report), report.others[0].rate

    assert local(body, Report(Trial(1.5), [Trial(2, 5)])) == (14, 2)


def test_a_named_tuple_that_a_task_returns():
    def body(numbers):
        parts = split_by_name(numbers)
        left, right = parts
        return [total(parts.left), total(right), total(left)]

    assert local(body, [1, 2, 3, 4]) == [3, 7, 3]


def test_one_promise_used_many_times_and_nobody_changes_it_for_others():
    def body():
        shared = sort_here([3, 1])
        return [mutate(shared), mutate(shared), shared, [shared, {"again": shared[0]}]]

    assert local(body) == [3, 3, [1, 3], [[1, 3], {"again": 1}]]


def test_arguments_are_bound_when_the_call_is_made():
    def body():
        collected = []
        sums = []
        for number in range(3):
            collected.append(number)
            sums.append(total(collected))
        return sums

    assert local(body) == [0, 1, 3]


def test_a_workflow_called_inside_gets_copies_of_its_arguments():
    @dynamic_workflow
    def spoil(items):
        items.append(4)
        return total(items)

    def body():
        items = [1, 2]
        return [spoil(items), items]

    assert local(body) == [7, [1, 2]]


def test_a_classic_operator():
    def body(word):
        first = Shout(task_id="first", text=word)
        second = Shout(task_id="second", text=first.output)
        log("before") >> second
        return [first.output, second.output]

    assert local(body, "hey") == ["hey!", "hey!!"]


def test_a_shell_command():
    def body(number):
        return BashOperator(task_id="echo", bash_command=f"echo {number}").output

    assert local(body, 3) == "3"


def test_a_task_group():
    def body(value):
        return [twice(value), twice(1)]

    assert local(body, 5) == [7, 3]


def test_dynamic_tasks():
    def body(count):
        every = counted(count)
        return [numbers(count), every.all, every.how_many, total(every.all)]

    assert local(body, 3) == [[0, 1, 2], [0, 1, 2], 3, 3]


def test_what_a_tasks_signature_may_be():
    def body():
        return [with_context(1), positional(1, 2, 3, a=4), eventually(5)]

    assert local(body) == [[1, True, None], [1, [2, 3], 4, True], 5]


@pytest.mark.parametrize("concurrency", [None, 2])
def test_map_task_over_a_list_and_over_a_promise(concurrency):
    def body(values):
        once = map_task(square, concurrency)(values)
        return [once, map_task(square, concurrency)(once), once[1]]

    assert local(body, [1, 2, 3]) == [[1, 4, 9], [1, 16, 81], 4]


def test_map_task_over_nothing():
    assert local(lambda: map_task(square)([])) == []
    assert local(lambda: map_task(square)(map_task(square)([]))) == []


def test_map_task_over_several_lists_and_with_fixed_arguments():
    def body(values):
        squares = map_task(square)(values)
        return [
            map_task(add)(values, [10, 20]),
            map_task(add)(other=squares, one=values),
            map_task(functools.partial(add, other=squares[0]))(values),
            map_task(functools.partial(add, 5))(squares),
        ]

    assert local(body, [1, 2]) == [[11, 22], [2, 6], [2, 3], [6, 9]]


def test_lists_of_different_lengths():
    with refused(WorkflowCallError, "they differ in length: 'one' has 2, 'other' has 1"):
        local(lambda: map_task(add)([1, 2], [1]))
    with refused(WorkflowCallError, "they differ in length: 'one' has 1, 'other' has 2"):
        local(lambda: map_task(add)([1], map_task(square)([1, 2])))


def test_a_promise_that_is_no_list():
    with refused(WorkflowCallError, "needs a list for 'number', received 4"):
        local(lambda: map_task(square)(square(2)))


@pytest.mark.parametrize("is_later", [False, True])
def test_map_task_with_failures(is_later):
    def body(values, ratio):
        values = sort_here(values) if is_later else sorted(values)
        return map_task(square, min_success_ratio=ratio)(values)

    assert local(body, [1, -2, 3, 4], 0.75) == [None, 1, 9, 16]
    assert local(body, [-1], 0) == [None]
    with refused(TooFewSuccessesError, "2 of the 4 nodes of 'square-map' succeeded") as caught:
        local(body, [1, -2, -3, 4], 0.75)
    assert "failed: 'square-map/0', 'square-map/1'" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ValueError, match="-2 is negative"):
        local(body, [1, -2], 1.0)


def test_nodes_of_a_map_task_that_skip_themselves_do_not_count():
    @task
    def choose(number):
        if number == 0:
            raise AirflowSkipException("nothing to do")
        if number < 0:
            raise ValueError("negative")
        return number

    def body(values):
        return map_task(choose, min_success_ratio=0.5)(values)

    assert local(body, [0, 1, -2, 0]) == [None, 1, None, None]
    assert local(body, [0]) == [None]
    with refused(TooFewSuccessesError, "0 of the 1 nodes of 'choose-map' succeeded"):
        local(body, [0, -1])


def test_a_share_of_the_nodes_is_counted_exactly():
    """0.55 * 20 is a little more than 11."""

    def body():
        return map_task(square, min_success_ratio=0.55)([1] * 11 + [-1] * 9)

    assert local(body) == [1] * 11 + [None] * 9


def test_too_few_successes_fail_though_nobody_uses_the_values():
    def body():
        map_task(square, min_success_ratio=0.5)([-1, -2])
        return 1

    with refused(TooFewSuccessesError, "0 of the 2 nodes"):
        local(body)


def test_a_nodes_error_names_the_node():
    @dynamic_workflow
    def inner(value):
        return square.override(task_id="third")(value)

    def body(value):
        return inner(add(value, 0))

    with pytest.raises(ValueError, match="-3 is negative") as caught:
        local(body, -3)
    assert caught.value.__notes__ == [
        "raised by the node 'inner/third' of the workflow 'inner'",
        "raised by the node 'inner' of the workflow 'body'",
    ]


def test_the_bodys_own_error_comes_as_it_is():
    def body():
        square(1)
        raise RuntimeError("the body itself")

    with pytest.raises(RuntimeError, match="the body itself"):
        local(body)


def test_recursion_without_end():
    with refused(TooManyNodesError, "the workflow 'endless' is nested 101 workflows deep"):
        endless.local(0)
    with refused(TooManyNodesError, "'endless_later' has 1002 nodes so far, more than max_nodes=1000"):
        endless_later.local(0)
    with refused(TooManyNodesError, "the workflow 'endless_later' is nested 1000 workflows deep"):
        endless_later.override(max_nodes=3000).local(0)


def test_a_part_that_is_not_there():
    with refused(SelectionError, "the output of 'square' has no ['rows']"):
        local(lambda: add(square(2)["rows"]))


def test_what_xcom_cannot_carry():
    with refused(UnstorableOutputError, "the argument 'other' of the node 'add-3': XCom cannot carry"):
        local(lambda: [add(1), add(add(1), object())])
    with refused(UnstorableOutputError, "the return value of '<lambda>': XCom cannot carry"):
        local(lambda: [add(1), object()])
    with refused(UnstorableOutputError, "XCom cannot carry a value of type object"):
        local(lambda: unstorable())


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {1: (x,)}, lambda x: {"a": {"b": x}}])
def test_what_airflow_could_not_read_again_is_refused_before_any_node_runs(wrap):
    moment = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2), "here"))
    problem = "XCom would store a value of type datetime that cannot be read"
    with refused(UnstorableOutputError, f"the argument 'other' of the node 'add': {problem}"):
        local(lambda: add(1, wrap(moment)))
    with refused(UnstorableOutputError, f"the return value of '<lambda>': {problem}"):
        local(lambda: [add(1), wrap(moment)])


def test_constants_that_airflow_gives_back_as_they_were_are_let_through():
    moment = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    there = datetime.fromisoformat("2026-01-01T00:00:00+02:00")
    values = [moment, there, {1: frozenset({2})}, Decimal("1.5"), b"\xff", Path("a"), OrderedDict(a=1)]
    back = local(lambda: values)
    assert back == values
    assert list(map(type, back)) == list(map(type, values))


@task.branch
def choose(): ...


@task.short_circuit
def stop(): ...


@setup
@task
def prepare(): ...


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: choose(), "'choose' is a _BranchPythonDecoratedOperator, which chooses the tasks"),
        (lambda: stop(), "which chooses the tasks that run after it"),
        (lambda: BranchPythonOperator(task_id="b", python_callable=print), "chooses the tasks"),
        (lambda: prepare(), "'prepare' is a setup or a teardown"),
        (lambda: [Shout(task_id="a", text="b").as_setup()][:0], "'a' is made a setup or a teardown"),
        (lambda: square.expand(number=[1]), "expand() is for Dag files"),
        (lambda: square.partial(number=1), "partial() is for Dag files"),
        (lambda: square.expand_kwargs([{"number": 1}]), "expand_kwargs() is for Dag files"),
        (lambda: numbers.expand(count=[1]), "expand() is for Dag files"),
        (lambda: twice.expand(value=[1]), "expand() is for Dag files"),
        (lambda: Shout.partial(task_id="a").expand(text=["a"]), "expand() is for Dag files"),
        (lambda: square(), "the call of 'square' does not fit: missing a required argument: 'number'"),
        (lambda: square(1, 2), "the call of 'square' does not fit: too many positional arguments"),
        (lambda: square(numbr=1), "the call of 'square' does not fit: got an unexpected keyword"),
        (lambda: is_even(), "the call of 'is_even' does not fit: missing a required argument"),
        (lambda: square(Shout(task_id="a", text="b")), "the operator 'a' itself is passed on"),
        (lambda: Shout(task_id="a", text="b"), "the operator 'a' itself is passed on or returned"),
        (lambda: add(counted(1)), "the outputs of 'counted' are passed on or returned all together"),
        (lambda: counted(1), "the outputs of 'counted' are passed on or returned all together"),
        (lambda: map_task(print), "map_task takes a @task function"),
        (lambda: map_task(is_even), "map_task takes a @task function"),
        (lambda: map_task(numbers), "map_task takes a @task function"),
        (lambda: map_task(twice), "map_task takes a @task function"),
        (lambda: map_task(choose), "chooses the tasks that run after it"),
        (lambda: map_task(square, concurrency=0), "concurrency must be a whole number"),
        (lambda: map_task(square, min_success_ratio=2), "min_success_ratio must be a number from 0 to 1"),
        (lambda: map_task(square)(), "is called without a list"),
        (lambda: map_task(square)("abc"), "needs a list or a promise of one for 'number', received 'abc'"),
        (lambda: map_task(square)([1], [2]), "is called with 2 lists, but only 1 of"),
        (lambda: map_task(square)([1], number=[2]), "is given the argument 'number' twice"),
        (lambda: map_task(square)(numbr=[2]), "got an unexpected keyword argument 'numbr'"),
        (lambda: map_task(functools.partial(square, 1))([1]), "is called with 1 lists, but only 0 of"),
    ],
)
def test_calls_that_cannot_become_nodes(call, message):
    with refused(WorkflowCallError, message) as caught:
        local(call)
    assert isinstance(caught.value, TypeError)
    assert "test_workflow_local.py" in str(caught.value)


def test_map_task_outside_of_a_body():
    with refused(WorkflowCallError, "map_task(square) is called outside of the body of a workflow"):
        map_task(square)([1])


def test_an_operators_own_refusal_comes_as_it_is():
    with pytest.raises(ValueError, match="there is nothing to shout"):
        local(lambda: [Shout(task_id="a", text="").output])


@task
def skips_two(number):
    if number == 2:
        raise AirflowSkipException("not two")
    return number


@dynamic_workflow
def sum_of_two(left, right):
    return add(skips_two(left), right)


@dynamic_workflow
def skipping(numbers, kept):
    picked = [skips_two(number) for number in numbers]
    after = [add(each, 10) for each in picked]
    inner = sum_of_two(numbers[0], 1)
    later = sum_of_two(picked[0], 1)
    return {"after": [after[index] for index in kept], "inner": inner, "later": later}


def test_a_node_that_skips_itself_skips_what_depends_on_it():
    assert skipping.local([1, 2, 3], [0, 2]) == {"after": [11, 13], "inner": 2, "later": 2}


@pytest.mark.parametrize(("numbers", "kept"), [([1, 2, 3], [0, 1]), ([2, 1], [1])])
def test_what_returns_a_skipped_node_or_one_behind_it_is_skipped(numbers, kept):
    with pytest.raises(AirflowSkipException, match=r"its node '.*' was skipped"):
        skipping.local(numbers, kept)
