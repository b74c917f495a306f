"""The errors of flytekit that programs raise and catch."""

from __future__ import annotations


class FlyteException(Exception):  # noqa: N818
    """The base class of flytekit's errors."""


class FlyteUserException(FlyteException):
    """An error of the author's code."""


class FlyteRecoverableException(FlyteUserException):
    """The only error after which a task with ``retries`` is tried again."""


class FlyteAssertion(FlyteUserException, AssertionError):  # noqa: N818
    """Something that must hold does not."""
