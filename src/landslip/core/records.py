"""Records: what is read from and written to JSON and YAML."""

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class StrictModel(BaseModel):
    """A pydantic model that refuses unknown keys, takes no truth value for a number, is frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _is_number(cls, value: Any, field: ValidationInfo) -> Any:
        if isinstance(value, bool):
            annotation = cls.model_fields[field.field_name or ""].annotation
            kinds = {annotation, *get_args(annotation)}
            if kinds & {int, float} and not kinds & {bool, Any}:
                raise ValueError("a number is needed, no truth value")
        return value
