from types import SimpleNamespace
from typing import Any

import pytest

from landslip.core.choices import Language
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.review.improvement_record import ImprovementRecord
from landslip.review.model_comparison import ComparisonVerdict

NO_INTERVAL = IntervalEstimate(value=0.1)


def record_of(
    verdict: ComparisonVerdict, low: float, average: IntervalEstimate
) -> ImprovementRecord:
    """Return a record of F1 from 0.5 to 0.6, with the lower end of the difference's interval."""
    comparison: Any = SimpleNamespace(
        verdict=verdict,
        blocks=5,
        before=SimpleNamespace(f1=IntervalEstimate(value=0.5)),
        after=SimpleNamespace(f1=IntervalEstimate(value=0.6)),
        f1=IntervalEstimate(value=0.1, low=low, high=0.15),
        average_precision=average,
    )
    return ImprovementRecord.model_construct(comparison=comparison)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(
    ("verdict", "low", "average", "key"),
    [
        ("better", 0.05, IntervalEstimate(value=0.1, low=0.01, high=0.2), "improvement.better"),
        (
            "F1 alone",
            0.05,
            IntervalEstimate(value=0.0, low=-0.01, high=0.02),
            "warning.improvement_f1_alone",
        ),
        ("F1 alone", 0.05, NO_INTERVAL, "warning.improvement_undecided"),
        ("not distinguishable", -0.05, NO_INTERVAL, "warning.improvement_undecided"),
        ("worse", -0.2, NO_INTERVAL, "warning.improvement_worse"),
    ],
    ids=["better", "F1 alone", "F1 alone of one block", "undecided", "worse"],
)
def test_the_sentence_is_that_of_the_verdict(
    verdict: ComparisonVerdict, low: float, average: IntervalEstimate, key: str, language: Language
) -> None:
    found = record_of(verdict, low, average)
    assert found.note.key == key
    assert found.is_better is (key == "improvement.better")
    text = found.note.text(language)
    assert "0.500" in text
    assert "0.600" in text
    if average.low is not None:
        assert f"{average.low:+.3f}" in text
