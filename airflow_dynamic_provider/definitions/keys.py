"""The rules for mapping keys, for output names, and for the label that a key path gets in Airflow's UI."""

from __future__ import annotations

import hashlib
import keyword
import unicodedata

from airflow_dynamic_provider.errors import DeclarationError, InvalidMappingKeyError

#: The longest mapping key, in characters.
MAX_KEY_LENGTH = 250

#: The longest label, in characters: the width of Airflow's ``rendered_map_index`` column.
MAX_LABEL_LENGTH = 250

#: What separates the keys of a path in a label.
PATH_SEPARATOR = "/"

#: The output that a task has when its declaration names none.
DEFAULT_OUTPUT = "result"

#: Names that no output may have: an output is stored under its own name, and these XComs hold something else.
RESERVED_OUTPUT_NAMES = frozenset({"dynamic_clone", "output_metadata", "produced_outputs", "return_value"})

_HASH_LENGTH = 8

# How many keys a message names.
_NAMED = 10


def check_mapping_key(key: object) -> str:
    """Return ``key`` as it is, or refuse it.

    Raises:
        InvalidMappingKeyError: It is not a ``str``, is empty, is longer than 250 characters, or holds a
            control character or a lone surrogate.
    """
    if not isinstance(key, str):
        raise InvalidMappingKeyError(
            f"a mapping key must be a str, received {key!r} ({type(key).__name__})",
            remedy="Use str(...) to make a key of it.",
        )
    if not key:
        raise InvalidMappingKeyError(
            "a mapping key must not be empty, received ''",
            remedy="Name each output after what makes it different from its peers.",
        )
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidMappingKeyError(
            f"a mapping key has at most {MAX_KEY_LENGTH} characters, received {len(key)}: {key[:40]!r}...",
            remedy="Keys are never cut: choose a shorter one, and keep the long name in the metadata.",
        )
    if bad := next((char for char in key if unicodedata.category(char) in ("Cc", "Cs")), None):
        raise InvalidMappingKeyError(
            f"a mapping key must not hold control characters, received {key!r} with {bad!r}",
            remedy="Characters are never replaced: strip the key first.",
        )
    # A plain str, so that a subclass cannot change how the key is compared or shown.
    return str.__str__(key)


def check_output_name(name: object) -> str:
    """Return ``name``, or refuse it: an output name becomes a field of a named tuple.

    Raises:
        DeclarationError: It is not an identifier, is a keyword, starts with an underscore, is spelled
            with characters that Python replaces in identifiers, or is reserved.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name[0] == "_":
        raise DeclarationError(
            f"{name!r} is not a name for an output",
            remedy="Use a Python identifier that is no keyword and does not start with an underscore.",
        )
    # Python reads a ligature in an identifier as its letters, so the field could not be asked for.
    if (spelled := unicodedata.normalize("NFKC", name)) != name:
        raise DeclarationError(
            f"{name!r} is not a name for an output, for Python reads it as {spelled!r}",
            remedy=f"Write {spelled!r}.",
        )
    if name in RESERVED_OUTPUT_NAMES:
        raise DeclarationError(
            f"{name!r} is not a name for an output, because an XCom of this name holds something else",
            remedy="Choose another name.",
        )
    return str.__str__(name)


def render_key(key_path: tuple[str, ...]) -> str:
    """Return a key path as one text, ``outer/inner``; never cut."""
    return PATH_SEPARATOR.join(key_path)


def name_keys(key_paths: list[tuple[str, ...]]) -> str:
    """Return the first of some key paths for a message, and how many more there are."""
    named = ", ".join(repr(render_key(path)) for path in key_paths[:_NAMED])
    return named + (f" and {len(key_paths) - _NAMED} more" if len(key_paths) > _NAMED else "")


def render_label(key_path: tuple[str, ...]) -> str:
    """Return the map-index label of a key path: ``outer/inner``, cut to Airflow's 250 characters.

    A label that had to be cut ends in a hash of the whole path, so that two long paths keep different labels.
    The key itself is never cut.
    """
    label = render_key(key_path)
    if len(label) <= MAX_LABEL_LENGTH:
        return label
    # No key holds a control character, so paths that differ only in where they are divided differ here.
    digest = hashlib.sha256("\0".join(key_path).encode()).hexdigest()[:_HASH_LENGTH]
    return f"{label[: MAX_LABEL_LENGTH - _HASH_LENGTH - 1]}~{digest}"
