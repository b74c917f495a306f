import os
from dataclasses import dataclass
from pathlib import Path
from typing import List

import flytekit
from flytekit import dynamic, task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import CSVFile, FlyteFile

RUNS = {
    "joined": [{"n": 3}],
    "listed": [{"names": ["b", "a"]}],
    "typed": [{"text": "a,b"}],
    "in_dataclass": [{"text": "inside"}],
    "returned": [{"text": "kept"}],
    "path_as_text": [{}],
}


@task
def write(text: str) -> FlyteFile:
    path = os.path.join(flytekit.current_context().working_directory, "out.txt")
    with open(path, "w") as f:
        f.write(text)
    return FlyteFile(path)


@task
def read_all(files: List[FlyteFile]) -> str:
    return "+".join(Path(file).read_text() for file in files)


@dynamic
def many(n: int) -> str:
    return read_all(files=[write(text=f"text {i}") for i in range(n)])


@workflow
def joined(n: int) -> str:
    return many(n=n)


@task
def make_directory(names: List[str]) -> FlyteDirectory:
    folder = Path(flytekit.current_context().working_directory) / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name * 2)
    return FlyteDirectory(str(folder))


@task
def contents(folder: FlyteDirectory) -> List[str]:
    return [f"{name}={Path(folder, name).read_text()}" for name in sorted(os.listdir(folder))]


@workflow
def listed(names: List[str]) -> List[str]:
    return contents(folder=make_directory(names=names))


@task
def write_csv(text: str) -> CSVFile:
    path = os.path.join(flytekit.current_context().working_directory, "data.csv")
    Path(path).write_text(text)
    return CSVFile(path)


@task
def count_columns(data: FlyteFile["csv"]) -> int:
    with open(data) as f:
        return len(f.read().split(","))


@workflow
def typed(text: str) -> int:
    return count_columns(data=write_csv(text=text))


@dataclass
class Report:
    title: str
    body: FlyteFile


@task
def report(text: str) -> Report:
    path = os.path.join(flytekit.current_context().working_directory, "body.txt")
    Path(path).write_text(text)
    return Report("title", FlyteFile(path))


@task
def body_of(report: Report) -> str:
    with report.body.open("r") as f:
        return f.read() + report.title


@workflow
def in_dataclass(text: str) -> str:
    return body_of(report=report(text=text))


@workflow
def returned(text: str) -> FlyteFile:
    return write(text=text)


@task
def as_text() -> FlyteFile:
    path = os.path.join(flytekit.current_context().working_directory, "plain.txt")
    Path(path).write_text("from a path")
    return path


@task
def first_line(file: FlyteFile) -> str:
    local = file.download()
    assert os.path.exists(file.path)
    return Path(local).read_text()


@workflow
def path_as_text() -> str:
    return first_line(file=as_text())
