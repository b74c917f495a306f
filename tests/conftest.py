"""Gives every test session its own Airflow: a home in a temporary folder, an empty Dag folder, SQLite.

The environment is set before anything imports Airflow, because Airflow reads it on import.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import quick_api, quick_database, quick_tasks, strict_api

HOME = Path(tempfile.mkdtemp(prefix="airflow-dynamic-provider-"))
DAGS = Path(__file__).parent.parent / "dags"

os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    # Tests redefine Dags of the same id within seconds, and Airflow 3.1 runs the stored version of a Dag.
    AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL="0",
    AIRFLOW__CORE__DAGS_FOLDER=str(HOME / "dags"),
    # With each task instance, Airflow would look for rendered fields of old runs, and delete them.
    AIRFLOW__CORE__NUM_DAG_RUNS_TO_RETAIN_RENDERED_FIELDS="0",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME / 'airflow.db'}",
    # A file is always there.
    AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_PRE_PING="False",
)
(HOME / "dags").mkdir()
strict_api.install()
quick_api.install()
quick_database.install()
quick_tasks.install()
# Each task of a Dag run makes thousands of objects that live on. A search among all of them finds nothing.
gc.set_threshold(20_000, 20, 100)


#: The number of fresh random programs of each such test in a session.
FRESH = 40


def pytest_addoption(parser):
    parser.addoption(
        "--seed", type=int, help=f"the first of the {FRESH} seeds of fresh random programs; any by default"
    )
    parser.addoption(
        "--pictures", type=Path, metavar="FOLDER", help="where the tests of the pages leave pictures of them"
    )


def pytest_configure(config):
    if config.option.seed is None:
        told = getattr(config, "workerinput", {}).get("seed")
        config.option.seed = random.randrange(10**6, 10**9) if told is None else told


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    # Processes that share the tests must collect the same ones.
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config):
    first = config.option.seed
    return f"fresh random programs: seeds {first} to {first + FRESH - 1}; SEED={first} writes them again"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process whole files, and one process all tests that share a running Airflow."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return LIVE if nodeid.startswith(LIVE) else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.option.dist == "loadfile" else None


def pytest_runtest_protocol(item):
    # A running Airflow waits for half of the time. When it does not, it comes before the other processes that
    # share the tests, because some of its tests have limits of time.
    if hasattr(item.config, "workerinput") and not item.nodeid.startswith(LIVE):
        os.nice(max(0, BEHIND - os.nice(0)))


#: The folder of the tests against a running Airflow.
LIVE = "tests/live/"

#: The ``nice`` of the other tests.
BEHIND = 10

#: Folders in the order in which their tests run, the longest first. If these ran last, one of the processes
#: that share the tests would be idle for minutes.
ORDER = ("live", "differential", "flyte", "dagster", "dag", "contract", "browser", "task", "pure")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    places = {folder: place for place, folder in enumerate(ORDER)}
    items.sort(key=lambda item: places.get(item.path.relative_to(here).parts[0], len(places)))


@pytest.fixture(scope="session")
def airflow_database():
    """A migrated metadata database."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def execution_api():
    """One in-process API for all tests. Up to Airflow 3.2 each task instance would wait for a new one."""
    from airflow_dynamic_provider.embedded import one_execution_api

    with one_execution_api():
        yield


def pytest_unconfigure():
    """Remove the temporary home."""
    shutil.rmtree(HOME, ignore_errors=True)
