from types import SimpleNamespace
from typing import Any

import pytest

from landslip.core.choices import Language
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.review.improvement_record import ImprovementRecord


def better(beyond: IntervalEstimate) -> ImprovementRecord:
    """Return a record of F1 from 0.5 to 0.6, and what of it is beyond another threshold."""
    comparison: Any = SimpleNamespace(
        verdict="better",
        blocks=5,
        before=SimpleNamespace(f1=IntervalEstimate(value=0.5)),
        after=SimpleNamespace(f1=IntervalEstimate(value=0.6)),
        f1=IntervalEstimate(value=0.1, low=0.05, high=0.15),
    )
    known: dict[str, Any] = {"comparison": comparison, "beyond_threshold": beyond}
    return ImprovementRecord.model_construct(**known)


@pytest.mark.parametrize(
    ("low", "may_be_threshold"), [(0.01, False), (0.0, True), (-0.02, True), (None, False)]
)
@pytest.mark.parametrize("language", Language)
def test_a_gain_that_may_be_the_threshold_alone_is_told_as_such(
    low: float | None, may_be_threshold: bool, language: Language
) -> None:
    found = better(IntervalEstimate(value=0.034, low=low, high=0.07))
    text = found.note.text(language)
    assert found.may_be_threshold is may_be_threshold
    assert ("+0.034" in text) is may_be_threshold
    assert "0.500" in text
    assert "0.600" in text
