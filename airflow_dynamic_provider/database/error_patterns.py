"""What errors of the same cause have in common: their text without numbers, paths, names and strings."""

from __future__ import annotations

import hashlib
import re

# A message may be thousands of characters long. Its beginning tells the cause.
_MOST_CHARACTERS = 500

# What differs between errors that have the same cause, from the longest to the shortest.
_VARIABLE = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE), "<id>"),
    (re.compile(r"\b0x[0-9a-f]+\b|\b(?=[a-f]*\d)[0-9a-f]{12,}\b", re.IGNORECASE), "<id>"),
    # An apostrophe inside a word, as in "can't", does not begin a string.
    (re.compile(r"(?<!\w)'[^'\n]*'(?!\w)|\"[^\"\n]*\"|`[^`\n]*`"), "<text>"),
    (re.compile(r"(?:[a-z]+:/)?(?:/[^\s/:'\"]+)+/?", re.IGNORECASE), "<path>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)


def pattern_of(error: str, name: str = "") -> str:
    """Return an error without what may differ between errors of the same cause.

    Args:
        error: The error.
        name: The key that failed.

    Example:
        >>> pattern_of("request 17 to /data/north.csv timed out after 2.5 s")
        'request <n> to <path> timed out after <n> s'
    """
    error = error[:_MOST_CHARACTERS]
    if name and name in error:
        # A key may be a single letter, which is part of many words.
        error = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "<key>", error)
    for variable, placeholder in _VARIABLE:
        error = variable.sub(placeholder, error)
    return error


def name_of_group(task_id: str, pattern: str) -> str:
    """Return a short name for the errors of a task that have the same pattern. It is the same in all runs."""
    return hashlib.blake2b(f"{task_id}\0{pattern}".encode(), digest_size=8).hexdigest()
