"""The forms of stored documents, each with a version of its own, and which of them a reader takes.

While a deployment is upgraded, processes of two releases read what the other has stored. A document says in
``version`` of which version its form is, and in ``readable_by``, where that is lower, from which version on a
reader understands it: one that ignores the fields it does not know. So a reader takes

* the current version;
* older ones, for which it has a migration from each version to the next;
* newer ones that are ``readable_by`` its own version.

Everything else is refused. The rules for changing a form are in ``docs/upgrades.md``.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard, TypeVar

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import DynamicOutputsError, LayoutError

#: Makes a document of the next version of a document of one version.
Migration = Callable[[Mapping[str, Any]], Mapping[str, Any]]

T = TypeVar("T")

_UPGRADE = "Upgrade this component of Airflow to the release that stored it. If that release was removed: "


@dataclass(frozen=True)
class Form:
    """What a kind of stored document looks like.

    Args:
        noun: What messages call a document.
        fields: The fields that every document of the current version has.
        remedy: What to do about a document that cannot be read, a full sentence.
        version: The version in which documents are written.
        readable_by: The lowest version whose readers understand them; by default the current one.
        migrations: From each older version that is still read to the next, the last to the current one.
    """

    noun: str
    fields: frozenset[str]
    remedy: str
    version: int = 1
    readable_by: int | None = None
    migrations: tuple[Migration, ...] = ()

    @property
    def oldest(self) -> int:
        """The oldest version that is read."""
        return self.version - len(self.migrations)

    @property
    def stamp(self) -> dict[str, int]:
        """The fields of a document that say of which version it is."""
        readable_by = {} if self.readable_by is None else {"readable_by": self.readable_by}
        return {"version": self.version, **readable_by}

    def read(self, stored: Any) -> Mapping[str, Any]:
        """Return a stored document in the current version. Fields that are not known stay in it.

        Raises:
            LayoutError: Its version or its shape is unknown.
        """
        if not isinstance(stored, Mapping) or "version" not in stored:
            raise misshapen(self.noun, stored)
        # Before the fields, because another version may well have others.
        document = self._migrated(stored)
        if not self.fields <= set(document):
            raise misshapen(self.noun, stored)
        return document

    def _migrated(self, stored: Mapping[str, Any]) -> Mapping[str, Any]:
        version = stored["version"]
        if self._is_read(version):
            document = stored
            for migrate in self.migrations[version - self.oldest :]:
                try:
                    document = migrate(document)
                except (TypeError, KeyError, ValueError) as error:
                    raise misshapen(self.noun, stored) from error
            return document
        if _is_version(version) and version > self.version:
            readable_by = stored.get("readable_by")
            if _is_version(readable_by) and readable_by <= self.version:
                return stored
            raise self._refusal(version, _UPGRADE + self.remedy[0].lower() + self.remedy[1:])

        raise self._refusal(version, self.remedy)

    def _is_read(self, version: Any) -> bool:
        return _is_version(version) and self.oldest <= version <= self.version

    def _refusal(self, version: Any, remedy: str) -> LayoutError:
        readable = str(self.version) if not self.migrations else f"{self.oldest} to {self.version}"
        return LayoutError(
            f"{self.noun} is stored in version {excerpt(version)}, and this release reads {readable}",
            remedy=remedy,
        )


def _is_version(version: Any) -> TypeGuard[int]:
    return isinstance(version, int) and not isinstance(version, bool)


def misshapen(noun: str, stored: Any) -> LayoutError:
    """Return the error for something that is not a document of a form."""
    return LayoutError(f"this is not {noun} as it is stored: {excerpt(stored)}")


@contextlib.contextmanager
def reading(noun: str, stored: Any) -> Iterator[None]:
    """Refuse what is stored, where something in it is not of the form that the reader inside the block takes.

    Args:
        noun: What messages call what is stored.
        stored: What is stored.

    Raises:
        LayoutError: It is of another form.
    """
    try:
        yield
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        if isinstance(error, DynamicOutputsError):
            raise
        raise misshapen(noun, stored) from error


def integer(stored: Any) -> int:
    """Return a stored whole number.

    Raises:
        TypeError: It is something else, and would not be found where it is looked for.
    """
    if not isinstance(stored, int) or isinstance(stored, bool):
        raise TypeError(f"{stored!r} is no whole number")
    return stored


def known_fields(cls: type[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return those fields of a stored object that a dataclass has; a later release may have stored more."""
    return {each.name: stored[each.name] for each in dataclasses.fields(cls) if each.name in stored}


def build(cls: type[T], noun: str, stored: Any, **parts: Any) -> T:
    """Return an object of a dataclass, made of what is stored of its fields.

    Fields that are not known are ignored, and those that are not stored have their defaults.

    Args:
        cls: The dataclass.
        noun: What messages call what is stored.
        stored: Field -> value.
        parts: Fields whose stored form is not their value.

    Raises:
        LayoutError: It is no mapping, or lacks a field that has no default.
    """
    try:
        return cls(**{**known_fields(cls, stored), **parts})
    except TypeError as error:
        raise misshapen(noun, stored) from error
