"""Configs and resources: defaults, enums, unions, the environment, resources that use others."""

import enum
from typing import Any, Dict, List, Literal, Optional, Union

from dagster import (
    BoolSource,
    Config,
    ConfigurableResource,
    DynamicOut,
    DynamicOutput,
    Enum,
    EnvVar,
    Field,
    Int,
    IntSource,
    Map,
    Noneable,
    Permissive,
    ResourceDefinition,
    ResourceDependency,
    RunConfig,
    Selector,
    StringSource,
    job,
    op,
    resource,
)
from pydantic import Field as PydanticField
from pydantic import PrivateAttr

EVENTS = []


class Color(enum.Enum):
    RED = "r"
    BLUE = "b"


class Cat(Config):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Config):
    kind: Literal["dog"] = "dog"
    barks: int = 1


class Size(Config):
    width: int = 1
    name: Optional[str] = None


class Everything(Config):
    color: Color
    other: Color = Color.BLUE
    colors: List[Color] = []  # noqa: RUF012
    pet: Union[Cat, Dog] = PydanticField(discriminator="kind")
    size: Size = Size()
    sizes: List[Size] = []  # noqa: RUF012
    by_name: Dict[str, Size] = {}  # noqa: RUF012
    factor: float = 1
    mode: Literal["slow", "fast"] = "slow"


class FromOutside(Config):
    text: str
    number: int = 1


RUNS = {
    "configs_of_all_kinds": [
        {"run_config": {"ops": {"everything": {"config": config}}}}
        for config in (
            {"color": "RED", "pet": {"cat": {}}},
            {
                "color": "BLUE",
                "other": "RED",
                "colors": ["RED", "BLUE"],
                "pet": {"dog": {"barks": 2}},
                "mode": "fast",
            },
            {
                "color": "RED",
                "pet": {"cat": {"lives": 1}},
                "size": {"width": 2},
                "sizes": [{"name": "s"}],
                "by_name": {"x": {"width": 3}},
                "factor": 3,
            },
        )
    ],
    "configs_as_objects": [
        {
            "run_config": RunConfig(
                ops={
                    "everything": Everything(color=Color.RED, pet=Dog(barks=5), sizes=[Size(width=4)]),
                    "from_outside": FromOutside(
                        text=EnvVar("DAGSTER_TEST_VARIABLE"), number=EnvVar.int("DAGSTER_TEST_NUMBER")
                    ),
                }
            )
        },
        {
            "run_config": {
                "ops": {
                    "everything": {"config": {"color": "RED", "pet": {"cat": {}}}},
                    "from_outside": {
                        "config": {
                            "text": {"env": "DAGSTER_TEST_VARIABLE"},
                            "number": {"env": "DAGSTER_TEST_NUMBER"},
                        }
                    },
                }
            }
        },
    ],
    "schemas_with_defaults": [
        {
            "run_config": {
                "ops": {
                    "sources": {
                        "config": {"text": {"env": "DAGSTER_TEST_VARIABLE"}, "number": 2, "flag": True}
                    },
                    "scalar": {"config": 3},
                    "undeclared": {"config": {"any": ["thing"]}},
                }
            }
        }
    ],
    "resources_at_launch": [
        {"run_config": {"resources": {"client": {"config": {"url": "launched", "number": n}}}}}
        for n in (1, 2)
    ],
    "resources_overridden": [
        {
            "run_config": {
                "resources": {
                    "client": {"config": {"url": "other", "number": 5}},
                    "text": {"config": "given"},
                }
            }
        }
    ],
}


@op(out=DynamicOut(int))
def two():
    for i in range(2):
        yield DynamicOutput(i, mapping_key=f"k{i}")


@op
def everything(config: Everything):
    found = config.model_dump() if hasattr(config, "model_dump") else config.dict()
    return {**found, "color": config.color.name, "other": config.other.name, "colors": len(config.colors)}


@op
def from_outside(config: FromOutside):
    return [config.text, config.number]


@op(
    config_schema={
        "none": Noneable(int),
        "field": Field(Noneable(str)),
        "any": Permissive(),
        "dict": dict,
        "inner": {"with_default": Field(Int, default_value=4)},
        "color": Field(Enum.from_python_enum(Color), default_value="BLUE"),
        "map": Field(Map(str, int), default_value={"a": 1}),
    }
)
def defaults(context):
    return {**context.op_config, "color": context.op_config["color"].name}


@op(config_schema=Selector({"only": Field({"x": Field(int, default_value=3)})}))
def selector(context):
    return context.op_config


@op(config_schema={"text": StringSource, "number": IntSource, "flag": BoolSource})
def sources(context):
    return context.op_config


@op(config_schema=int)
def scalar(context):
    return context.op_config


@op
def undeclared(context):
    return context.op_config


class Client(ConfigurableResource):
    url: str
    number: int = 1

    def get(self):
        return f"{self.url}{self.number}"


class Store(ConfigurableResource):
    client: ResourceDependency[Client]
    text: ResourceDependency[str]
    name: str = "store"
    _opened: Any = PrivateAttr(default=None)

    def setup_for_execution(self, context):
        assert context.run_id
        self._opened = f"{self.name} of {context.run.job_name}"

    def get(self):
        assert self.get_resource_context().run_id
        return [self.client.get(), self.text, self._opened]


class Inner(ConfigurableResource):
    def setup_for_execution(self, context):
        EVENTS.append("setup")

    def teardown_after_execution(self, context):
        EVENTS.append("teardown")


class Outer(ConfigurableResource):
    inner: Inner


@resource
def text(_):
    return "from a function"


@op
def uses_client(client: Client, x):
    return [client.get(), x]


@op
def uses_store(store: Store):
    return store.get()


@op(required_resource_keys={"text", "nothing"})
def uses_text(context):
    return [context.resources.text, context.resources.nothing]


@op
def counts(inner: Inner, outer: Outer):
    return [EVENTS.count("setup") - EVENTS.count("teardown"), outer.inner is inner]


at_launch = Client.configure_at_launch()


@job
def configs_of_all_kinds():
    everything()


@job
def configs_as_objects():
    everything()
    from_outside()


@job
def schemas_with_defaults():
    defaults()
    selector()
    sources()
    scalar()
    undeclared()
    undeclared.alias("without_config")()


@job(resource_defs={"client": at_launch, "store": Store(client=at_launch, text=text)})
def resources_at_launch():
    two().map(lambda n: uses_client(n))
    uses_store()


@job(
    resource_defs={
        "client": Client(url="own"),
        "text": ResourceDefinition.string_resource(),
        "nothing": ResourceDefinition.none_resource(),
    }
)
def resources_overridden():
    two().map(lambda n: uses_client(n))
    uses_text()


shared = Inner()


@job(
    resource_defs={
        "client": Client(url=EnvVar("DAGSTER_TEST_VARIABLE"), number=EnvVar.int("DAGSTER_TEST_NUMBER")),
        "inner": shared,
        "outer": Outer(inner=shared),
    }
)
def resources_from_outside():
    two().map(lambda n: uses_client(n))
    counts()
