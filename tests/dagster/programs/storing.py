"""IO managers, and values that JSON does not have."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from dagster import (
    ConfigurableIOManager,
    DagsterType,
    DynamicOut,
    DynamicOutput,
    In,
    IOManager,
    Out,
    Output,
    PythonObjectDagsterType,
    io_manager,
    job,
    mem_io_manager,
    op,
    usable_as_dagster_type,
)
from pydantic import BaseModel

KEPT = {}
CALLS = []


class Kept(IOManager):
    def handle_output(self, context, obj):
        KEPT[tuple(context.get_identifier()[1:])] = obj
        CALLS.append(f"{context.step_key}/{context.name}/{context.mapping_key}")

    def load_input(self, context):
        upstream = context.upstream_output
        CALLS.append(f"load {upstream.step_key}/{upstream.name}/{upstream.mapping_key}")
        return KEPT[tuple(context.get_identifier()[1:])]


@io_manager
def kept(_):
    return Kept()


class Prefixed(ConfigurableIOManager):
    prefix: str

    def handle_output(self, context, obj):
        KEPT[(self.prefix, *context.get_identifier()[1:])] = obj

    def load_input(self, context):
        return self.prefix, KEPT[(self.prefix, *context.get_identifier()[1:])]


class Opaque:
    """An object that no scheduler can store by itself."""

    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return f"Opaque({self.number})"


@dataclass
class Point:
    x: int
    y: Optional[float] = None


@usable_as_dagster_type
@dataclass(frozen=True)
class Line:
    points: Tuple[Point, ...]


class Model(BaseModel):
    name: str
    sizes: List[int]


class Pair(NamedTuple):
    left: int
    right: str


Even = DagsterType(lambda _, value: isinstance(value, int) and value % 2 == 0, name="Even")
OpaqueType = PythonObjectDagsterType(Opaque, name="OpaqueType")


@op(out=DynamicOut(OpaqueType, io_manager_key="kept"))
def opaque():
    for i in range(3):
        yield DynamicOutput(Opaque(i), mapping_key=f"o{i}")


@op(out=Out(io_manager_key="kept"))
def doubled(each: Opaque):
    return Opaque(2 * each.number)


@op
def numbers_of(each: List[Opaque]):
    return [one.number for one in each]


@op
def calls(start):
    return sorted(CALLS)


@op(out=DynamicOut())
def values():
    yield DynamicOutput((1, ("a", None)), "tuple_")
    yield DynamicOutput(b"\x00\xff", "bytes_")
    yield DynamicOutput(Path("/a/b.csv"), "path")
    yield DynamicOutput({1, 2}, "set_")
    yield DynamicOutput({1: "one", (2, 3): b"x"}, "dict_")
    yield DynamicOutput(Point(1, 2.5), "point")
    yield DynamicOutput(Line((Point(1), Point(2))), "line")
    yield DynamicOutput(Model(name="m", sizes=[1]), "model")
    yield DynamicOutput(Pair(1, "r"), "pair")
    yield DynamicOutput([Point(3), {"deep": (Point(4),)}], "nested")
    yield DynamicOutput(date(2026, 1, 31), "day")
    yield DynamicOutput({"$kind": "tuple", "items": [1]}, "trap")


@op
def same(x):
    return x


@op
def shown(xs):
    return [repr(x) for x in xs]


@op(out=DynamicOut(Even))
def even():
    yield DynamicOutput(2, "two")
    yield DynamicOutput(3, "three")


@op(ins={"x": In(Even)})
def takes_even(x):
    return x


@op
def four():
    return 4


@op
def three():
    return 3


@op(out={"tuples": DynamicOut(Tuple[int, str]), "dicts": Out(Dict[str, List[int]])})
def typed():
    yield DynamicOutput((1, "x"), "t", output_name="tuples")
    yield Output({"a": [1]}, "dicts")


@op
def typed_input(x: Tuple[int, str], y: Dict[str, List[int]]):
    return [type(x).__name__, x, y]


@op
def point(x: int) -> Point:
    return Point(x)


@op
def sum_of(points: List[Point]) -> int:
    return sum(each.x for each in points)


@op(out=DynamicOut(int))
def two():
    for i in range(2):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@job(resource_defs={"kept": kept})
def custom_manager():
    calls(numbers_of(opaque().map(doubled).collect()))


@job(resource_defs={"kept": kept})
def custom_manager_direct():
    numbers_of(opaque().collect())


@job(resource_defs={"io_manager": Prefixed(prefix="p")})
def manager_of_the_job():
    shown([same(four()), three()])


@job(resource_defs={"io_manager": mem_io_manager})
def kinds_of_values():
    shown(values().map(same).collect())


@job
def custom_types():
    takes_even(four())


@job
def custom_types_refused():
    even().map(same)
    takes_even(three())


@job
def declared_types():
    tuples, dicts = typed()
    tuples.map(lambda each: typed_input(each, dicts))


@job
def dataclasses_collected():
    sum_of(two().map(point).collect())


@op
def anything(x: Any) -> Any:
    return x


@job
def fan_in_of_objects():
    shown([point(anything(four())), point.alias("other")(three())])
