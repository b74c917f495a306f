"""Finds the keys that a command names, and their dynamic output if the command does not name it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.key_clearing import KeySelection
from airflow_dynamic_provider.database.keys import KeyList, is_match, read_keys
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.database.spelling import find_spelled
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.errors import AmbiguousNameError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath

    _Searched = tuple[SpaceInfo, KeyList]
    _Candidates = Callable[[KeyList], Iterator[Sequence[KeyPath]]]


@dataclass(frozen=True)
class NamedKeys:
    """Keys of one space.

    Attributes:
        info: The space.
        keys: All its keys.
        paths: The named keys.
    """

    info: SpaceInfo
    keys: KeyList
    paths: tuple[KeyPath, ...]


def chosen_spaces(run: OpenRun, of: str | None) -> list[SpaceInfo]:
    """Return the key space of a name, or all key spaces if there is no name.

    Raises:
        UnknownNameError: There is no key space of this name, or none at all.
    """
    if of is not None:
        return [run.space(of)]
    if not run.structure.spaces:
        raise UnknownNameError(f"there is no dynamic output in the Dag {run.dag_id!r}")
    return list(run.structure.spaces.values())


def find_key(run: OpenRun, text: str, of: str | None = None) -> NamedKeys:
    """Return the key that a command names.

    Args:
        run: The Dag run.
        text: The key, ``outer/inner`` or a JSON list.
        of: The key space; ``None`` for the only one that has such a key.

    Raises:
        UnknownNameError: There is no such key space or key.
        AmbiguousNameError: Several spaces have such a key, or the space has several.
    """
    searched = [(info, read_keys(run.source, info)) for info in chosen_spaces(run, of)]
    return _only([text], [_find(each, [text], _whole) for each in searched], searched, run)


def find_keys_to_clear(
    run: OpenRun, texts: Sequence[str], of: str | None = None, *, only_failed: bool = False
) -> list[KeySelection]:
    """Return the keys that a command clears.

    Args:
        run: The Dag run.
        texts: Keys, or outer keys of nested keys; none for all failed keys.
        of: The key space; ``None`` for the only one that has all the keys, or for all if no key is named.
        only_failed: Whether to start from the clones that failed.

    Raises:
        UnknownNameError: There is no such key space or key.
        AmbiguousNameError: Several spaces have such keys, or the space has several.
    """
    spaces = chosen_spaces(run, of)
    if not texts:
        return [KeySelection(info.of, only_failed=only_failed) for info in spaces]
    searched = [(info, read_keys(run.source, info)) for info in spaces]
    found = [_find(each, texts, _whole) for each in searched]
    if not any(found):
        found = [_find(each, texts, _whole_or_above) for each in searched]
    named = _only(texts, found, searched, run)
    return [KeySelection(named.info.of, named.paths, only_failed)]


def find_matching(
    run: OpenRun, pattern: str, of: str | None = None, *, only_failed: bool = False
) -> list[KeySelection]:
    """Return the keys that match a pattern, by key space.

    Args:
        run: The Dag run.
        pattern: A pattern of the whole key, as in a shell.
        of: The key space; ``None`` for all.
        only_failed: Whether to start from the clones that failed.

    Raises:
        UnknownNameError: There is no such key space, or no key matches.
    """
    found = []
    for info in chosen_spaces(run, of):
        paths = tuple(path for path in read_keys(run.source, info).paths or () if is_match(path, pattern))
        if paths:
            found.append(KeySelection(info.of, paths, only_failed))
    if not found:
        raise UnknownNameError(
            f"no key matches {pattern!r}", remedy="`airflow dynamic-outputs keys` lists the keys."
        )
    return found


def _find(searched: _Searched, texts: Sequence[str], candidates: _Candidates) -> NamedKeys | None:
    """Return the named keys of a space; ``None`` if it does not have all of them."""
    info, keys = searched
    paths = []
    for text in texts:
        path = next((found for some in candidates(keys) if (found := find_spelled(text, some))), None)
        if path is None:
            return None
        paths.append(path)
    return NamedKeys(info, keys, tuple(paths))


def _only(
    texts: Sequence[str], found: Sequence[NamedKeys | None], searched: Sequence[_Searched], run: OpenRun
) -> NamedKeys:
    having = [each for each in found if each is not None]
    if len(having) == 1:
        return having[0]
    noun = " and ".join(map(repr, texts))
    if having:
        names = ", ".join(repr(each.info.of) for each in having)
        raise AmbiguousNameError(
            f"several dynamic outputs have {noun}: {names}", remedy="Choose one of them: --of NAME."
        )
    place = repr(searched[0][0].of) if len(searched) == 1 else f"the run {run.run_id!r}"
    raise _no_key(texts, place, searched)


def _no_key(texts: Sequence[str], place: str, searched: Sequence[_Searched]) -> UnknownNameError:
    """Return the error for keys that no space has together. It names the first key that no space has."""
    lists = [keys for _, keys in searched]
    missing = [
        text
        for text in texts
        if not any(find_spelled(text, some) for keys in lists for some in _whole_or_above(keys))
    ]
    if not missing:
        return UnknownNameError(
            f"no dynamic output has all of {', '.join(map(repr, texts))}", remedy="Clear them one by one."
        )
    why = [keys.message for keys in lists if keys.message is not None]
    if len(why) == len(lists):
        return UnknownNameError(f"there is no key {missing[0]!r} in {place}", remedy=" ".join(why))
    known = {render_key(path): None for keys in lists for path in keys.paths or ()}
    return unknown(f"key {missing[0]!r}", place, missing[0], known)


def _whole(keys: KeyList) -> Iterator[Sequence[KeyPath]]:
    yield keys.paths or ()


def _whole_or_above(keys: KeyList) -> Iterator[Sequence[KeyPath]]:
    """Yield the keys, then their outer key paths, from the longest."""
    paths = keys.paths or ()
    yield paths
    for length in range(len(next(iter(paths), ())) - 1, 0, -1):
        yield list(dict.fromkeys(path[:length] for path in paths))
