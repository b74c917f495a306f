"""``HashMethod``: the author's function that says what of a value counts as an input of a cached task.

The digest of a table travels behind the place of its file. So a task that reads the table has it, whatever
its own annotation says.
"""

from __future__ import annotations

import hashlib
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: The attribute of a `HashMethod` in an annotation.
HASH_MARK = "digest"

_SEPARATOR = "#counts-as="


class HashMethod:
    """Computes what counts of a value as an input of a cached task.

    Args:
        function: Returns a text for a value. Values with the same text are the same input.
    """

    def __init__(self, function: Callable[[Any], str]) -> None:
        self.function = function

    def calculate(self, value: Any) -> str:
        """Return the author's text for a value."""
        return self.function(value)

    def digest(self, value: Any) -> str:
        """Return the digest of the text, in hexadecimal."""
        return hashlib.blake2b(str(self.function(value)).encode(), digest_size=16).hexdigest()


def method_of(hint: Any) -> HashMethod | None:
    """Return the method in an annotation, ``None`` if there is none."""
    notes = typing.get_args(hint)[1:] if typing.get_origin(hint) is typing.Annotated else ()
    return next((note for note in notes if isinstance(note, HashMethod)), None)


def tagged(place: str, digest: str) -> str:
    """Return a place that has the digest of what is there."""
    return f"{place}{_SEPARATOR}{digest}"


def place_of(form: str) -> str:
    """Return the place, without a digest."""
    return form.partition(_SEPARATOR)[0]


def digests_of(form: Any) -> Any:
    """Return the JSON of a value, with the digest instead of each place that has one."""
    if isinstance(form, str) and _SEPARATOR in form:
        return {"counts as": form.partition(_SEPARATOR)[2]}
    if isinstance(form, dict):
        return {key: digests_of(each) for key, each in form.items()}
    return [digests_of(each) for each in form] if isinstance(form, list) else form
