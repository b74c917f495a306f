"""Paths beside a Dag file."""

from __future__ import annotations

import os


def file_relative_path(dunderfile: str, relative_path: str) -> str:
    """Return a path relative to the folder of a file.

    Args:
        dunderfile: The file: ``__file__``.
        relative_path: The path.

    Example:
        >>> file_relative_path("/dags/my_dag.py", "data/files")
        '/dags/data/files'
    """
    return os.path.join(os.path.dirname(dunderfile), relative_path)
