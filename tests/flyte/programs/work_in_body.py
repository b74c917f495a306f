import json
import typing
from pathlib import Path
from typing import List

import flytekit
from flytekit import Deck, dynamic, task, workflow
from flytekit.types.file import FlyteFile

RUNS = {"pipeline": [{"count": 3}], "decks": [{}], "chunks": [{"text": "abcdefgh", "size": 3}]}


@task
def manifest(count: int) -> FlyteFile:
    path = Path(flytekit.current_context().working_directory) / "manifest.json"
    path.write_text(json.dumps([{"id": i, "skip": i == 1} for i in range(count)]))
    return FlyteFile(str(path))


@task
def process(item: typing.Dict[str, int]) -> str:
    return f"item {item['id']}"


@dynamic
def process_all(file: FlyteFile) -> List[str]:
    with open(file) as f:
        entries = json.load(f)
    results = []
    for entry in entries:
        if entry["skip"]:
            continue
        results.append(process(item={"id": entry["id"]}))
    return results


@task
def summary(results: List[str]) -> str:
    return ", ".join(results)


@workflow
def pipeline(count: int) -> str:
    return summary(results=process_all(file=manifest(count=count)))


@task(enable_deck=True)
def with_deck() -> int:
    Deck("numbers", "<b>1</b>").append("<i>2</i>")
    flytekit.current_context().default_deck.append("<p>more</p>")
    return 1


@workflow
def decks() -> int:
    return with_deck()


@task
def upper(text: str) -> str:
    return text.upper()


@task
def concat(parts: List[str]) -> str:
    return "|".join(parts)


@dynamic
def by_chunk(text: str, size: int) -> str:
    return concat(parts=[upper(text=text[at : at + size]) for at in range(0, len(text), size)])


@workflow
def chunks(text: str, size: int) -> str:
    return by_chunk(text=text, size=size)
