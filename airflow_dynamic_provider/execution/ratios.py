"""Calculates exactly how many keys may fail if a share must succeed: in floats, 1 - 4/5 is less than 0.2."""

from __future__ import annotations

import math
from fractions import Fraction

# Finds the fraction that the author wrote as a float, if its denominator is at most a million.
_FINEST = 10**9


def allowed_failures(min_success_ratio: float, count: int) -> int:
    """Return the number of keys that may fail.

    Args:
        min_success_ratio: The share that must succeed, from 0 to 1.
        count: The number of keys.
    """
    share = Fraction(min_success_ratio).limit_denominator(_FINEST)
    return count - math.ceil(share * count)
