"""The JSON schema of alerting.yaml, for editors that complete and check while one writes.

Belongs here: the schema. Does not belong here: reading the file (see `alerting`).
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from cbcr_assets.config.alerting import PolicyFile


class _AsWritten(GenerateJsonSchema):
    """Values that a validator reads out of text are written as text."""

    def is_instance_schema(self, schema: core_schema.IsInstanceSchema) -> JsonSchemaValue:
        """Return the schema of a value that is read by its own validator."""
        return {"type": "string", "title": schema["cls"].__name__}

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Return the schema of a value that is read by its own validator."""
        return {"type": "string", "title": schema["cls"].__name__}

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:  # noqa: ARG002
        """Return the schema of a moment: with or without a time of day."""
        return {"type": "string"}


def policy_schema() -> dict[str, Any]:
    """Return the JSON schema of alerting.yaml."""
    schema = PolicyFile.model_json_schema(by_alias=True, schema_generator=_AsWritten)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "CBCR alerting policy",
    }
