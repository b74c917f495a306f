"""How many may fail where a share of all must succeed, exactly: in floats 1 - 4/5 is less than 0.2."""

from __future__ import annotations

import math
from fractions import Fraction

# A float stands for the fraction that its author wrote: each with a denominator of up to a million is found.
_FINEST = 10**9


def allowed_failures(min_success_ratio: float, count: int) -> int:
    """Return how many of so many may fail.

    Args:
        min_success_ratio: The share that must succeed, from 0 to 1.
        count: How many there are.
    """
    share = Fraction(min_success_ratio).limit_denominator(_FINEST)
    return count - math.ceil(share * count)
