"""What became of each key in each task: all ways to read it give one answer, whatever the tables hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from inspect import signature
from itertools import product
from unittest import mock

import pytest
from airflow.sdk import dag, task
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.database import totals as totals_module
from airflow_dynamic_provider.database.cells import ORDER, Cells, rank, summarize
from airflow_dynamic_provider.database.instances import Instance
from airflow_dynamic_provider.database.keys import KeyList
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.totals import Order, Totals
from airflow_dynamic_provider.definitions.states import FAILED, FINAL, REMOVED, SUCCESS
from airflow_dynamic_provider.execution.attempts import History
from airflow_dynamic_provider.execution.layout import CLONE_XCOM, StoredClone
from tests.dag_runs import start_run
from tests.large_run import STARTED

#: How many keys are listed, and how many clones there may be: one is of a list that was longer.
KEYS, CLONES = 3, 4

TASKS = ("first", "second", "third")

#: The number of the try that has listed the keys, and when it had.
ATTEMPT, LISTED = 2, STARTED + timedelta(minutes=1)


@task.dynamic(out=DynamicOut(int))
def numbers():
    yield DynamicOutput(1, mapping_key="1")


@task
def pass_on(value):
    return value


@dag(schedule=None)
def many_cells():
    def body(value):
        for name in TASKS:
            value = pass_on.override(task_id=name)(value)

    numbers().map(body)


@dataclass(frozen=True)
class Row:
    """A task instance, and what it has left."""

    state: str | None
    seconds: int | None
    #: Minutes from the start of the run; the keys are listed after one minute.
    began: int
    #: For which list it has noted to run.
    noted: int | None
    left_value: bool

    def mark(self, map_index):
        return StoredClone((str(map_index),), map_index, self.noted).pack()


rows = st.builds(
    Row,
    state=st.sampled_from([*ORDER, "of a later Airflow"]),
    seconds=st.none() | st.integers(0, 9),
    began=st.sampled_from([0, 2]),
    noted=st.sampled_from([None, 1, ATTEMPT]),
    left_value=st.booleans(),
)
of_all_keys = st.builds(
    Row,
    st.sampled_from([None, "upstream_failed", REMOVED]),
    st.just(0),
    st.just(2),
    st.none(),
    st.just(False),
)
#: Map index -> row: clones, and perhaps a task instance for all keys.
of_a_task = st.builds(
    lambda clones, whole: clones if whole is None else {**clones, -1: whole},
    st.dictionaries(st.integers(0, CLONES - 1), rows),
    st.none() | of_all_keys,
)
#: The same without gaps, so that one state may be the usual one.
complete = st.lists(rows, min_size=KEYS, max_size=CLONES).map(lambda clones: dict(enumerate(clones)))
tables = st.fixed_dictionaries(dict.fromkeys(TASKS, of_a_task)) | st.fixed_dictionaries(
    dict.fromkeys(TASKS, complete)
)


@pytest.fixture(scope="module")
def stored(airflow_database):
    """A run that has not begun."""
    return start_run(many_cells())


@pytest.fixture(scope="module")
def session(stored):
    from airflow.settings import engine
    from sqlalchemy.orm import Session

    with Session(engine) as session:
        yield session


def write(session, run, table):
    """Replace what the run has of the clones."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import delete, insert

    of_run = (
        {"dag_run": run.dag_run} if "dag_run" in signature(TaskInstance.insert_mapping).parameters else {}
    )
    session.execute(delete(XComModel).where(XComModel.run_id == run.run_id))
    session.execute(
        delete(TaskInstance).where(TaskInstance.run_id == run.run_id, TaskInstance.task_id.in_(TASKS))
    )
    for task_id, found in table.items():
        for map_index, row in found.items():
            began = STARTED + timedelta(minutes=row.began)
            mapping = TaskInstance.insert_mapping(
                run.run_id,
                run.scheduler_dag.get_task(task_id),
                map_index=map_index,
                dag_version_id=run.dag_run.created_dag_version_id,
                **of_run,
            )
            done = {"state": row.state, "duration": row.seconds, "start_date": began, "try_number": 1}
            session.bulk_insert_mappings(TaskInstance, [{**mapping, **done}])
            left = {"value": 1} if row.left_value else {}
            left |= {} if row.noted is None else {CLONE_XCOM: row.mark(map_index)}
            at = {"dag_id": run.dag.dag_id, "run_id": run.run_id, "task_id": task_id, "map_index": map_index}
            for key, value in left.items():
                values = {**at, "dag_run_id": run.dag_run.id, "key": key, "value": value, "timestamp": began}
                session.execute(insert(XComModel.__table__).values(values))


def reader(session, run, tries, task_ids=None, kind=Cells):
    """Return what reads the cells, or sums them up, without anything it has read before."""
    opened = open_run(session, run.dag.dag_id, run.run_id)
    listing = Instance("numbers", -1, "success", tries, STARTED, LISTED)
    keys = KeyList(listing, tuple((str(index),) for index in range(KEYS)))
    return kind(opened.source, opened.space("numbers.result"), keys, task_ids)


def expected(info, table, tries):
    """(Task, position) -> (state, whether it is stale), worked out from the rows one by one."""
    states = {(task_id, at): row.state for task_id, found in table.items() for at, row in found.items()}
    history = History(
        tries,
        lambda: states,
        lambda task_id: [row.mark(at) for at, row in table[task_id].items() if row.noted is not None],
    )
    cells = {}
    for task_id in TASKS:
        for position in range(KEYS):
            row = table[task_id].get(position)
            if row is None:
                whole = table[task_id].get(-1)
                cells[task_id, position] = None if whole is None else (whole.state, False)
                continue
            is_silent = row.state in ("running", "deferred", FAILED) or (
                row.state == SUCCESS and not row.left_value and row.noted is None
            )
            is_stale = (
                tries > 1
                and row.state in {*FINAL, "running", "deferred"}
                and not history.is_current(info.clones[task_id], position)
                and not (is_silent and row.began > 1)
            )
            cells[task_id, position] = (None if is_stale else row.state, is_stale)
    return cells


# Without making an example smaller, which takes minutes: the tables are small.
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(table=tables, tries=st.sampled_from([1, ATTEMPT]))
def test_all_ways_to_read_cells_give_one_answer(stored, session, table, tries):
    write(session, stored, table)
    cells = reader(session, stored, tries)
    at_once = cells.at(range(KEYS))
    found = {
        (task_id, position): None if cell is None else (cell.state, cell.is_stale)
        for position, row in at_once.items()
        for task_id, cell in row.items()
    }
    assert found == expected(cells._staleness.info, table, tries)
    for position in range(KEYS):
        assert reader(session, stored, tries).at([position])[position] == at_once[position]
    for task_ids in (None, ["second"]):
        rows = reader(session, stored, tries, task_ids).at(range(KEYS))
        totals = reader(session, stored, tries, task_ids, Totals)
        of_many = reader(session, stored, tries, task_ids, Totals)
        assert totals.staleness.is_any == any(
            cell.is_stale for row in rows.values() for cell in row.values() if cell
        )
        for positions in (range(KEYS), [0, 2], [1], []):
            summaries = {at: summarize(rows[at].values()) for at in positions}
            check_totals(totals, positions, summaries)
            if task_ids is None and len(positions) > 1:
                with mock.patch.object(totals_module, "_FEW", 1):
                    check_totals(of_many, positions, summaries)


#: Order -> the states that a page asks for with it. Each filter stands with a rising and a falling order.
FILTERS = {
    ("position", False): ["success"],
    ("position", True): ["none", "failed"],
    ("state", False): ["none", "failed"],
    ("state", True): ["of a later Airflow"],
    ("duration", False): ["of a later Airflow"],
    ("duration", True): ["success"],
}


def check_totals(totals, positions, summaries):
    """Compare what the database sums up with the summary of each key."""
    total = totals.of(positions)
    assert total.counts == Counter(summary.state for summary in summaries.values())
    each = totals.of_each([[position] for position in positions])
    assert [[*each.counts] for each in each] == [[summaries[position].state] for position in positions]
    seconds = {position: summaries[position].duration or 0 for position in positions}
    assert [each.seconds for each in each] == [*seconds.values()]
    values = {
        "position": lambda position: position,
        "state": lambda position: rank(summaries[position].state),
        "duration": lambda position: summaries[position].duration or 0,
    }
    orders = list(product(values, (False, True)))
    # Two keys have each order once more, but need no further filter. One key has one order.
    for by, is_descending in orders if len(positions) > 1 else orders[:1]:
        ordered = sorted(positions, key=values[by], reverse=is_descending)
        how = {"by": by, "is_descending": is_descending}
        total_of_page, first = totals.of_and_first(positions, Order(**how, limit=1, offset=1))
        assert (total_of_page.counts, first) == (total.counts, ordered[1:2])
        if len(positions) == 2:
            continue
        assert totals.of_and_first(positions, Order(**how))[1] == ordered
        states = FILTERS[by, is_descending]
        shown = [at for at in ordered if (summaries[at].state or "none") in states]
        assert totals.of_and_first(positions, Order(**how, states=states))[1] == shown


def counted(session, read):
    """Return how many queries something takes."""
    from sqlalchemy import event

    queries = Counter()

    def count(connection, cursor, statement, *rest):
        queries["all"] += 1

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", count)
    try:
        read()
    finally:
        event.remove(engine, "before_cursor_execute", count)
    return queries["all"]


DONE = Row(SUCCESS, 1, 0, ATTEMPT, True)


@pytest.mark.parametrize("clones", [1, CLONES])
@pytest.mark.parametrize(
    ("tries", "change", "summed_up", "one_row"),
    [
        # The task instances for all keys, and the sums.
        (1, {}, 2, 1),
        # What is in doubt, or unsettled, too: nothing.
        (ATTEMPT, {}, 3, 2),
        # For a row, what the clones of three tasks have noted, their states, which tasks stop all keys, and
        # who has left anything. The sums need none of it.
        (ATTEMPT, {"noted": 1}, 3, 8),
        (ATTEMPT, {"state": "skipped", "noted": 1}, 8, 7),
    ],
)
def test_the_number_of_queries_does_not_grow_with_the_keys(
    stored, session, clones, tries, change, summed_up, one_row
):
    row = replace(DONE, **change)
    write(session, stored, {task_id: dict.fromkeys(range(clones), row) for task_id in TASKS})
    totals = reader(session, stored, tries, kind=Totals)
    assert counted(session, lambda: totals.of(range(KEYS))) == summed_up
    cells = reader(session, stored, tries)
    assert counted(session, lambda: cells.at([0])) == one_row


def test_the_keys_in_the_usual_state_are_counted_and_not_visited(stored, session, monkeypatch):
    monkeypatch.setattr(totals_module, "_FEW", 0)
    table = {task_id: dict.fromkeys(range(KEYS), DONE) for task_id in TASKS}
    table["second"][1] = replace(DONE, state=FAILED)
    write(session, stored, table)
    totals = reader(session, stored, 1, kind=Totals)
    # How many task instances are in which state, whether there are others, and those in another state.
    assert counted(session, lambda: totals.of(range(KEYS))) == 3
    assert totals.of(range(KEYS)).counts == {FAILED: 1, SUCCESS: KEYS - 1}
    del table["third"][2]
    write(session, stored, table)
    assert reader(session, stored, 1, kind=Totals).of([1, 2]).counts == {FAILED: 1, None: 1}


def test_the_seconds_of_another_key_are_not_those_of_a_key(stored, session):
    write(session, stored, {task_id: {0: replace(DONE, noted=1), 1: DONE} for task_id in TASKS})
    former, own, missing = reader(session, stored, ATTEMPT, kind=Totals).of_each([[0], [1], [2]])
    assert (former.counts, former.seconds, former.absent) == ({None: 1}, 0, 0)
    assert (own.counts, own.seconds, own.absent) == ({SUCCESS: 1}, 3, 0)
    assert (missing.counts, missing.seconds, missing.absent) == ({None: 1}, 0, 1)


def test_a_clone_behind_the_last_key_is_no_clone_of_another_key(stored, session):
    behind = {KEYS: replace(DONE, noted=1)}
    write(session, stored, {task_id: {**dict.fromkeys(range(KEYS), DONE), **behind} for task_id in TASKS})
    assert not reader(session, stored, ATTEMPT, kind=Totals).staleness.is_any
