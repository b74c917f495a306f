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
from airflow_dynamic_provider.execution.layout import TYPED, is_typed

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.codecs.codec import Codec


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
        if codec.has_classes:
            return _encoded(value, codec)
    try:
        xcom.check_storable(value)
    except UnstorableOutputError:
        # A dict that is declared without the types of its keys may have any.
        codec = _codec_of(declared) if codec is None else codec
        if codec.is_identity:
            raise
        return _encoded(value, codec)
    return value


def value_of(stored: Any, declared: Any) -> Any:
    """Return the value that was stored. A form of an earlier release, or without a type, is the value.

    Raises:
        LayoutError: The declared type has changed since the value was stored.
    """
    if not is_typed(stored):
        return stored
    from airflow_dynamic_provider.definitions.codecs.codec import MisfitError

    try:
        return _codec_of(declared).decode(stored[TYPED])
    except MisfitError as error:
        raise LayoutError(
            f"its stored value does not fit the declared type: {error}",
            remedy="Clear the task that produces it, with its downstream tasks, or restore the type.",
        ) from error


def _encoded(value: Any, codec: Codec) -> dict[str, Any]:
    from airflow_dynamic_provider.definitions.codecs.codec import MisfitError

    try:
        form = codec.encode(value)
        if codec.encode(codec.decode(form)) != form:
            raise MisfitError("it comes back as something else")
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
