"""Calculates exactly how many keys a share of them is: in floats, 1 - 4/5 is less than 0.2."""

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
    return count - math.ceil(_exact(min_success_ratio) * count)


def count_of_share(share: float, count: int) -> int:
    """Return the greatest number of keys that is not more than a share of all.

    Args:
        share: The share, from 0 to 1.
        count: The number of keys.
    """
    return math.floor(_exact(share) * count)


def _exact(share: float) -> Fraction:
    return Fraction(share).limit_denominator(_FINEST)
