"""The stored form of values whose type is declared, and what reads it.

A value that Airflow's own serializer brings back unchanged is stored as Airflow stores it. Any other value of
a declared type, and every value that contains objects of an author's class, is stored as JSON (see
`definitions.codecs`), in an object that says so::

    {"$typed": <JSON>}

The JSON has no names of classes to import. It is read by the type that the Dag file declares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.declarations import is_plain
from airflow_dynamic_provider.errors import LayoutError, UnstorableOutputError
from airflow_dynamic_provider.execution.layout import TYPED, holds_typed, is_typed

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.codecs.codec import Codec
    from airflow_dynamic_provider.definitions.codecs.parts import PartTypes


def stored_form(value: Any, declared: Any) -> Any:
    """Return the form in which a value of a declared type is stored. No API call.

    Args:
        value: The value.
        declared: Its type; ``Any`` if none is declared.

    Raises:
        UnstorableOutputError: It would come back as something else, or cannot be stored. The message has the
            place in the value.
    """
    codec: Codec | None = None
    if not is_plain(declared):
        codec = _codec_of(declared)
        # What a backend of the deployment's own can carry is not known.
        if codec.has_classes or not (codec.is_identity or xcom.is_airflows_backend()):
            return _encoded(value, codec)
    try:
        xcom.check_storable(value, exactly=codec is not None)
    except UnstorableOutputError:
        # A dict that is declared without the types of its keys may have any.
        codec = _codec_of(declared) if codec is None else codec
        if codec.is_identity:
            raise
        return _encoded(value, codec)
    return value


def stored_parts(value: Any, declared: Any) -> Any:
    """Return the form in which a value is stored as an XCom that Airflow may expand over, or select from.

    A list or a dict of strings stays one, and each item has a form of its own.

    Raises:
        UnstorableOutputError: It would come back as something else, or cannot be stored.
    """
    types = None if is_plain(declared) else _part_types(value, declared)
    if types is None:
        return stored_form(value, declared)
    if type(value) is list:
        return [_stored_part(each, types.at(at), f"[{at}]") for at, each in enumerate(value)]
    return {key: _stored_part(each, types.at(key), f"[{key!r}]") for key, each in value.items()}


def value_of(stored: Any, declared: Any) -> Any:
    """Return the value that was stored. A form of an earlier release, or without a type, is the value.

    Raises:
        LayoutError: The declared type has changed since the value was stored.
    """
    if not holds_typed(stored):
        return stored
    if is_typed(stored):
        return _decoded(stored[TYPED], _codec_of(declared))
    types = _part_types(stored, declared)
    if types is None:
        raise _misread("its parts have no declared type now")
    if type(stored) is list:
        return [_value_of_part(each, types.at(at)) for at, each in enumerate(stored)]
    return {key: _value_of_part(each, types.at(key)) for key, each in stored.items()}


def check_type_of(value: Any, declared: Any) -> None:
    """Refuse a value of an earlier run that is not of the declared type. `stored_form` trusts the function.

    Raises:
        LayoutError: The declared type has changed since the value was stored.
    """
    if is_plain(declared):
        return
    from airflow_dynamic_provider.definitions.codecs.codec import MisfitError

    try:
        _codec_of(declared).encode(value)
    except MisfitError as error:
        raise _misread(str(error)) from error


def _decoded(form: Any, codec: Codec) -> Any:
    from airflow_dynamic_provider.definitions.codecs.codec import MisfitError

    if codec.is_identity:
        raise _misread("no type is declared now")
    try:
        return codec.decode(form)
    except MisfitError as error:
        raise _misread(str(error)) from error


def _misread(problem: str) -> LayoutError:
    return LayoutError(
        f"its stored value does not fit the declared type: {problem}",
        remedy="Clear the task that produces it, with its downstream tasks, or restore the type.",
    )


def _part_types(value: Any, declared: Any) -> PartTypes | None:
    kind = type(value)
    if kind is not list and (kind is not dict or any(type(key) is not str for key in value)):
        return None
    from airflow_dynamic_provider.definitions.codecs.parts import PartTypes

    return PartTypes.of(declared, kind)


def _stored_part(part: Any, declared: Any, place: str) -> Any:
    try:
        return stored_form(part, declared)
    except UnstorableOutputError as error:
        raise UnstorableOutputError(f"{error.message}, in {place}", remedy=error.remedy) from error.__cause__


def _value_of_part(stored: Any, declared: Any) -> Any:
    return _decoded(stored[TYPED], _codec_of(declared)) if is_typed(stored) else stored


def _encoded(value: Any, codec: Codec) -> dict[str, Any]:
    from airflow_dynamic_provider.definitions.codecs.codec import MisfitError, encode_exactly

    try:
        form = encode_exactly(codec, value)
    except MisfitError as error:
        raise UnstorableOutputError(
            f"a value of type {type(value).__name__} would not come back as it is: {error}",
            remedy="Declare the type of what is there, or convert it before it is produced.",
        ) from error
    packed = {TYPED: form}
    xcom.check_storable(packed)
    return packed


def _codec_of(declared: Any) -> Codec:
    # Imported here, because most tasks produce and read JSON's own types.
    from airflow_dynamic_provider.definitions.codecs.making import codec_of

    return codec_of(declared)
