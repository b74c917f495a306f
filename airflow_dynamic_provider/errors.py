"""All errors of the package.

    DynamicOutputsError
    ├── DefinitionError              the Dag file is wrong; raised while it is parsed
    │   ├── DeclarationError         an ``Out`` or ``DynamicOut``, or a decorator argument   (ValueError)
    │   ├── HandleUsageError         a handle used as the value that it stands for           (TypeError)
    │   ├── MapFunctionError         a mapped function that cannot be cloned for each key    (TypeError)
    │   └── WorkflowError            a dynamic workflow; raised while it is decorated or planned
    │       ├── PromiseUsageError    a promise used as the value that it stands for          (TypeError)
    │       ├── WorkflowCallError    a call in the body that cannot become a node            (TypeError)
    │       ├── UnknownKindError     a call for which the Dag file has no task               (LookupError)
    │       ├── NodeNameError        a node's name that is refused, or that two nodes have   (ValueError)
    │       ├── NodeCycleError       nodes that wait for one another                         (ValueError)
    │       └── TooManyNodesError    more nodes, or deeper recursion, than a plan may have   (ValueError)
    ├── OutputError                  a task broke its declaration; raised while it runs
    │   ├── InvalidMappingKeyError   a key that is refused                                   (ValueError)
    │   ├── DuplicateMappingKeyError two outputs with one key                                (ValueError)
    │   ├── InvalidMetadataError     a metadata label or value that cannot be stored         (ValueError)
    │   ├── UnexpectedOutputError    something that is not a declared output                 (TypeError)
    │   ├── MissingOutputError       a required output that was not produced                 (LookupError)
    │   ├── OutputTypeError          a value that is not of the declared type                (TypeError)
    │   ├── UnstorableOutputError    a value that XCom cannot carry                          (TypeError)
    │   └── TooManyOutputsError      more keys than Airflow maps                             (ValueError)
    ├── NoSuchCaseError              no case of a conditional holds, or the one that fails       (ValueError)
    ├── SecretNotFoundError          a secret that neither Airflow nor the environment has       (ValueError)
    ├── LocalRunError                a Dag, or a task, that needs a running Airflow          (RuntimeError)
    ├── UncacheableInputError        an input of a cached task that cannot be part of its key    (TypeError)
    ├── KeysFailedError              keys of a batch failed                                  (RuntimeError)
    └── ReadError                    data that another task should have stored is not usable
        ├── CollectError             a collection that cannot be complete                    (LookupError)
        ├── TooFewSuccessesError     fewer keys succeeded than the collector requires        (LookupError)
        ├── KeyMismatchError         a strict zip of outputs with different keys             (LookupError)
        ├── SelectionError           a part that a node's output does not have               (LookupError)
        ├── ParameterTypeError       a value that a parameter's annotation rules out         (TypeError)
        ├── StaleKeyError            a clone's key is no longer, or not yet, current         (LookupError)
        ├── StaleNodeError           a node stored no value, or one that is not current      (LookupError)
        ├── PlanMismatchError        a new plan of a workflow that does not match the old    (ValueError)
        ├── UnknownNameError         a name in a command that does not exist                 (LookupError)
        ├── AmbiguousNameError       a name in a command that has several meanings           (LookupError)
        └── LayoutError              stored JSON of an unknown version or shape              (ValueError)

Every error has the task, the output, the key and the remedy as attributes (each may be ``None``) and in its
message, so that code can use them without parsing.
"""

from __future__ import annotations

import linecache
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

#: The page of the documentation that explains each class of error, below a heading with its name.
EXPLAINED_IN = "docs/troubleshooting.md"

# Packages whose code is not the author's: Airflow, this package, and packages that call functions in between.
_BETWEEN = frozenset({"airflow", "airflow_dynamic_provider", "attr", "attrs", "contextlib", "functools"})

# The directory of Python's own modules.
_PYTHONS = os.path.dirname(os.__file__) + os.sep


class DynamicOutputsError(Exception):
    """The base class of the package's errors.

    A traceback of it ends with the place in the documentation that explains the class (from Python 3.11 on).

    Args:
        message: What is wrong and what was received, without a full stop at the end.
        task_id: The task that the error is about.
        output_name: The output that the error is about.
        mapping_key: The mapping key that the error is about, ``outer/inner`` for a path.
        remedy: What to do, as a full sentence.
    """

    def __init__(
        self,
        message: str,
        *,
        task_id: str | None = None,
        output_name: str | None = None,
        mapping_key: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.task_id = task_id
        self.output_name = output_name
        self.mapping_key = mapping_key
        self.remedy = remedy
        # In the traceback only, because the message also stands in tables, where it must be short.
        explained = next(found for found in type(self).__mro__ if found.__module__ == __name__)
        self.__notes__ = [f"See {EXPLAINED_IN}#{explained.__name__.lower()}"]

    def __str__(self) -> str:
        named = (("task", self.task_id), ("output", self.output_name), ("key", self.mapping_key))
        subject = ", ".join(f"{noun} {name!r}" for noun, name in named if name is not None)
        text = f"{subject[0].upper()}{subject[1:]}: {self.message}" if subject else self.message
        return f"{text}. {self.remedy}" if self.remedy else text

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message,), self.__dict__)

    def about(
        self, *, task_id: str | None = None, output_name: str | None = None, mapping_key: str | None = None
    ) -> DynamicOutputsError:
        """Set the attributes that are still ``None``, and return the error."""
        self.task_id = self.task_id if self.task_id is not None else task_id
        self.output_name = self.output_name if self.output_name is not None else output_name
        self.mapping_key = self.mapping_key if self.mapping_key is not None else mapping_key
        return self


class DefinitionError(DynamicOutputsError):
    """The Dag file asks for something impossible. The message ends with the line of the Dag file.

    Attributes:
        line: The author's file and line, ``my_dag.py, line 12``; ``None`` if there is none.
    """

    def __init__(self, message: str, **about: str | None) -> None:
        super().__init__(message, **about)
        frame = authors_frame()
        self.line = None if frame is None else self._line_of(frame)

    def raised_by(self, error: BaseException) -> DefinitionError:
        """Set the line to the author's line that raised another error, and return this error."""
        frame = authors_frame(error)
        self.line = self.line if frame is None else self._line_of(frame)
        return self

    @staticmethod
    def _line_of(frame: FrameType) -> str:
        return line_of(frame)

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} ({self.line})" if self.line else text


def line_of(frame: FrameType) -> str:
    """Return the file and the line of a frame, in the form of messages."""
    return f"{os.path.basename(frame.f_code.co_filename)}, line {frame.f_lineno}"


def authors_frame(error: BaseException | None = None) -> FrameType | None:
    """Return the innermost frame of the author's own code, or ``None`` if there is none.

    Args:
        error: The error whose traceback is searched. By default, the stack of the caller is searched.
    """
    # Airflow shows only the two innermost frames of an import error, which are never the author's.
    frame: FrameType | None = sys._getframe(1)
    traceback = None if error is None else error.__traceback__
    while traceback is not None:
        frame, traceback = traceback.tb_frame, traceback.tb_next
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("airflow.sdk.execution_time"):
            # A task is running. The frames from here on only started its process.
            return None
        if _is_authors(frame):
            return frame
        frame = frame.f_back
    return None


def is_asked_by_author() -> bool:
    """Return whether the author's own code called the method that calls this function."""
    return _is_authors(sys._getframe(2))


def _is_authors(frame: FrameType) -> bool:
    module, file = str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename
    return module.split(".")[0] not in _BETWEEN and not file.startswith("<") and not _is_pythons(file)


def _is_pythons(file: str) -> bool:
    # Functions of ``copy``, ``statistics`` and other modules may call back.
    return file.startswith(_PYTHONS) and "site-packages" not in file


class DeclarationError(DefinitionError, ValueError):
    """A declaration or a decorator argument is wrong."""


class HandleUsageError(DefinitionError, TypeError):
    """A handle was used as if it were the value that it stands for."""


class MapFunctionError(DefinitionError, TypeError):
    """The function given to ``map`` did or returned something that cannot be cloned for each key."""


class WorkflowError(DefinitionError):
    """A dynamic workflow asks for something impossible. The message ends with the line and its source.

    Attributes:
        line: The author's file and line with its source, ``my_dag.py, line 12: if count > 3:``.
    """

    @staticmethod
    def _line_of(frame: FrameType) -> str:
        # People who read a task's log do not see the Dag file.
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()
        return DefinitionError._line_of(frame) + (f": {source}" if source else "")


class PromiseUsageError(WorkflowError, TypeError):
    """A promise was used as if it were the value that it stands for."""


class WorkflowCallError(WorkflowError, TypeError):
    """The body of a dynamic workflow calls, passes or returns something that cannot be part of a plan."""


class UnknownKindError(WorkflowError, LookupError):
    """The Dag file has no task with the function or the settings of a call."""


class NodeNameError(WorkflowError, ValueError):
    """A node's name is refused, or two nodes of one body have the same name."""


class NodeCycleError(WorkflowError, ValueError):
    """Nodes wait for one another in a cycle."""


class TooManyNodesError(WorkflowError, ValueError):
    """A plan has more nodes than ``max_nodes``, or its workflows call one another too deeply."""


class OutputError(DynamicOutputsError):
    """A running task broke its declaration. The message ends with the author's line.

    Attributes:
        line: The author's file and line that produced the output, ``my_dag.py, line 12``; ``None`` if it is
            not known.
    """

    line: str | None = None

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} ({self.line})" if self.line else text


class InvalidMappingKeyError(OutputError, ValueError):
    """A mapping key is not a non-empty ``str`` of at most 250 characters without control characters."""


class DuplicateMappingKeyError(OutputError, ValueError):
    """Two dynamic outputs of one task run have the same mapping key."""


class InvalidMetadataError(OutputError, ValueError):
    """A metadata label or value cannot be stored."""


class UnexpectedOutputError(OutputError, TypeError):
    """A task yielded or returned something that is not one of its declared outputs."""


class MissingOutputError(OutputError, LookupError):
    """A required output was not produced."""


class OutputTypeError(OutputError, TypeError):
    """A value does not have the type that its output declares."""


class UnstorableOutputError(OutputError, TypeError):
    """XCom cannot carry a value."""


class TooManyOutputsError(OutputError, ValueError):
    """A task produced more keys than Airflow is configured to map."""


class NoSuchCaseError(DynamicOutputsError, ValueError):
    """The values of a conditional have no case, or the case in which the program fails."""


class SecretNotFoundError(DynamicOutputsError, ValueError):
    """A secret is neither in Airflow nor in the environment."""


class UncacheableInputError(DynamicOutputsError, TypeError):
    """An argument of a cached task has nothing that identifies it in another run."""


class LocalRunError(DynamicOutputsError, RuntimeError):
    """A Dag cannot run in plain Python, because a task needs what only a running Airflow has."""


class KeysFailedError(DynamicOutputsError, RuntimeError):
    """Keys of a batch failed. The keys that succeeded keep their results.

    Attributes:
        decision: The `airflow.sdk.RetryDecision` that the task's retry policy leads to, if the task has one.
    """

    decision: Any = None


class ReadError(DynamicOutputsError):
    """Data that another task should have stored is missing, outdated or of an unknown form."""


class CollectError(ReadError, LookupError):
    """A collection cannot be complete."""


class TooFewSuccessesError(ReadError, LookupError):
    """Fewer keys succeeded than ``min_success_ratio`` requires."""


class KeyMismatchError(ReadError, LookupError):
    """A strict zip found keys that only one side has."""


class SelectionError(ReadError, LookupError):
    """A promise was indexed with a key or position that the value does not have."""


class ParameterTypeError(ReadError, TypeError):
    """A value that arrives at a task is not what the annotation of the parameter says."""


class StaleKeyError(ReadError, LookupError):
    """A clone, or the value that it reads, belongs to another attempt of the producing task."""


class StaleNodeError(ReadError, LookupError):
    """A node of a workflow stored no value, or a value that is not current."""


class PlanMismatchError(ReadError, ValueError):
    """A planning task ran again and planned other nodes than those that have run."""


class UnknownNameError(ReadError, LookupError):
    """A Dag, run, workflow, key or node that a command names does not exist."""


class AmbiguousNameError(ReadError, LookupError):
    """A name in a command matches several keys, or several dynamic outputs."""


class LayoutError(ReadError, ValueError):
    """A stored value has a version or a shape that this release does not know."""
