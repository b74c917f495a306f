"""The codecs of objects with fields: dataclasses, named tuples, pydantic models.

An object is rebuilt from the class that the Dag file declares. Its constructor runs, so that what is derived
from fields is derived again. Then each field gets the value that it had.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from airflow_dynamic_provider.definitions.codecs.codec import Codec, MisfitError
from airflow_dynamic_provider.definitions.codecs.containers import convert_part

Fields = Callable[[], Mapping[str, Codec]]

_MISSING = object()


class ObjectCodec(Codec):
    """Converts the objects of one class to objects of JSON, by field.

    Args:
        cls: The class.
        name: The type, for messages.
        fields: Returns field -> codec.
    """

    has_classes = True

    def __init__(self, cls: type, name: str, fields: Fields) -> None:
        super().__init__(name)
        self._class: Any = cls
        # A field may have the class itself as its type, so the codecs are made when they are needed.
        self._fields = fields

    def accepts(self, value: Any) -> bool:
        """Return whether a value is an object of the class, and not of a subclass."""
        return type(value) is self._class

    def encode(self, value: Any) -> Any:
        """Return field -> JSON."""
        if not self.accepts(value):
            raise self._refuse_subclass(value) if isinstance(value, self._class) else self.refuse(value)
        form = self._encode_fields(value)
        self._check_rest(value, form)
        return form

    def decode(self, form: Any) -> Any:
        """Return the object."""
        if not isinstance(form, dict):
            raise self.misread(form)
        fields = self._fields()
        if not form.keys() <= fields.keys():
            raise self.misread(form)
        values = {name: convert_part(fields[name].decode, each, f".{name}") for name, each in form.items()}
        try:
            return self._rebuild(values)
        except Exception as error:
            # The constructor is the author's code.
            raise MisfitError(f"{self.name} cannot be rebuilt: {type(error).__name__}: {error}") from error

    def _encode_fields(self, value: Any) -> dict[str, Any]:
        return {
            name: convert_part(codec.encode, getattr(value, name), f".{name}")
            for name, codec in self._fields().items()
            if hasattr(value, name)
        }

    @abstractmethod
    def _rebuild(self, values: dict[str, Any]) -> Any:
        """Return the object with these fields."""

    def _check_rest(self, value: Any, form: Any) -> None:
        """Refuse an object of which something is lost, because it is not in a field."""

    def _refuse_subclass(self, value: Any) -> MisfitError:
        cls = type(value).__qualname__
        return MisfitError(
            f"an object of {cls} would come back as {self.name}, which is declared; declare {cls}, or the "
            f"union {self.name} | {cls}"
        )


class NamedTupleCodec(ObjectCodec):
    """Converts the objects of a class of named tuples."""

    def _rebuild(self, values: dict[str, Any]) -> Any:
        return self._class._make(values[name] for name in self._class._fields)


class DataclassCodec(ObjectCodec):
    """Converts the objects of a dataclass, whatever its options are."""

    def _rebuild(self, values: dict[str, Any]) -> Any:
        accepted = {each.name for each in dataclasses.fields(self._class) if each.init}
        back = self._construct({name: each for name, each in values.items() if name in accepted})
        for name, each in values.items():
            # A frozen class refuses an ordinary assignment.
            object.__setattr__(back, name, each)
        return back

    def _construct(self, values: dict[str, Any]) -> Any:
        if not self._takes_its_fields:
            return object.__new__(self._class)
        return self._class(**values)

    @functools.cached_property
    def _takes_its_fields(self) -> bool:
        """Whether the constructor takes each field by its name, and needs nothing else."""
        parameters = inspect.signature(self._class).parameters
        accepted = {each.name for each in dataclasses.fields(self._class) if each.init}
        needed = {name for name, each in parameters.items() if each.default is each.empty}
        return needed <= accepted <= parameters.keys()

    def _check_rest(self, value: Any, form: Any) -> None:
        rest = _attributes(value) - self._fields().keys()
        if not rest:
            return
        lost = {name for name in rest if not _is_cached(self._class, name)} - _attributes(self.decode(form))
        if lost:
            raise MisfitError(f"the attribute {min(lost)!r} is not a field of {self.name}, and would be lost")


class ModelCodec(ObjectCodec):
    """Converts the objects of a pydantic model. Its validators do not run again."""

    def _encode_fields(self, value: Any) -> dict[str, Any]:
        form = super()._encode_fields(value)
        fields_set = sorted(value.model_fields_set)
        return {"fields": form, "set": fields_set, "extra": dict(value.model_extra or {})}

    def decode(self, form: Any) -> Any:
        """Return the object."""
        if not isinstance(form, dict) or form.keys() != {"fields", "set", "extra"}:
            raise self.misread(form)
        fields = super().decode(form["fields"])
        for name, each in form["extra"].items():
            fields.__pydantic_extra__[name] = each
        object.__setattr__(fields, "__pydantic_fields_set__", set(form["set"]))
        return fields

    def _rebuild(self, values: dict[str, Any]) -> Any:
        return self._class.model_construct(**values)

    def _check_rest(self, value: Any, form: Any) -> None:
        private = value.__pydantic_private__ or {}
        back = (self.decode(form).__pydantic_private__ or {}) if private else {}
        for name, each in private.items():
            if back.get(name, _MISSING) != each:
                raise MisfitError(f"the private attribute {name!r} of {self.name} would be lost")


def _attributes(value: Any) -> set[str]:
    return set(getattr(value, "__dict__", ()))


def _is_cached(cls: type, name: str) -> bool:
    return isinstance(getattr(cls, name, None), functools.cached_property)
