"""Reads the results of many clones. A column has one source's states and values for a list of keys."""
