"""Clones tasks for keys, and arranges the clones in mapped task groups."""
