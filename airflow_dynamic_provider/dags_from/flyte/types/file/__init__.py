"""The names of ``flytekit.types.file``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.files import FlyteFile, of_kind

CSVFile = of_kind(FlyteFile, "csv")
HDF5EncodedFile = of_kind(FlyteFile, "hdf5")
HTMLPage = of_kind(FlyteFile, "html")
JPEGImageFile = of_kind(FlyteFile, "jpeg")
JoblibSerializedFile = of_kind(FlyteFile, "joblib")
JSONLFile = of_kind(FlyteFile, "jsonl")
PDFFile = of_kind(FlyteFile, "pdf")
PNGImageFile = of_kind(FlyteFile, "png")
PythonNotebook = of_kind(FlyteFile, "ipynb")
PythonPickledFile = of_kind(FlyteFile, "python_pickle")
SVGImageFile = of_kind(FlyteFile, "svg")

__all__ = [
    "CSVFile",
    "FlyteFile",
    "HDF5EncodedFile",
    "HTMLPage",
    "JPEGImageFile",
    "JSONLFile",
    "JoblibSerializedFile",
    "PDFFile",
    "PNGImageFile",
    "PythonNotebook",
    "PythonPickledFile",
    "SVGImageFile",
]
