"""The JSON schemas of ``Config`` classes, as a run's config has their objects."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema


class ConfigSchema(GenerateJsonSchema):
    """Makes the JSON schema of a ``Config`` class."""

    def enum_schema(self, schema: Any) -> dict[str, Any]:
        """Return the names of an enum."""
        return {"enum": [each.name for each in schema["members"]]}

    def tagged_union_schema(self, schema: Any) -> dict[str, Any]:
        """Return the schema of an object under its tag. The task itself refuses a tag that there is not."""
        return {"type": "object", "minProperties": 1}
