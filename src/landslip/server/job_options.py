"""Options of jobs: which there are of each kind, and what they may be."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from landslip.core.choices import (
    BufferSide,
    DemTime,
    Language,
    SampleAllocation,
    Tta,
    Units,
    Unreviewed,
)
from landslip.core.errors import InputError, excerpt

OptionValue = bool | int | float | str
_DATE = r"\d{4}-\d{2}-\d{2}"
_ID = r"[\w.~-]{1,64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A finite number within limits."""

    least: float
    most: float
    is_whole: bool = False

    def check(self, value: OptionValue) -> OptionValue:
        """Return the number.

        Raises:
            ValueError: it is none, or beyond the limits.
        """
        if isinstance(value, bool | str) or not math.isfinite(value):
            raise ValueError(self.rule)
        if not self.least <= value <= self.most or (self.is_whole and value != int(value)):
            raise ValueError(self.rule)
        return int(value) if self.is_whole else float(value)

    @property
    def rule(self) -> str:
        """The rule in words, for error messages."""
        kind = "a whole number" if self.is_whole else "a number"
        return f"{kind} from {self.least:,.10g} to {self.most:,.10g}"


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    rule = "true or false"

    def check(self, value: OptionValue) -> OptionValue:
        """Return the flag.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(value, bool):
            raise ValueError(self.rule)
        return value


@dataclass(frozen=True, slots=True)
class Words:
    """One of some words."""

    words: tuple[str, ...]

    def check(self, value: OptionValue) -> OptionValue:
        """Return the word.

        Raises:
            ValueError: it is none of them.
        """
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(self.rule)
        return value

    @property
    def rule(self) -> str:
        """The rule in words, for error messages."""
        return f"one of {', '.join(self.words)}"


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a form, such as a date; never a path."""

    pattern: str
    rule: str

    def check(self, value: OptionValue) -> OptionValue:
        """Return the text.

        Raises:
            ValueError: it is not of the form.
        """
        if not isinstance(value, str) or re.fullmatch(self.pattern, value) is None:
            raise ValueError(self.rule)
        return value


Option = Number | Flag | Words | Text

_FRACTION = Number(least=0, most=1)
_AREA_M2 = Number(least=0, most=1e9)
_SEED = Number(least=0, most=2**32 - 1, is_whole=True)
_RASTER_ID = Text(_ID, "the id of a raster of the workspace")
_LANGUAGE = Words(tuple(Language))
_REPORT: dict[str, Option] = {"report": Flag(), "lang": _LANGUAGE}
_TERRAIN: dict[str, Option] = {"dem_id": _RASTER_ID, "dem_time": Words(tuple(DemTime))}
_NAMES = r"[^\x00-\x1f\x7f/\\]{1,100}"

OPTIONS: Mapping[str, Mapping[str, Option]] = {
    "extract": {
        "threshold": _FRACTION,
        "min_area": _AREA_M2,
        "tta": Words(tuple(Tta)),
        "bands": Text(r"[\w ,+-]{1,200}", "names of bands with commas between them"),
        "units": Words(tuple(Units)),
        "nodata": Number(least=-1e9, most=1e9),
        "dem_id": _RASTER_ID,
        "before_id": _RASTER_ID,
        "force": Flag(),
    },
    "inventory": {
        "low": _FRACTION,
        "high": _FRACTION,
        "min_area": _AREA_M2,
        "max_shift": Number(least=0, most=1000),
        "smooth": Flag(),
        "split": Flag(),
        "date": Text(_DATE, "a date, YYYY-MM-DD"),
        "name": Text(_NAMES, "a name of at most 100 characters"),
        "seed": _SEED,
        **_TERRAIN,
        **_REPORT,
    },
    "corrected": {
        "unreviewed": Words(tuple(Unreviewed)),
        "min_area": _AREA_M2,
        "date": Text(_DATE, "a date, YYYY-MM-DD"),
        "name": Text(_NAMES, "a name of at most 100 characters"),
        **_TERRAIN,
        **_REPORT,
    },
    "report": {"lang": _LANGUAGE},
    "sample": {
        "size": Number(least=2, most=100_000, is_whole=True),
        "standard_error": Number(least=1e-4, most=0.499),
        "strata": Text(
            r"(landslide|background|buffer)(,(landslide|background|buffer)){1,2}",
            "landslide,background or landslide,background,buffer",
        ),
        "min_per_stratum": Number(least=2, most=100_000, is_whole=True),
        "allocation": Words(tuple(SampleAllocation)),
        "buffer_m": Number(least=1e-3, most=1e5),
        "buffer_side": Words(tuple(BufferSide)),
        "resolution": Number(least=1e-2, most=1000),
        "seed": _SEED,
    },
    "improve": {
        "epochs": Number(least=1, most=1000, is_whole=True),
        "learning_rate": Number(least=1e-7, most=0.1),
        "batch_size": Number(least=1, most=1024, is_whole=True),
        "folds": Number(least=2, most=20, is_whole=True),
        "seed": _SEED,
        "keep": Flag(),
        "dem_id": _RASTER_ID,
        "before_id": _RASTER_ID,
    },
}


def checked_options(kind: str, given: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    """Return the options of a job.

    Raises:
        InputError: the kind has no such option, or a value is not what it may be.
    """
    known, checked = OPTIONS[kind], {}
    for name, value in given.items():
        if name not in known:
            raise InputError(
                f"{kind} has no option {excerpt(name, 40)!r}; it has {', '.join(sorted(known))}"
            )
        try:
            checked[name] = known[name].check(value)
        except ValueError as error:
            raise InputError(
                f"{name} of {kind} is {error}; got {excerpt(repr(value), 60)}"
            ) from None
    return checked
