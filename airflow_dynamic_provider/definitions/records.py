"""`Record`, the base of classes with fields that every task's process defines as it starts.

A record is written and used like a dataclass. The decorator `dataclasses.dataclass` writes code for each
class and compiles it, which takes up to a millisecond a class. A record inherits methods that do the same.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    # Part of `typing` from Python 3.11 on.
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options: Any) -> Callable[[type], type]:
        """Return a decorator that changes nothing. Only type checkers read it."""
        return lambda cls: cls


R = TypeVar("R", bound="Record")


class _Field:
    """The facts about a field that its annotation does not show."""

    def __init__(self, default_factory: Callable[[], Any], compare: bool) -> None:
        self.make = default_factory
        self.compare = compare


def field(*, default_factory: Callable[[], Any], compare: bool = True) -> Any:
    """Declare a field of a record.

    Args:
        default_factory: Makes the default of each object.
        compare: Whether the field counts when two records are compared.
    """
    return _Field(default_factory, compare)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """A class whose annotated attributes are its fields, in their order, those of base classes first.

    Arguments of the class statement have the meaning that they have for a dataclass:

    * ``frozen=False``: the fields can be changed.
    * ``eq=False``: two records are equal only if they are the same object.
    * ``kw_only=True``: type checkers refuse positional arguments.
    """

    _field_names: ClassVar[tuple[str, ...]] = ()
    _compared: ClassVar[tuple[str, ...]] = ()
    _key: ClassVar[attrgetter[Any]]
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, *, frozen: bool = True, eq: bool = True, kw_only: bool = False) -> None:
        super().__init_subclass__()
        own = [name for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar")]
        defaults = {name: vars(cls)[name] for name in own if name in vars(cls)}
        ignored = [name for name, each in defaults.items() if isinstance(each, _Field) and not each.compare]
        cls._field_names = tuple(dict.fromkeys((*cls._field_names, *own)))
        cls._compared = tuple(name for name in (*cls._compared, *own) if name not in ignored)
        cls._key = attrgetter(*cls._compared or ["__class__"])
        cls._defaults = {**cls._defaults, **defaults}
        if not frozen:
            cls.__setattr__ = object.__setattr__  # type: ignore[method-assign, assignment]
            cls.__delattr__ = object.__delattr__  # type: ignore[method-assign]
        if not eq:
            cls.__eq__ = object.__eq__  # type: ignore[method-assign]
            cls.__hash__ = object.__hash__  # type: ignore[method-assign]
        elif not frozen:
            cls.__hash__ = None  # type: ignore[assignment, method-assign]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names, values = self._field_names, self.__dict__
        values.update(zip(names, args))  # noqa: B905 (the length is checked below)
        values.update(kwargs)
        if len(values) != len(args) + len(kwargs) or len(values) > len(names):
            raise TypeError(f"{type(self).__name__}() takes the fields {', '.join(names)}, each once")
        if len(values) < len(names) or kwargs:
            self._complete(values)

    def _complete(self, values: dict[str, Any]) -> None:
        names, defaults = self._field_names, self._defaults
        for name in names:
            if name not in values:
                if name not in defaults:
                    raise TypeError(f"{type(self).__name__}() needs the field {name!r}")
                default = defaults[name]
                values[name] = default.make() if isinstance(default, _Field) else default
        if len(values) > len(names):
            raise TypeError(f"{type(self).__name__}() has the fields {', '.join(names)} and no others")

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._key(self) == self._key(other))

    def __hash__(self) -> int:
        return hash(self._key(self))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._field_names)
        return f"{type(self).__qualname__}({shown})"


def field_names(record: Record | type[Record]) -> tuple[str, ...]:
    """Return the names of the fields of a record or of a class of records."""
    return record._field_names


def as_dict(record: Record) -> dict[str, Any]:
    """Return field -> value, with a dict for each record that is a value."""
    values = ((name, getattr(record, name)) for name in record._field_names)
    return {name: as_dict(value) if isinstance(value, Record) else value for name, value in values}


def replace(record: R, **changes: Any) -> R:
    """Return a record with other values of some fields."""
    return type(record)(**{**{name: getattr(record, name) for name in record._field_names}, **changes})
