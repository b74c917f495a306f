"""One Dag under two names. A custom XCom backend stores the values of one of them elsewhere."""

from __future__ import annotations

import airflow
from airflow.sdk import DAG, task
from packaging.version import Version

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata

#: Unsorted, both alphabetically and in PostgreSQL's order of the keys of a JSON object.
KEYS = ["zebra", "Apfel", "x" * 250, "日本" * 125, "10", "9", "{{ a/b }}"]

#: Two of them differ only after the part that a label shows.
LONG_KEYS = ["a" * 249 + "1", "a" * 249 + "2", "short"]
INNER_KEYS = ["ß", "y" * 250]


def value_of(key):
    """Return a value that JSON could change: nested, with text in several scripts, nulls and numbers."""
    return {"name": key, "size": len(key), "none": None, "parts": [key[:2], {"ü": 1.5}]}


#: The keys after a clear: the first two in another order. Up to 3.2, Airflow itself fails a run whose cleared
#: task returns fewer, so all of them in another order.
KEYS_OF_RETRY = KEYS[1::-1] if Version(airflow.__version__) >= Version("3.3") else KEYS[::-1]


@task.dynamic(out=DynamicOut(dict))
def produce(ti=None):
    """Produce the keys in the first try, and the keys of a retry after that."""
    for key in KEYS if ti.try_number == 1 else KEYS_OF_RETRY:
        yield DynamicOutput(value_of(key), key, metadata={"size": len(key), "raw": {"b": 1, "a": [None]}})


@task
def describe(value, mapping_key=None):
    """Return a value made of the key and the value, with metadata."""
    add_output_metadata({"key": mapping_key})
    return {"key": mapping_key, "value": value}


@task.dynamic(out=DynamicOut(str))
def outer():
    """Produce long keys."""
    for key in LONG_KEYS:
        yield DynamicOutput(key[-1], key)


@task.dynamic(out=DynamicOut(str))
def inner(value):
    """Produce keys of a key."""
    for key in INNER_KEYS:
        yield DynamicOutput(value + key[0], key)


@task
def upper(value):
    """Return a value made of both."""
    return value.upper()


@task
def keep(listed, keyed, produced):
    """Keep three collections as lists, because PostgreSQL does not keep the order of a dict."""
    return [listed, list(map(list, keyed.items())), list(map(list, produced.items()))]


@task
def keep_nested(keyed):
    """Keep a collection of nested keys as lists."""
    return [[outer, list(map(list, inner.items()))] for outer, inner in keyed.items()]


for dag_id in ("stored_plainly", "stored_by_reference"):
    with DAG(dag_id, schedule=None):
        found = produce()
        described = found.map(describe)
        keep(described.collect(), described.collect(keyed=True), found.collect(keyed=True))

with DAG("long_labels", schedule=None):
    keep_nested(outer().map(lambda value: inner(value).map(upper)).collect(keyed=True))
