"""Dags for the tests of the pages: keys and metadata of all kinds, and slow runs."""

from __future__ import annotations

import time
from pathlib import Path

from airflow.sdk import dag, get_current_context, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    MetadataValue,
    add_output_metadata,
    dynamic_workflow,
)

# An image of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154"
    "08d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)

CUSTOMERS = ("acme", "borealis", "cumulus", "delta works")


@task.dynamic(out=DynamicOut(str, description="The customers whose orders came in"))
def customers():
    for name in CUSTOMERS:
        yield DynamicOutput(name, mapping_key=name, metadata={"orders": len(name) * 3, "region": "north"})


@task
def load(customer):
    attempt = get_current_context()["ti"].try_number
    add_output_metadata(
        {
            "rows": len(customer) * 10 + attempt,
            "report": MetadataValue.md(
                "## Loaded\n\n- **all** rows\n- [the source](https://example.org/orders)"
            ),
            "sample": MetadataValue.table([{"order": n, "amount": n * 9.5} for n in range(1, 4)]),
            "settings": {"chunk": 500, "columns": ["order", "amount"]},
            "picture": MetadataValue.image(PIXEL, alt="one pixel"),
            "loaded at": MetadataValue.timestamp(1_790_000_000),
            "source": MetadataValue.url("https://example.org/orders"),
        }
    )
    if customer == "borealis" and attempt == 1:
        raise ValueError("borealis answers at the second try only")
    return customer


@task
def check(customer):
    return customer.upper()


@task.dynamic(out=DynamicOut(int))
def months(customer):
    for month in ("jan", "feb"):
        yield DynamicOutput(len(month), mapping_key=month)


@task
def bill(month):
    return month


@task
def summarize(checked):
    return sorted(checked)


@dag(schedule=None)
def orders():
    def each(customer):
        loaded = load(customer)
        months(loaded).map(bill)
        return check(loaded)

    summarize(customers().map(each).collect(min_success_ratio=0.5))


SCRIPT = "<script>window.parent.hacked = window.hacked = true</script>"
HANDLER = "\"><img src=x onerror='window.parent.hacked = window.hacked = true'>"
ADDRESS = "javascript:window.parent.hacked=window.hacked=true"
HOSTILE = (SCRIPT, HANDLER, ADDRESS, "k" * 250, "{{ 7 * 7 }}", "a/b", "ünï 🐍 %2F?#&")

# Made by hand, as a task could store them, because the constructors refuse harmful values.
HOSTILE_METADATA = {
    SCRIPT: SCRIPT,
    HANDLER: MetadataValue("url", ADDRESS),
    "markdown": MetadataValue.md(
        f"{SCRIPT}\n\n{HANDLER}\n\n[click]({ADDRESS})\n\n![picture](https://example.org/x.png)"
    ),
    "picture": MetadataValue("image", {"source": ADDRESS, "alt": HANDLER}),
    "vector": MetadataValue.image(
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='hacked=1'/>"
    ),
    "table": MetadataValue.table([{SCRIPT: HANDLER, "b": SCRIPT}]),
    "json": {SCRIPT: [HANDLER, {ADDRESS: None}]},
    "run": MetadataValue.dag_run(f"../{SCRIPT}", ADDRESS),
    "asset": MetadataValue.asset(ADDRESS),
    "path": MetadataValue.path(f"/{SCRIPT}"),
    "long": "x" * 1_000_000,
}


@task.dynamic(out=DynamicOut(str, description=f"Hostile {SCRIPT}{HANDLER}"))
def intruders():
    for key in HOSTILE:
        yield DynamicOutput(key, mapping_key=key, metadata={SCRIPT: HANDLER, "size": len(key)})


@task
def touch(value):
    add_output_metadata(HOSTILE_METADATA)
    return value


@dag(schedule=None)
def hostile():
    intruders().map(touch)


@task.dynamic(out=DynamicOut(int))
def numbers():
    return [DynamicOutput(number, mapping_key=f"number {number}") for number in range(3)]


@task
def wait(number, params=None):
    # A test looks at the run, and then lets it continue.
    while not (Path(params["folder"]) / "go").exists():
        time.sleep(0.2)
    return number


@dag(schedule=None, params={"folder": ""})
def one_by_one():
    numbers().map(wait, max_active=1)


@task.dynamic(out=DynamicOut(str))
def names():
    return []


@task
def read(name):
    return name


@task
def write(name):
    return name


@dag(schedule=None)
def thousands():
    names().map(lambda name: write(read(name)))


@task
def step(name, *_upstream):
    if name == "second" and get_current_context()["ti"].try_number == 1:
        raise ValueError("the second step succeeds at the second try only")
    return name


@dynamic_workflow(failure_policy="run_all")
def steps():
    def node(name, *upstream):
        return step.override(task_id=name)(name, *upstream)

    first = node("first")
    return node("last", node("second", first), node("third", first))


@dag(schedule=None)
def planned():
    steps()


@task
def ordinary():
    return 1


@dag(schedule=None)
def without_outputs():
    ordinary()


orders()
hostile()
one_by_one()
thousands()
planned()
without_outputs()
