"""What a declaration or an annotation says is what arrives, wherever a value goes."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence  # noqa: TC003 (annotations are evaluated)
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk import dag, task
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # noqa: TC002 (annotations are evaluated)
from pydantic import BaseModel

from airflow_dynamic_provider import Batch, Cache, DynamicOut, DynamicOutput, Out, Output, dynamic_workflow
from tests.dag.tasks import RUNS_ASYNC_TASKS
from tests.dag_runs import run_dag
from tests.local_runs import run_locally

pytestmark = pytest.mark.dag


class Colour(enum.Enum):
    RED = (255, 0, 0)
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    at: Path


class Model(BaseModel):
    rates: dict[tuple[int, str], Decimal] = {}
    wait: timedelta = timedelta(0)


@dataclasses.dataclass(frozen=True)
class Config:
    name: str
    colour: Colour | None = None
    points: list[Point] = dataclasses.field(default_factory=list)
    by_number: dict[int, bytes] = dataclasses.field(default_factory=dict)
    model: Model | None = None
    at: datetime | None = None
    length: int = dataclasses.field(init=False, default=-1)

    def __post_init__(self):
        object.__setattr__(self, "length", len(self.points))


BERLIN = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))
CONFIGS = {
    "small": Config("small", at=datetime(2026, 1, 1)),
    "large": Config(
        "large",
        Colour.RED,
        [Point(1, Path("a/b"))],
        {1: b"\xff"},
        Model(rates={(1, "x"): Decimal("1.10")}, wait=timedelta(1, 2, 3)),
        BERLIN,
    ),
}
BATCHES = {
    "loop": Batch(2),
    "threads": Batch(2, runner="threads", concurrency=2),
    "processes": Batch(2, runner="processes"),
    "executor": Batch(2, runner=lambda: ProcessPoolExecutor(1)),
}
STAMP = {1: datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))}

seen: list = []


@task.dynamic(out={"configs": DynamicOut(Config), "stamp": Out(dict[int, datetime])})
def produce():
    for key, config in CONFIGS.items():
        yield DynamicOutput(config, key, "configs")
    yield Output(STAMP, "stamp")


@task
def again(config: Config) -> Config:
    seen.append(("again", config))
    return dataclasses.replace(config, colour=Colour.BLUE)


@task
def look(config: Config, stamp: dict[int, datetime]) -> Path:
    seen.append(("look", (config, stamp)))
    return Path(config.name)


@task
def gather(*collections):
    seen.append(("gather", collections))


@task
def as_json(config):
    return {"name": config.name}


@task
def summarize(
    values: list[Config],
    by_key: dict[str, Config],
    lazy: Sequence[Config],
    *pairs: list[tuple[Config, Path]],
    **more: dict[str, Config],
):
    assert type(lazy).__name__ == "CollectedSequence"
    seen.append(("summarize", (values, by_key, list(lazy), pairs, more["again"])))


@task
def expanded(number: int, values: list[Config]):
    seen.append(("expanded", values))


@task
def one_of_many(config):
    seen.append(("one_of_many", config))


def test_declared_and_annotated_types_arrive_in_maps_collections_and_joins():
    seen.clear()

    @dag(schedule=None)
    def typed():
        configs, stamp = produce()
        changed = configs.map(again)
        paths = changed.map(lambda config: look(config, stamp))
        gather(configs.collect(), changed.collect(keyed=True), paths.zip(configs).collect())
        plain = configs.map(as_json)
        by_key, pairs = plain.collect(keyed=True), plain.zip(paths).collect()
        summarize(plain.collect(), by_key, plain.collect(lazy=True), pairs, again=by_key)
        expanded.partial(values=plain.collect()).expand(number=[1])

    run = run_dag(typed())
    assert run.state == "success"
    blue = {key: dataclasses.replace(config, colour=Colour.BLUE) for key, config in CONFIGS.items()}
    of = {name: [value for each, value in seen if each == name] for name in ("again", "look", "gather")}
    again_by_key = {config.name: config for config in of["again"]}
    assert again_by_key == CONFIGS
    assert {config.name: (config, stamp) for config, stamp in of["look"]} == {
        key: (config, STAMP) for key, config in blue.items()
    }
    paths = [Path(key) for key in CONFIGS]
    pairs = [list(pair) for pair in zip(paths, CONFIGS.values(), strict=True)]
    assert of["gather"] == [(list(CONFIGS.values()), blue, pairs)]
    plain = {key: Config(config.name) for key, config in CONFIGS.items()}
    pairs = list(zip(plain.values(), paths, strict=True))
    (summary,) = [value for each, value in seen if each == "summarize"]
    assert summary == (list(plain.values()), plain, list(plain.values()), (pairs,), plain)
    assert [value for each, value in seen if each == "expanded"] == [list(plain.values())]
    assert again_by_key["large"].at.tzinfo == BERLIN.tzinfo
    assert again_by_key["large"].at.fold == 1


def test_every_runner_of_a_batch_keeps_types():
    seen.clear()

    @dag(schedule=None)
    def batched():
        configs, _ = produce()
        handles = [configs.map(again.override(task_id=name), batch=each) for name, each in BATCHES.items()]
        gather(*[handle.collect() for handle in handles])

    assert set(run_locally(batched()).memory.states.values()) == {"success"}
    blue = [dataclasses.replace(config, colour=Colour.BLUE) for config in CONFIGS.values()]
    assert [value for each, value in seen if each == "gather"] == [(blue,) * len(BATCHES)]


@task.dynamic(out={"configs": DynamicOut(Config), "first": Out(Config)})
def produce_in_body(configs: list[Config]):
    for config in configs:
        yield DynamicOutput(config, config.name, "configs")
    yield Output(configs[0], "first")


@task
def make_config(name: str, colour: Colour, model: Model) -> Config:
    seen.append(("make_config", (name, colour, model)))
    return Config(name, colour, [Point(2, Path(name))], model=model)


@task
def name_of(config: Config, kind: type, paths: set[Path]) -> dict[str, Path]:
    seen.append(("name_of", (config, kind, paths)))
    return {"path": config.points[0].at}


@dynamic_workflow
def again_later(config: Config) -> Config:
    seen.append(("again_later", config))
    return again(config)


MODEL = Model(wait=timedelta(3))


@dynamic_workflow
def typed_workflow(stamp: dict[int, datetime], colours: list[Colour]) -> tuple[list[Config], Path, Model]:
    seen.append(("body", (stamp, colours)))
    configs = [make_config(each.name, each, MODEL) for each in colours]
    found = name_of(again_later(configs[0]), Config, {Path("x")})
    outputs = produce_in_body(configs)
    return [again(outputs.first), *configs], found["path"], MODEL


@dynamic_workflow(out=DynamicOut(Config))
def keyed_workflow(colours: list[Colour]):
    return [DynamicOutput(make_config(each.name, each, MODEL), each.name) for each in colours]


def check_workflow(found: dict) -> None:
    """Compare what the bodies and nodes of `typed_workflow` received and returned with what they must."""
    red, blue = (Config(each.name, each, [Point(2, Path(each.name))], model=MODEL) for each in Colour)
    assert found["body"] == [(STAMP, list(Colour))]
    assert sorted(set(map(repr, found["make_config"]))) == sorted(
        repr((each.name, each, MODEL)) for each in Colour
    )
    assert found["again_later"] == [red]
    again_red = dataclasses.replace(red, colour=Colour.BLUE)
    assert found["name_of"] == [(again_red, Config, {Path("x")})]
    assert found["gather"][-1] == ([again_red, red, blue], Path("RED"), MODEL)


def by_name() -> dict[str, list]:
    found: dict[str, list] = {}
    for name, value in seen:
        found.setdefault(name, []).append(value)
    return found


def test_declared_and_annotated_types_arrive_in_workflows():
    seen.clear()

    @dag(schedule=None)
    def typed_nodes():
        _, stamp = produce()
        configs, path, model = typed_workflow(stamp, list(Colour))
        gather(configs, path, model)
        gather.override(task_id="keyed")(keyed_workflow([Colour.RED]).map(again).collect())
        one_of_many.expand(config=configs)

    run = run_dag(typed_nodes())
    assert run.state == "success"
    found = by_name()
    assert found["gather"].pop(0 if len(found["gather"][0]) == 1 else 1)[0][0].name == "RED"
    expanded = found.pop("one_of_many")
    assert sorted(map(repr, expanded)) == sorted(map(repr, found["gather"][0][0])), "not over the whole list"
    check_workflow(found)


def test_declared_and_annotated_types_arrive_in_workflows_as_plain_python():
    seen.clear()
    configs, path, model = typed_workflow.local(STAMP, list(Colour))
    seen.append(("gather", (configs, path, model)))
    check_workflow(by_name())


@task.dynamic(out={"parts": DynamicOut(Point), "whole": Out(list[Config])})
def split(config: Config):
    seen.append(("split", config))
    for number in (1, 2):
        yield DynamicOutput(Point(number, Path(config.name)), str(number), "parts")
    yield Output([config], "whole")


def reverse_now(point: Point) -> Point:
    return Point(-point.x, point.at)


async def reverse_later(point: Point) -> Point:
    return reverse_now(point)


reverse = task(reverse_later if RUNS_ASYNC_TASKS else reverse_now)


@task
def both(config: Config, other: Config | None, ti: RuntimeTaskInstance = None) -> dict[str, Path]:
    assert ti.task_id == "both", "a stand-in, because it runs in a batch"
    seen.append(("both", (config, other)))
    return {"a": Path(config.name), "b": Path("b")}


@task
def lazily(values: Sequence[list[Config]], by_key):
    seen.append(("lazily", (list(values), {key: dict(each) for key, each in by_key.items()})))


@task.dynamic(out=DynamicOut(Config))
def large_only():
    yield DynamicOutput(CONFIGS["large"], "large")


def test_types_arrive_below_keys_in_outer_joins_in_parts_of_dicts_and_lazily():
    seen.clear()

    @dag(schedule=None)
    def nested():
        configs, _ = produce()

        def below(config):
            parts, whole = split(config)
            gather.override(task_id="below")(parts.map(reverse).collect(), whole)
            return parts.map(reverse.override(task_id="again_below")), whole

        parts, whole = configs.map(below)
        lazily(whole.collect(lazy=True), parts.collect(keyed=True, lazy=True))
        pairs = configs.zip(large_only(), how="outer").map(both, batch=2)
        gather(pairs.collect(), pairs.map(lambda paths: same(paths["a"])).collect())

    assert set(run_locally(nested()).memory.states.values()) == {"success"}
    found = by_name()
    assert {each.name: each for each in found["split"]} == CONFIGS
    points = {key: {str(x): Point(-x, Path(key)) for x in (1, 2)} for key in CONFIGS}
    assert found["lazily"] == [([[config] for config in CONFIGS.values()], points)]
    assert sorted(map(repr, found["both"])) == sorted(
        repr((config, config if key == "large" else None)) for key, config in CONFIGS.items()
    )
    ends = [each for each in found["gather"] if isinstance(each[0][0], dict)]
    assert ends == [([{"a": Path(key), "b": Path("b")} for key in CONFIGS], [Path(key) for key in CONFIGS])]
    assert sorted(map(repr, (each for each in found["gather"] if each not in ends))) == sorted(
        repr((list(points[key].values()), [config])) for key, config in CONFIGS.items()
    )


@task
def same(path: Path) -> Path:
    return path


computed: list = []


@task
def costly(config: Config) -> Config:
    computed.append(config.name)
    return dataclasses.replace(config, colour=Colour.BLUE)


def test_kept_results_have_their_types(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__CACHE_PATH", f"file://{tmp_path}")
    seen.clear()
    computed.clear()

    @dag(schedule=None)
    def kept():
        configs = produce_kept()
        alone = configs.map(costly, cache=Cache("1"))
        batched = configs.map(costly.override(task_id="batched"), cache=Cache("1"), batch=2)
        gather(configs.collect(), alone.collect(), batched.collect())

    for _ in range(2):
        assert run_dag(kept()).state == "success"
    blue = [dataclasses.replace(config, colour=Colour.BLUE) for config in CONFIGS.values()]
    assert [value for _, value in seen] == [(list(CONFIGS.values()), blue, blue)] * 2
    assert sorted(computed) == sorted(["produce", *CONFIGS, *CONFIGS]), "once each"


@task.dynamic(out=DynamicOut(Config), cache=Cache("1"))
def produce_kept():
    computed.append("produce")
    for key, config in CONFIGS.items():
        yield DynamicOutput(config, key)
