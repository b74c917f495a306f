"""A helper for tests that expect a refusal."""

from __future__ import annotations

import re

import pytest


def refused(error, text):
    """Expect ``error`` with a message that contains ``text``."""
    return pytest.raises(error, match=re.escape(text))
