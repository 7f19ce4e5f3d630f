"""The printed scores of the paper whose experiments are reproduced, and their inconsistencies.

Li Z., Li S. S. and Ge X. Q. (2023), Transfer learning method for landslide extraction from GF-1
images after the Wenchuan earthquake, National Remote Sensing Bulletin 27(8): 1866-1875,
doi 10.11834/jrs.20211020. Percent throughout, as printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

DOI = "10.11834/jrs.20211020"
CITATION = (
    "Li Z., Li S. S. and Ge X. Q. (2023), National Remote Sensing Bulletin 27(8): 1866-1875, "
    f"doi {DOI}"
)
DATES = ("2013-08-12", "2014-10-02", "2015-08-05")
MEASURES = ("precision", "recall", "f1")
_WORDS = {"precision": "precision", "recall": "recall", "f1": "F1"}


class PaperMethod(StrEnum):
    """The methods that the paper compares; the last is its own."""

    SVM = "SVM"
    UNET = "improved U-Net"
    LINKNET = "LinkNet, encoder not transferred"
    ALBUNET = "AlbuNet"
    TRANSFERRED = "LinkNet, encoder transferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperScores:
    """Precision, recall and F1 of one method on one date, in percent with two decimals."""

    precision: Decimal
    recall: Decimal
    f1: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedGain:
    """The gain that the paper states for its method, over all dates or on one."""

    over: PaperMethod
    measure: str
    gain: Decimal
    where: str
    date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperCheck:
    """A printed number beside the one that follows from other printed numbers.

    ``low`` to ``high`` is the range that follows from the others, each of them rounded.
    """

    what: str
    printed: Decimal
    computed: Decimal
    low: Decimal
    high: Decimal
    how: str

    @property
    def agrees(self) -> bool:
        """Whether the printed number, itself rounded, may be in the range."""
        half = _half_unit(self.printed)
        return self.low - half <= self.printed <= self.high + half

    @property
    def sentence(self) -> str:
        """The check in words."""
        verdict = "which agrees" if self.agrees else "which disagrees"
        return f"{self.what} is printed as {self.printed}; {self.how} {self.computed}, {verdict}."


def _printed(text: str) -> PaperScores:
    precision, recall, f1 = (Decimal(part) for part in text.split(" / "))
    return PaperScores(precision=precision, recall=recall, f1=f1)


def _row(*texts: str) -> dict[str, PaperScores]:
    return {date: _printed(text) for date, text in zip(DATES, texts, strict=True)}


ENCODERS: Mapping[str, PaperScores] = {
    "resnet34": _printed("80.76 / 84.17 / 82.43"),
    "resnet50": _printed("81.96 / 85.33 / 83.61"),
    "resnet101": _printed("80.53 / 86.09 / 83.22"),
}
"""Its table 3, of 2013-08-12: the transferred LinkNet by encoder."""

METHODS: Mapping[PaperMethod, Mapping[str, PaperScores]] = {
    PaperMethod.SVM: _row(
        "63.63 / 75.91 / 70.97", "59.21 / 61.67 / 60.41", "63.01 / 60.10 / 61.52"
    ),
    PaperMethod.UNET: _row(
        "79.30 / 81.14 / 80.21", "71.05 / 77.98 / 74.35", "79.29 / 75.03 / 77.10"
    ),
    PaperMethod.LINKNET: _row(
        "76.33 / 84.00 / 79.98", "69.86 / 80.19 / 74.67", "78.55 / 76.30 / 77.40"
    ),
    PaperMethod.ALBUNET: _row(
        "79.94 / 84.30 / 82.06", "73.02 / 83.48 / 77.90", "81.73 / 79.70 / 80.70"
    ),
    PaperMethod.TRANSFERRED: _row(
        "81.96 / 85.33 / 83.61", "73.97 / 86.05 / 79.74", "81.45 / 82.04 / 81.74"
    ),
}
"""Its tables 4 and 5: methods by date."""


def _gains(over: PaperMethod, *figures: str) -> tuple[StatedGain, ...]:
    return tuple(
        StatedGain(over=over, measure=measure, gain=Decimal(figure), where="abstract")
        for measure, figure in zip(MEASURES, figures, strict=True)
    )


def _by_date(over: PaperMethod, *figures: str) -> tuple[StatedGain, ...]:
    return tuple(
        StatedGain(over=over, measure="f1", gain=Decimal(figure), where="text", date=date)
        for date, figure in zip(DATES, figures, strict=True)
    )


GAINS: tuple[StatedGain, ...] = (
    *_gains(PaperMethod.SVM, "17.16", "18.58", "17.4"),
    *_gains(PaperMethod.UNET, "2.98", "6.35", "4.61"),
    *_gains(PaperMethod.ALBUNET, "0.9", "1.98", "1.48"),
    *_by_date(PaperMethod.LINKNET, "3.63", "5.07", "4.34"),
    *_by_date(PaperMethod.UNET, "3.4", "5.39", "4.64"),
    *_by_date(PaperMethod.ALBUNET, "1.55", "1.84", "1.04"),
)
"""Gains of the transferred LinkNet in its abstract and text, in percentage points."""


def _half_unit(figure: Decimal) -> Decimal:
    """Return half a unit of a printed number's last digit, the largest rounding error."""
    exponent = figure.as_tuple().exponent
    return Decimal(1).scaleb(int(exponent)) / 2


def checks() -> tuple[PaperCheck, ...]:
    """Check every F1 against its precision and recall, and every stated gain against the tables."""
    by_encoder = (
        f1_check(f"The F1 of {encoder} in table 3", printed)
        for encoder, printed in ENCODERS.items()
    )
    by_date = (
        f1_check(f"The F1 of {method.value} on {date}", printed)
        for method, dates in METHODS.items()
        for date, printed in dates.items()
    )
    return (*by_encoder, *by_date, *(_gain_check(gain) for gain in GAINS))


def disagreements() -> tuple[PaperCheck, ...]:
    """Return the checks that rounding cannot explain."""
    return tuple(check for check in checks() if not check.agrees)


def f1_check(what: str, printed: PaperScores) -> PaperCheck:
    """Check an F1 = 2 P R / (P + R) against its precision and recall.

    It rises with both, so that its range follows from their ends.
    """
    ends = (
        (
            printed.precision + side * _half_unit(printed.precision),
            printed.recall + side * _half_unit(printed.recall),
        )
        for side in (-1, 0, 1)
    )
    low, middle, high = (2 * p * r / (p + r) for p, r in ends)
    return PaperCheck(
        what=what,
        printed=printed.f1,
        computed=_two_decimals(middle),
        low=low,
        high=high,
        how=f"its precision {printed.precision} and recall {printed.recall} give",
    )


def _gain_check(stated: StatedGain) -> PaperCheck:
    dates = DATES if stated.date is None else (stated.date,)
    best, other = METHODS[PaperMethod.TRANSFERRED], METHODS[stated.over]
    pairs = [
        (getattr(best[at], stated.measure), getattr(other[at], stated.measure)) for at in dates
    ]
    mean = sum((ours - theirs for ours, theirs in pairs), Decimal(0)) / len(pairs)
    slack = sum((_half_unit(ours) + _half_unit(theirs) for ours, theirs in pairs), Decimal(0))
    slack /= len(pairs)
    over = f"The gain in {_WORDS[stated.measure]} over {stated.over.value} in the {stated.where}"
    return PaperCheck(
        what=over if stated.date is None else f"{over}, {stated.date},",
        printed=stated.gain,
        computed=_two_decimals(mean),
        low=mean - slack,
        high=mean + slack,
        how="the tables' differences have the mean" if len(pairs) > 1 else "the tables give",
    )


def _two_decimals(figure: Decimal) -> Decimal:
    return figure.quantize(Decimal("0.01"))
