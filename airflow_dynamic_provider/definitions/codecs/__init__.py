"""Converts values of a declared type to plain JSON and back."""
