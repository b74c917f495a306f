"""Comparisons of promises, for ``conditional``. They are evaluated when the values exist."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.errors import PromiseUsageError
from airflow_dynamic_provider.workflows.recording.promises import promised

if TYPE_CHECKING:
    from collections.abc import Callable

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&": operator.and_,
    "|": operator.or_,
}


class Comparison:
    """A comparison of promises, or two of them joined by ``&`` or ``|``.

    Args:
        sign: The operator.
        left: What stands before it: a promise, a value or a comparison.
        right: What stands after it.
    """

    def __init__(self, sign: str, left: Any, right: Any) -> None:
        self._sign = sign
        self._left = left
        self._right = right

    def __and__(self, other: Any) -> Comparison:
        return Comparison("&", self, other)

    def __or__(self, other: Any) -> Comparison:
        return Comparison("|", self, other)

    def __bool__(self) -> NoReturn:
        raise PromiseUsageError(
            f"the output of {self._label!r} is a promise, not yet a value, and was compared ({self._sign}) "
            "to decide something",
            remedy="Use conditional(...), or pass the promise to a @dynamic, whose body receives the value.",
        )

    @property
    def _label(self) -> str:
        return self._left._label if isinstance(self._left, Comparison) else promised(self._left).label

    def pack(self) -> dict[str, Any]:
        """Return the comparison as a dict, which may contain promises."""
        return {"sign": self._sign, "left": _packed(self._left), "right": _packed(self._right)}


def _packed(side: Any) -> Any:
    return side.pack() if isinstance(side, Comparison) else {"value": side}


def holds(packed: Any) -> bool:
    """Evaluate a comparison that `Comparison.pack` returned, with values in place of promises."""
    if "value" in packed:
        return packed["value"]  # type: ignore[no-any-return]
    return bool(_OPERATORS[packed["sign"]](holds(packed["left"]), holds(packed["right"])))
