"""Assigns each node a slot of its lane."""
