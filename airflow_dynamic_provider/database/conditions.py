"""Conditions on metadata, as a person writes them: ``size > 10_000_000 and kind = "csv"``.

A small grammar with comparisons, ``and``, ``or``, ``not`` and parentheses. Nothing is evaluated as Python.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The number of characters of a condition.
LONGEST = 500

# The number of parentheses and negations inside each other.
_DEEPEST = 20

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<label>`[^`]+`)
      | (?P<sign><=|>=|!=|==|<|>|=|~|\(|\))
      | (?P<word>[^\s"'`<>=!~()]+)
    )""",
    re.VERBOSE,
)

_NUMBER = re.compile(r"[-+]?\d[\d_]*(?:\.[\d_]+)?(?:[eE][-+]?\d+)?")

_EXAMPLE = 'Write it like this: size > 10_000_000 and kind = "csv".'

_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "~": lambda value, part: str(part).casefold() in str(value).casefold(),
}

_WORDS = {"true": True, "false": False}


class FilterError(ValueError):
    """A filter that a person typed cannot be read, or selects among too many keys."""


@dataclass(frozen=True)
class Condition:
    """A condition that the metadata of a key fulfils or not.

    Attributes:
        text: As a person wrote it.
        labels: The labels that it compares.
    """

    text: str
    labels: frozenset[str]
    _test: Callable[[Mapping[str, Any]], bool]

    def holds(self, labels: Mapping[str, Any]) -> bool:
        """Return whether it is true. A comparison with a missing label, or with another type, is false."""
        return self._test(labels)


def read_condition(text: str) -> Condition:
    """Read a condition.

    Args:
        text: Comparisons of labels with numbers, strings, ``true`` or ``false``. The signs are ``<``, ``<=``,
            ``>``, ``>=``, ``=``, ``!=`` and ``~`` for *contains*. A label with spaces is in backticks.

    Raises:
        FilterError: It is not a condition. The message says where and why.

    Example:
        >>> read_condition('size > 10_000 and not kind = "csv"').holds({"size": 20_000, "kind": "json"})
        True
    """
    if len(text) > LONGEST:
        raise FilterError(f"A condition has at most {LONGEST} characters.")
    reader = _Reader(text)
    test = reader.either()
    if reader.token is not None:
        raise reader.refusal(f"{reader.token.text!r} is not expected here")
    return Condition(text, frozenset(reader.labels), test)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """Reads one token after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.labels: set[str] = set()
        self.token: _Token | None = None
        self._next()

    def either(self) -> Callable[[Mapping[str, Any]], bool]:
        """Read parts of which one must be true."""
        tests = [self._both()]
        while self._takes("word", "or"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda labels: any(test(labels) for test in tests)

    def refusal(self, problem: str) -> FilterError:
        """Return the error that says what is wrong at the current token."""
        at = len(self._text) if self.token is None else self.token.at
        return FilterError(f"The condition is wrong at character {at + 1}: {problem}. {_EXAMPLE}")

    def _both(self) -> Callable[[Mapping[str, Any]], bool]:
        tests = [self._one()]
        while self._takes("word", "and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda labels: all(test(labels) for test in tests)

    def _one(self) -> Callable[[Mapping[str, Any]], bool]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.refusal(f"there are more than {_DEEPEST} parts inside each other")
        try:
            if self._takes("word", "not"):
                inner = self._one()
                return lambda labels: not inner(labels)
            if self._takes("sign", "("):
                test = self.either()
                if not self._takes("sign", ")"):
                    raise self.refusal("a parenthesis is not closed")
                return test
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Callable[[Mapping[str, Any]], bool]:
        label = self._label()
        if self.token is None or self.token.kind != "sign" or self.token.text not in _SIGNS:
            raise self.refusal(f"a sign such as > or = is missing after {label!r}")
        sign = self.token.text
        self._next()
        wanted = self._value()
        self.labels.add(label)
        compare = _SIGNS[sign]
        return lambda labels: label in labels and _compares(labels[label], wanted, sign, compare)

    def _label(self) -> str:
        token = self.token
        if token is None or token.kind not in ("word", "label"):
            raise self.refusal("the label of a metadata entry is missing")
        self._next()
        return token.text.strip("`")

    def _value(self) -> Any:
        token = self.token
        if token is None or token.kind not in ("word", "text"):
            raise self.refusal("a number or a string is missing")
        self._next()
        if token.kind == "text":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if _NUMBER.fullmatch(token.text):
            return _number(token.text.replace("_", ""))
        return _WORDS.get(token.text.lower(), token.text)

    def _takes(self, kind: str, text: str) -> bool:
        """Go on to the next token if the current one is this one. Words may be written in any case."""
        if self.token is None or self.token.kind != kind or self.token.text.lower() != text:
            return False
        self._next()
        return True

    def _next(self) -> None:
        rest = self._text[self._at :]
        if not rest.strip():
            self.token = None
            return
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            at = self._at + len(rest) - len(rest.lstrip())
            self.token = _Token("", self._text[at], at)
            raise self.refusal(f"{self._text[at]!r} is not expected here")
        self.token = _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
        self._at = found.end()


def _number(text: str) -> int | float:
    return float(text) if any(char in text for char in ".eE") else int(text)


def _compares(value: Any, wanted: Any, sign: str, compare: Callable[[Any, Any], bool]) -> bool:
    if sign == "~":
        return isinstance(value, str) and compare(value, wanted)
    if _kind(value) != _kind(wanted):
        # A string may look like a number: a year, or an identifier.
        value, wanted = (str(value), str(wanted)) if isinstance(value, str) else (value, None)
        if wanted is None:
            return sign == "!="
    return compare(value, wanted)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else type(value).__name__
