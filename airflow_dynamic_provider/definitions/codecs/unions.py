"""The codecs of unions: what is stored tells which member a value is of. JSON alone would not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.codecs.codec import SCALARS, Codec, MisfitError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The fields of the JSON of a value that is not a scalar.
OF, VALUE = "$of", "value"


class Maybe(Codec):
    """Converts a value of one type, or ``None``.

    Args:
        name: The type, for messages.
        member: The codec of a value that is not ``None``. None of its values becomes null.
    """

    def __init__(self, name: str, member: Codec) -> None:
        super().__init__(name)
        self._member = member
        self.has_classes = member.has_classes

    def accepts(self, value: Any) -> bool:
        """Return whether the value is ``None`` or of the type."""
        return value is None or self._member.accepts(value)

    def encode(self, value: Any) -> Any:
        """Return null, or the JSON of a value."""
        return None if value is None else self._member.encode(value)

    def decode(self, form: Any) -> Any:
        """Return the value."""
        return None if form is None else self._member.decode(form)


class Union(Codec):
    """Converts a value of one of several types. A scalar of JSON stays as it is.

    Args:
        name: The type, for messages.
        members: The codecs of the members. The first one that takes a value converts it.
    """

    def __init__(self, name: str, members: Sequence[Codec]) -> None:
        super().__init__(name)
        # A member that takes objects of other classes as they are comes last.
        self._members = sorted(members, key=lambda member: member.is_identity)
        self._by_name = {member.name: member for member in members}
        self.has_classes = any(member.has_classes for member in members)

    def accepts(self, value: Any) -> bool:
        """Return whether a member accepts the value."""
        return any(member.accepts(value) for member in self._members)

    def encode(self, value: Any) -> Any:
        """Return a scalar itself, or the name of the member with the JSON."""
        problem: MisfitError | None = None
        for member in self._members:
            if not member.accepts(value):
                continue
            if type(value) in SCALARS and member.is_identity:
                return value
            try:
                return {OF: member.name, VALUE: member.encode(value)}
            except MisfitError as error:
                problem = problem or error
        raise problem or self.refuse(value)

    def decode(self, form: Any) -> Any:
        """Return the value."""
        if type(form) in SCALARS:
            return form
        if not isinstance(form, dict) or form.keys() != {OF, VALUE} or form[OF] not in self._by_name:
            raise self.misread(form)
        return self._by_name[form[OF]].decode(form[VALUE])
