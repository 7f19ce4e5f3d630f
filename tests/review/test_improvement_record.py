import pytest

from landslip.core.choices import Language
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.models.card import ParentModelCard
from landslip.review.ground_tiles import GroundSummary
from landslip.review.improvement_record import ImprovementRecord
from landslip.review.model_comparison import ComparisonVerdict, ModelComparison, ModelScores

NO_INTERVAL = IntervalEstimate(value=0.1)


def scores(f1: float) -> ModelScores:
    value = IntervalEstimate(value=f1)
    return ModelScores(
        threshold=0.5,
        f1=value,
        precision=value,
        recall=value,
        average_precision=value,
        landslides=9,
        detected=8,
        found=10,
        false=2,
    )


def record_of(
    verdict: ComparisonVerdict, low: float, average: IntervalEstimate
) -> ImprovementRecord:
    """Return a record of F1 from 0.5 to 0.6, with the lower end of the difference's interval."""
    return ImprovementRecord(
        started_from=ParentModelCard(name="model", weights_sha256="0" * 64),
        reviews=(),
        ground=GroundSummary(
            scenes=1,
            landslides=9,
            rejected=3,
            unjudged=0,
            cells=4,
            tiles=20,
            blocks=5,
            landslide_blocks=5,
            labelled_km2=1.0,
            landslide_share=0.1,
        ),
        own_tiles=0,
        folds=3,
        settings={},
        seed=0,
        comparison=ModelComparison(
            before=scores(0.5),
            after=scores(0.6),
            f1=IntervalEstimate(value=0.1, low=low, high=0.15),
            average_precision=average,
            p_value=0.1,
            tiles=20,
            blocks=5,
            verdict=verdict,
        ),
        beyond_threshold=NO_INTERVAL,
    )


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
        ("F1 alone", 0.05, NO_INTERVAL, "warning.improvement_unranked"),
        ("not distinguishable", -0.05, NO_INTERVAL, "warning.improvement_undecided"),
        ("worse", -0.2, NO_INTERVAL, "warning.improvement_worse"),
    ],
    ids=["better", "F1 alone", "no interval of average precision", "undecided", "worse"],
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
