import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

import flytekit
from flytekit import dynamic, task, workflow
from flytekit.types.directory import FlyteDirectory
from flytekit.types.file import FlyteFile

RUNS = {
    "reports": [{"names": ["a", "b"]}],
    "split_and_joined": [{"text": "one two three"}],
    "optional_file": [{"wanted": True}, {"wanted": False}],
    "by_name": [{"names": ["x", "y"]}],
}


@task
def report(name: str) -> FlyteFile:
    path = os.path.join(flytekit.current_context().working_directory, f"{name}.txt")
    with open(path, "w") as file:
        file.write(f"report {name}")
    return FlyteFile(path)


@task
def joined(files: List[FlyteFile]) -> FlyteFile:
    path = Path(flytekit.current_context().working_directory) / "joined.txt"
    texts = []
    for each in files:
        with open(each) as file:
            texts.append(file.read())
    path.write_text("\n".join(texts))
    return FlyteFile(str(path))


@dynamic
def all_reports(names: List[str]) -> FlyteFile:
    return joined(files=[report(name=name) for name in names])


@workflow
def reports(names: List[str]) -> FlyteFile:
    return all_reports(names=names)


@task
def split(text: str) -> FlyteDirectory:
    folder = Path(flytekit.current_context().working_directory) / "words"
    folder.mkdir()
    for number, word in enumerate(text.split()):
        (folder / f"{number}.txt").write_text(word)
    return FlyteDirectory(str(folder))


@task
def counted(words: FlyteDirectory) -> Dict[str, int]:
    folder = words.download()
    return {name: len(Path(folder, name).read_text()) for name in sorted(os.listdir(folder))}


@dynamic
def sizes(words: FlyteDirectory) -> List[int]:
    names = sorted(os.listdir(words))
    return [size_of(words=words, name=name) for name in names]


@task
def size_of(words: FlyteDirectory, name: str) -> int:
    return (Path(words) / name).stat().st_size


@dataclass
class Summary:
    counts: Dict[str, int]
    total: int


@task
def summary(counts: Dict[str, int], lengths: List[int]) -> Summary:
    return Summary(counts, sum(lengths))


@workflow
def split_and_joined(text: str) -> Summary:
    words = split(text=text)
    return summary(counts=counted(words=words), lengths=sizes(words=words))


@task
def length(file: Optional[FlyteFile] = None) -> int:
    if file is None:
        return -1
    with open(file) as opened:
        return len(opened.read())


@dynamic
def maybe(wanted: bool) -> int:
    return length(file=report(name="maybe")) if wanted else length()


@workflow
def optional_file(wanted: bool) -> int:
    return maybe(wanted=wanted)


@dynamic
def named(names: List[str]) -> Dict[str, FlyteFile]:
    return {name: report(name=name) for name in names}


@workflow
def by_name(names: List[str]) -> Dict[str, FlyteFile]:
    return named(names=names)
