"""DataFrames of pandas, arrays of numpy and ``StructuredDataset``: files that travel between tasks."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.dags_from.flyte import hashes, storing
from airflow_dynamic_provider.dags_from.flyte.contexts import in_working_directory
from airflow_dynamic_provider.dags_from.flyte.places import ByPlace


class StructuredDataset:
    """A table that travels between tasks as a Parquet file.

    Args:
        dataframe: A DataFrame of pandas.
        uri: The place of a table that is already stored.
        file_format: Only Parquet.
    """

    def __init__(self, dataframe: Any = None, uri: str | None = None, file_format: str = "parquet") -> None:
        if file_format not in ("", "parquet"):
            raise ValueError(f"file_format={file_format!r} is not supported, only 'parquet' is")
        self.dataframe = dataframe
        self.uri = uri
        self._kind: Any = None

    def open(self, kind: Any) -> StructuredDataset:
        """Say as which class the table is read."""
        self._kind = kind
        return self

    def all(self) -> Any:
        """Return the whole table."""
        if self.dataframe is None:
            self.dataframe = _load_frame(self.uri)
        return self.dataframe

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return ByPlace(cls._to_place, lambda place: cls(uri=place)).__get_pydantic_core_schema__(
            source, handler
        )

    def _to_place(self) -> str:
        if self.uri is None or not storing.lasts(self.uri):
            self.uri = _dump_frame(self.all())
        return self.uri


def _dump_frame(frame: Any) -> str:
    path = in_working_directory("table.parquet")
    frame.to_parquet(path)
    return storing.upload(str(path), storing.new_place(path.name))


def _load_frame(place: Any) -> Any:
    import pandas

    return pandas.read_parquet(storing.download(place))


def _dump_array(array: Any) -> str:
    import numpy

    path = in_working_directory("array.npy")
    numpy.save(path, array, allow_pickle=False)
    return storing.upload(str(path), storing.new_place(path.name))


def _load_array(place: Any) -> Any:
    import numpy

    return numpy.load(storing.download(place), allow_pickle=False)


def stored(name: str, method: Any = None) -> ByPlace:
    """Return what tells pydantic to store the objects of a class as files.

    Args:
        name: The name of the class, as in ``pandas.DataFrame``.
        method: The `HashMethod` that says what of them counts for cached tasks, if there is one.
    """
    write, read = _FORMS[name]

    def dump(value: Any) -> str:
        place = write(value)
        return place if method is None else hashes.tagged(place, method.digest(value))

    return ByPlace(dump, lambda place: read(hashes.place_of(place)))


_FORMS = {
    "pandas.DataFrame": (_dump_frame, _load_frame),
    "numpy.ndarray": (_dump_array, _load_array),
}
