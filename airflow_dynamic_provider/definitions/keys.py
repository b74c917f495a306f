"""The rules for mapping keys, output names, and the label of a key path in Airflow's UI."""

from __future__ import annotations

import hashlib
import keyword
import unicodedata

from airflow_dynamic_provider.errors import DeclarationError, InvalidMappingKeyError

#: The longest mapping key, in characters.
MAX_KEY_LENGTH = 250

#: The longest label, in characters: the width of Airflow's ``rendered_map_index`` column.
MAX_LABEL_LENGTH = 250

#: The separator of the keys of a path in a label.
PATH_SEPARATOR = "/"

#: The output of a task whose declaration has no names.
DEFAULT_OUTPUT = "result"

#: Names that no output may have. An output is an XCom with its own name, and these XComs have other contents.
RESERVED_OUTPUT_NAMES = frozenset({"dynamic_clone", "output_metadata", "produced_outputs", "return_value"})

_HASH_LENGTH = 8

# Between the first and the last key of a batch.
_RANGE = " \N{HORIZONTAL ELLIPSIS} "

# The maximum number of keys in a message.
_NAMED = 10


def check_mapping_key(key: object) -> str:
    """Return ``key`` unchanged, or refuse it.

    Raises:
        InvalidMappingKeyError: ``key`` is not a ``str``, is empty, is longer than 250 characters, or contains
            a control character or a lone surrogate.
    """
    if not isinstance(key, str):
        raise InvalidMappingKeyError(
            f"a mapping key must be a str, received {key!r} ({type(key).__name__})",
            remedy="Convert it with str(...).",
        )
    if not key:
        raise InvalidMappingKeyError(
            "a mapping key must not be empty, received ''",
            remedy="Give each output a key that distinguishes it from the others.",
        )
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidMappingKeyError(
            f"a mapping key has at most {MAX_KEY_LENGTH} characters, received {len(key)}: {key[:40]!r}...",
            remedy="Keys are never cut. Choose a shorter key, and keep the long name in the metadata.",
        )
    if bad := next((char for char in key if unicodedata.category(char) in ("Cc", "Cs")), None):
        raise InvalidMappingKeyError(
            f"a mapping key must not contain control characters, received {key!r} with {bad!r}",
            remedy="Characters are never replaced. Remove them from the key first.",
        )
    # A plain str, so that a subclass cannot change how the key is compared or shown.
    return str.__str__(key)


def check_output_name(name: object) -> str:
    """Return ``name``, or refuse it, because an output name becomes a field of a named tuple.

    Raises:
        DeclarationError: ``name`` is not an identifier, is a keyword, starts with an underscore, contains
            characters that Python replaces in identifiers, or is reserved.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name[0] == "_":
        raise DeclarationError(
            f"{name!r} is not a valid output name",
            remedy="Use a Python identifier that is not a keyword and does not start with an underscore.",
        )
    # Python reads a ligature in an identifier as separate letters, so no code could name this field.
    if (spelled := unicodedata.normalize("NFKC", name)) != name:
        raise DeclarationError(
            f"{name!r} is not a valid output name, because Python reads it as {spelled!r}",
            remedy=f"Write {spelled!r}.",
        )
    if name in RESERVED_OUTPUT_NAMES:
        raise DeclarationError(
            f"{name!r} is not a valid output name, because the XCom with this name has another use",
            remedy="Choose another name.",
        )
    return str.__str__(name)


def render_key(key_path: tuple[str, ...]) -> str:
    """Return a whole key path as one string, ``outer/inner``."""
    return PATH_SEPARATOR.join(key_path)


def name_keys(key_paths: list[tuple[str, ...]]) -> str:
    """Return the first key paths for a message, and the number of the others."""
    named = ", ".join(repr(render_key(path)) for path in key_paths[:_NAMED])
    return named + (f" and {len(key_paths) - _NAMED} more" if len(key_paths) > _NAMED else "")


def render_label(key_path: tuple[str, ...]) -> str:
    """Return the map-index label of a key path: ``outer/inner``, cut to Airflow's 250 characters.

    A label that is cut ends with a hash of the whole path, so that two long paths have different labels. The
    key itself is never cut.
    """
    label = render_key(key_path)
    if len(label) <= MAX_LABEL_LENGTH:
        return label
    # Keys have no NUL, so paths that differ only in the division into keys have different digests.
    digest = hashlib.sha256("\0".join(key_path).encode()).hexdigest()[:_HASH_LENGTH]
    return f"{label[: MAX_LABEL_LENGTH - _HASH_LENGTH - 1]}~{digest}"


def render_batch_label(first: tuple[str, ...], last: tuple[str, ...], count: int) -> str:
    """Return the map-index label of a batch: ``first … last (n)``, or the key if there is only one.

    If the label would be longer than Airflow's 250 characters, both keys are shortened in the middle.
    """
    if count == 1:
        return render_label(first)
    end = f" ({count})"
    most = (MAX_LABEL_LENGTH - len(_RANGE) - len(end)) // 2
    keys = [render_key(first), render_key(last)]
    if sum(map(len, keys)) > 2 * most:
        # A short key leaves its room to the other.
        room = [max(most, 2 * most - len(other)) for other in reversed(keys)]
        keys = [_shortened(key, length) for key, length in zip(keys, room, strict=True)]
    return f"{keys[0]}{_RANGE}{keys[1]}{end}"


def _shortened(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    kept = length - 1
    return f"{text[: kept - kept // 2]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - kept // 2 :]}"
