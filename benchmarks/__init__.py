"""Measurements of the cost of the package."""
