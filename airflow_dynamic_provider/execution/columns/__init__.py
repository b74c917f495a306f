"""Reads what many clones produced: a column is one source's states and values for a list of keys."""
