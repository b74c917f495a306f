"""Every error of the package.

    DynamicOutputsError
    ├── DefinitionError              the Dag file is wrong; raised while it is parsed
    │   ├── DeclarationError         an ``Out`` or ``DynamicOut``, or a decorator argument   (ValueError)
    │   ├── HandleUsageError         a handle used for what it is not                        (TypeError)
    │   ├── MapFunctionError         what a mapped function did or returned                  (TypeError)
    │   └── WorkflowError            a dynamic workflow; raised while it is decorated or planned
    │       ├── PromiseUsageError    a promise used as the value that it stands for          (TypeError)
    │       ├── WorkflowCallError    a call in the body that cannot become a node            (TypeError)
    │       ├── UnknownKindError     a call of something that the Dag file does not name     (LookupError)
    │       ├── NodeNameError        a node's name that is refused, or that two nodes have   (ValueError)
    │       ├── NodeCycleError       nodes that wait for one another                         (ValueError)
    │       └── TooManyNodesError    more nodes, or deeper recursion, than a plan may have   (ValueError)
    ├── OutputError                  a task broke what it declared; raised while it runs
    │   ├── InvalidMappingKeyError   empty, too long, not text, control characters           (ValueError)
    │   ├── DuplicateMappingKeyError two outputs with one key                                (ValueError)
    │   ├── InvalidMetadataError     a metadata label or value that cannot be stored         (ValueError)
    │   ├── UnexpectedOutputError    something that is not a declared output                 (TypeError)
    │   ├── MissingOutputError       a required output that never came                       (LookupError)
    │   ├── OutputTypeError          a value that is not of the declared type                (TypeError)
    │   ├── UnstorableOutputError    a value that XCom cannot carry                          (TypeError)
    │   └── TooManyOutputsError      more keys than Airflow may map                          (ValueError)
    └── ReadError                    what another task should have stored is not usable
        ├── CollectError             a collection that cannot be complete                    (LookupError)
        ├── TooFewSuccessesError     fewer keys succeeded than the collector demands         (LookupError)
        ├── KeyMismatchError         a strict zip of outputs with different keys             (LookupError)
        ├── SelectionError           a part of a node's output that is not there             (LookupError)
        ├── StaleKeyError            a clone's key is no longer, or not yet, the current one (LookupError)
        ├── StaleNodeError           a node has left no value, or one that is not current    (LookupError)
        ├── PlanMismatchError        a workflow planned again is not what has run            (ValueError)
        ├── UnknownNameError         what a command names is not there                       (LookupError)
        ├── AmbiguousNameError       what a command names is there more than once            (LookupError)
        └── LayoutError              stored JSON of an unknown version or shape              (ValueError)

Every error carries the task, the output, the key and the remedy as attributes (each may be ``None``) and
puts them into its text, so a handler can branch on them without parsing.
"""

from __future__ import annotations

import linecache
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

# Code of these packages is not the author's: Airflow, this package, and what calls functions in between.
_BETWEEN = frozenset({"airflow", "airflow_dynamic_provider", "attr", "attrs", "contextlib", "functools"})

# Where Python's own modules are.
_PYTHONS = os.path.dirname(os.__file__) + os.sep


class DynamicOutputsError(Exception):
    """The root of the package's errors.

    Args:
        message: What is wrong and what was received, without a closing full stop.
        task_id: The task it is about.
        output_name: The output it is about.
        mapping_key: The mapping key it is about, ``outer/inner`` for a path.
        remedy: What to do, a full sentence.
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
        """Fill in what the place that raised could not know, keep what it knew, and return the error."""
        self.task_id = self.task_id if self.task_id is not None else task_id
        self.output_name = self.output_name if self.output_name is not None else output_name
        self.mapping_key = self.mapping_key if self.mapping_key is not None else mapping_key
        return self


class DefinitionError(DynamicOutputsError):
    """The Dag file asks for something that cannot be. Its text ends in the line of the Dag file.

    Attributes:
        line: The author's file and line, ``my_dag.py, line 12``; ``None`` where there is none.
    """

    def __init__(self, message: str, **about: str | None) -> None:
        super().__init__(message, **about)
        frame = authors_frame()
        self.line = None if frame is None else self._line_of(frame)

    def raised_by(self, error: BaseException) -> DefinitionError:
        """Name the line of the author's that raised another error, and return this one."""
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
    """Return the file and the line at which a frame is, as messages name them."""
    return f"{os.path.basename(frame.f_code.co_filename)}, line {frame.f_lineno}"


def authors_frame(error: BaseException | None = None) -> FrameType | None:
    """Return the innermost frame of the author's own code, ``None`` where there is none.

    Args:
        error: Where to look: the code that raised it; the code that calls, by default.
    """
    # Airflow shows the two innermost frames of an import error only, and those are never the author's.
    frame: FrameType | None = sys._getframe(1)
    traceback = None if error is None else error.__traceback__
    while traceback is not None:
        frame, traceback = traceback.tb_frame, traceback.tb_next
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("airflow.sdk.execution_time"):
            # A task runs: beyond here is how its process was started, and no Dag file.
            return None
        if _is_authors(frame):
            return frame
        frame = frame.f_back
    return None


def is_asked_by_author() -> bool:
    """Whether it is the author's own code that called the method from which this is asked."""
    return _is_authors(sys._getframe(2))


def _is_authors(frame: FrameType) -> bool:
    module, file = str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename
    return module.split(".")[0] not in _BETWEEN and not file.startswith("<") and not _is_pythons(file)


def _is_pythons(file: str) -> bool:
    # What the author calls may call back: ``copy``, ``statistics`` and the like.
    return file.startswith(_PYTHONS) and "site-packages" not in file


class DeclarationError(DefinitionError, ValueError):
    """A declaration or a decorator argument is wrong."""


class HandleUsageError(DefinitionError, TypeError):
    """A handle was used as if it were the value it stands for."""


class MapFunctionError(DefinitionError, TypeError):
    """The function given to ``map`` did or returned something that cannot be cloned per key."""


class WorkflowError(DefinitionError):
    """A dynamic workflow asks for something that cannot be. Its text ends in the line and its source.

    Attributes:
        line: The author's file and line with what stands there, ``my_dag.py, line 12: if count > 3:``.
    """

    @staticmethod
    def _line_of(frame: FrameType) -> str:
        # A task's log is read far from the Dag file.
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno, frame.f_globals).strip()
        return DefinitionError._line_of(frame) + (f": {source}" if source else "")


class PromiseUsageError(WorkflowError, TypeError):
    """A promise was used as if it were the value that it stands for."""


class WorkflowCallError(WorkflowError, TypeError):
    """The body of a dynamic workflow calls, passes or returns what cannot be part of a plan."""


class UnknownKindError(WorkflowError, LookupError):
    """A call needs settings, or a task, for which the Dag file has no task to run it."""


class NodeNameError(WorkflowError, ValueError):
    """A node's name is refused, or two nodes of one body have it."""


class NodeCycleError(WorkflowError, ValueError):
    """Nodes wait for one another in a ring."""


class TooManyNodesError(WorkflowError, ValueError):
    """A plan has more nodes than ``max_nodes``, or workflows that call one another too deep."""


class OutputError(DynamicOutputsError):
    """A running task produced something else than it declared. Its text ends in the author's line.

    Attributes:
        line: The author's file and line, ``my_dag.py, line 12``, that yielded it; ``None`` where it is not
            known.
    """

    line: str | None = None

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} ({self.line})" if self.line else text


class InvalidMappingKeyError(OutputError, ValueError):
    """A mapping key is not a non-empty text of at most 250 characters without control characters."""


class DuplicateMappingKeyError(OutputError, ValueError):
    """Two dynamic outputs of one task run have the same mapping key."""


class InvalidMetadataError(OutputError, ValueError):
    """A metadata label or value cannot be stored."""


class UnexpectedOutputError(OutputError, TypeError):
    """A task yielded or returned something that is not one of its declared outputs."""


class MissingOutputError(OutputError, LookupError):
    """A required output was never produced."""


class OutputTypeError(OutputError, TypeError):
    """A value is not of the type that its output declares."""


class UnstorableOutputError(OutputError, TypeError):
    """XCom cannot carry a value."""


class TooManyOutputsError(OutputError, ValueError):
    """A task produced more keys than Airflow is configured to map."""


class ReadError(DynamicOutputsError):
    """What another task should have stored is missing, outdated or of an unknown form."""


class CollectError(ReadError, LookupError):
    """A collection cannot be complete."""


class TooFewSuccessesError(ReadError, LookupError):
    """Fewer keys succeeded than ``min_success_ratio`` demands."""


class KeyMismatchError(ReadError, LookupError):
    """A strict zip found keys that only one side has."""


class SelectionError(ReadError, LookupError):
    """A promise was indexed by something that the value does not have."""


class StaleKeyError(ReadError, LookupError):
    """A clone, or the value it asks for, belongs to another attempt of the producing task."""


class StaleNodeError(ReadError, LookupError):
    """A node of a workflow has left no value, or one that is not current."""


class PlanMismatchError(ReadError, ValueError):
    """A planning task that runs again plans other nodes than those that have run."""


class UnknownNameError(ReadError, LookupError):
    """There is no such Dag, run, workflow, key or node as a command names."""


class AmbiguousNameError(ReadError, LookupError):
    """What a command names may be one of several keys, or of several dynamic outputs."""


class LayoutError(ReadError, ValueError):
    """A stored value has a version or a shape that this release does not know."""
