"""Dagster's error classes, derived from the package's own.

DynamicOutputsError
├── DeclarationError
│   └── DagsterInvalidDefinitionError      a definition that cannot be right
│       ├── DagsterInvalidConfigError      a run's config that does not fit
│       │   └── DagsterUnknownPartitionError  a partition that there is not
│       ├── DagsterInvalidInvocationError  a direct call of an op that does not fit
│       ├── DagsterInvalidMappingKeyError  a mapping key that Dagster does not allow
│       └── DagsterInvalidSubsetError      a selection that does not fit the job
├── HandleUsageError
│   └── DagsterUsageError                  a handle that is used as the value that it stands for
├── UnexpectedOutputError
│   └── DagsterInvariantViolationError     an output that was not declared, a result that is not there
├── InvalidMetadataError
│   └── DagsterInvalidMetadata             a metadata label or value that cannot be stored
├── OutputTypeError
│   └── DagsterTypeCheckDidNotPass         a value that is not of its declared type
├── UnsupportedError                       something of Dagster that has no counterpart here
└── UnsupportedAttributeError              an attribute of an object that has none
"""

from __future__ import annotations

from airflow_dynamic_provider.errors import (
    DeclarationError,
    DefinitionError,
    DynamicOutputsError,
    HandleUsageError,
    InvalidMappingKeyError,
    InvalidMetadataError,
    OutputTypeError,
    UnexpectedOutputError,
)


class DagsterInvalidDefinitionError(DeclarationError):
    """A definition cannot be right."""


class DagsterInvalidConfigError(DagsterInvalidDefinitionError):
    """The config of a run does not fit what the job declares."""


class DagsterUnknownPartitionError(DagsterInvalidConfigError):
    """There is no such partition."""


class DagsterInvalidInvocationError(DagsterInvalidDefinitionError):
    """An op is called directly with arguments that do not fit."""


class DagsterInvalidMappingKeyError(DagsterInvalidDefinitionError, InvalidMappingKeyError):
    """A mapping key is not a name that Dagster allows."""

    def __str__(self) -> str:
        return _with_line(self, self.line)


class DagsterInvalidSubsetError(DagsterInvalidDefinitionError):
    """A selection names what the job does not have, or leaves out what a selected op needs."""


class DagsterInvariantViolationError(UnexpectedOutputError):
    """An op gave outputs that it does not declare, or a result was asked for that is not there."""


class DagsterUsageError(DagsterInvariantViolationError, HandleUsageError, AttributeError):
    """A handle was used as if it were the value that it stands for."""

    def __str__(self) -> str:
        return _with_line(self, self.line)


class DagsterInvalidMetadata(InvalidMetadataError):  # noqa: N818 (Dagster's name)
    """A metadata label or value cannot be stored."""


class DagsterTypeCheckDidNotPass(OutputTypeError):  # noqa: N818 (Dagster's name)
    """A value is not of the type that its input or output declares."""


class UnsupportedError(DefinitionError, ImportError, NotImplementedError):
    """The program uses something of Dagster that has no counterpart here.

    It is also the error of Python for a name that cannot be imported, or for work that a class does not do.
    """


class UnsupportedAttributeError(DefinitionError, AttributeError):
    """An object of Dagster has an attribute that has no counterpart here, or none of this name."""


def _with_line(error: DynamicOutputsError, line: str | None) -> str:
    """Return the message with the author's line once, although both bases of the class would add it."""
    text = DynamicOutputsError.__str__(error)
    return f"{text} ({line})" if line else text
