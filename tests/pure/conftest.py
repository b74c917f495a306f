"""Plain values and functions: nothing here starts Airflow in the test's own process."""

from __future__ import annotations

from hypothesis import settings

# A slow machine is no failure; what a property found is printed so that it can be run again.
settings.register_profile("pure", deadline=None, print_blob=True)
settings.load_profile("pure")
