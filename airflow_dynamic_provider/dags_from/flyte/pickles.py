"""Objects that only pickle can store, such as models. Only where the deployment allows it.

Reading a pickle runs the code in it. So only files below ``[dynamic_outputs] files_path`` are read, and only
for an input whose annotation is the class itself.
"""

from __future__ import annotations

import pickle
from typing import Any

from airflow_dynamic_provider.airflow_adapter.configuration import SECTION, conf
from airflow_dynamic_provider.dags_from.flyte import storing
from airflow_dynamic_provider.dags_from.flyte.contexts import in_working_directory
from airflow_dynamic_provider.dags_from.flyte.places import ByPlace

_OPTION = "allow_pickle"

# The name of each file, by which the reader knows that it is one.
_NAME = "object.pickle"


def is_allowed() -> bool:
    """Whether the deployment allows pickled objects."""
    return bool(conf.getboolean(SECTION, _OPTION, fallback=False))


def _refuse_unless_allowed() -> None:
    if not is_allowed():
        raise ValueError(f"it is pickled, which [{SECTION}] {_OPTION} does not allow")


def pickled(kind: type) -> ByPlace:
    """Return what tells pydantic to pickle the objects of a class into files."""

    def load(place: Any) -> Any:
        _refuse_unless_allowed()
        if not storing.is_own(place, _NAME):
            raise ValueError("it is not the place of an object that a task has pickled")
        with storing.open_at(place, "rb") as file:
            found = pickle.load(file)
        if not isinstance(found, kind):
            raise ValueError(f"the pickle contains an object of type {type(found).__name__}")
        return found

    return ByPlace(_dump, load)


def _dump(value: Any) -> str:
    _refuse_unless_allowed()
    path = in_working_directory(_NAME)
    path.write_bytes(pickle.dumps(value))
    return storing.upload(str(path), storing.new_place(_NAME))
