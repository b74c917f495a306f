"""Plain values and functions. Nothing here starts Airflow in the test's own process."""

from __future__ import annotations

from hypothesis import settings

# A slow machine is not a failure. A failing example is printed so that it can be run again.
settings.register_profile("pure", deadline=None, print_blob=True)
settings.load_profile("pure")
