"""How a test expects a refusal."""

from __future__ import annotations

import re

import pytest


def refused(error, text):
    """Expect ``error`` with a message in which ``text`` stands as it is."""
    return pytest.raises(error, match=re.escape(text))
