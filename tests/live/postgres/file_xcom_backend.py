"""A custom XCom backend like those of deployments: values go into files, and XCom holds their paths."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom

#: The environment variable with the folder of the files.
FOLDER = "FILE_XCOM_BACKEND_FOLDER"

#: The XComs of this Dag go into files. All others go where Airflow puts them.
DAG_ID = "stored_by_reference"

PREFIX = "file://"


class FileXCom(BaseXCom):
    """Writes each value of one Dag into a file."""

    @staticmethod
    def serialize_value(value: Any, *, dag_id: str | None = None, **others: Any) -> str:
        """Write the value, and return the path of the file."""
        serialized = BaseXCom.serialize_value(value, dag_id=dag_id, **others)
        if dag_id != DAG_ID:
            return serialized
        path = Path(os.environ[FOLDER]) / f"{uuid.uuid4()}.json"
        path.write_text(json.dumps(serialized))
        return f"{PREFIX}{path}"

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """Read the file."""
        if isinstance(result.value, str) and result.value.startswith(PREFIX):
            result = SimpleNamespace(value=read(result.value))
        return BaseXCom.deserialize_value(result)


def read(address: str) -> Any:
    """Return the content of a file."""
    return json.loads(Path(address.removeprefix(PREFIX)).read_text())
