"""Records: what is read from and written to JSON and YAML."""

from typing import Annotated, Any, get_args

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator


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


def _is_number_type(name: str) -> str:
    try:
        is_number = np.dtype(name).kind in "iuf"
    except TypeError:
        is_number = False
    if not is_number:
        raise ValueError("a type of numbers is needed, such as uint16")
    return name


DType = Annotated[str, AfterValidator(_is_number_type)]
"""NumPy's name of a type of numbers, such as ``uint16``."""
