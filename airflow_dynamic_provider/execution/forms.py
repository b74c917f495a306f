"""The forms of stored documents, each with its own version, and the rules for reading other versions.

During an upgrade of a deployment, processes of two releases read documents of each other. The field
``version`` of a document is the version of its form. The field ``readable_by``, if it is lower, is the lowest
version whose readers understand the document. Readers ignore fields that they do not know. A reader accepts

* the current version;
* older versions, if it has a migration from each version to the next;
* newer versions that are ``readable_by`` its own version.

It refuses all others. The rules for changing a form are in ``docs/upgrades.md``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard, TypeVar

from airflow_dynamic_provider.definitions.records import Record, field_names
from airflow_dynamic_provider.errors import DynamicOutputsError, LayoutError

#: Converts a document of one version to the next version.
Migration = Callable[[Mapping[str, Any]], Mapping[str, Any]]

T = TypeVar("T")

_UPGRADE = "Upgrade this component of Airflow to the release that stored it. If that release was removed: "


class Form(Record):
    """The form of a kind of stored document.

    Args:
        noun: The name of a document in messages.
        fields: The fields that every document of the current version has.
        remedy: What to do about a document that cannot be read, a full sentence.
        version: The version in which documents are written.
        readable_by: The lowest version whose readers understand the documents; by default the current one.
        migrations: One migration for each older version that can be read, from it to the next version.
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
        """The fields of a document that hold its version."""
        readable_by = {} if self.readable_by is None else {"readable_by": self.readable_by}
        return {"version": self.version, **readable_by}

    def read(self, stored: Any) -> Mapping[str, Any]:
        """Return a stored document in the current version. Unknown fields stay in it.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        if not isinstance(stored, Mapping) or "version" not in stored:
            raise misshapen(self.noun, stored)
        # The migration comes before the check of fields, because other versions may have other fields.
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
        # Imported here, because only a refusal needs it.
        from airflow_dynamic_provider.definitions.excerpts import excerpt

        readable = str(self.version) if not self.migrations else f"{self.oldest} to {self.version}"
        return LayoutError(
            f"{self.noun} is stored in version {excerpt(version)}, but this release reads {readable}",
            remedy=remedy,
        )


def _is_version(version: Any) -> TypeGuard[int]:
    return isinstance(version, int) and not isinstance(version, bool)


def misshapen(noun: str, stored: Any) -> LayoutError:
    """Return the error for a stored object that is not a document of the expected form."""
    # Imported here, because only a refusal needs it.
    from airflow_dynamic_provider.definitions.excerpts import excerpt

    return LayoutError(f"this is not {noun} as it is stored: {excerpt(stored)}")


@contextlib.contextmanager
def reading(noun: str, stored: Any) -> Iterator[None]:
    """Refuse a stored object if the code in the ``with`` block cannot read it.

    Args:
        noun: The name of the object in messages.
        stored: The stored object.

    Raises:
        LayoutError: The object has another form.
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
        TypeError: The value is not a whole number, so it cannot be a position.
    """
    if not isinstance(stored, int) or isinstance(stored, bool):
        raise TypeError(f"{stored!r} is not a whole number")
    return stored


def optional(read: Callable[[Any], T], stored: Any) -> T | None:
    """Return what ``read`` makes of a stored value, or ``None`` if there is none."""
    return None if stored is None else read(stored)


def known_fields(cls: type[Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored object that a record has. A later release may have stored others."""
    return {name: stored[name] for name in field_names(cls) if name in stored}


def build(cls: type[T], noun: str, stored: Any, **parts: Any) -> T:
    """Return a record from its stored fields.

    Unknown fields are ignored. Fields that are not stored have their defaults.

    Args:
        cls: The class of the record.
        noun: The name of the object in messages.
        stored: Field -> value.
        parts: The values of fields whose stored form is not their value.

    Raises:
        LayoutError: ``stored`` is not a mapping, or lacks a field that has no default.
    """
    try:
        return cls(**{**known_fields(cls, stored), **parts})
    except TypeError as error:
        raise misshapen(noun, stored) from error
