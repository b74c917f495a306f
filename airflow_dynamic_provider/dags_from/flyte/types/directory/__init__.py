"""The names of ``flytekit.types.directory``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.files import FlyteDirectory, of_kind

TensorboardLogs = of_kind(FlyteDirectory, "tensorboard")
TFRecordsDirectory = of_kind(FlyteDirectory, "tfrecords_dir")

__all__ = ["FlyteDirectory", "TFRecordsDirectory", "TensorboardLogs"]
