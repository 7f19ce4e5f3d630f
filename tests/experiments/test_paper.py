"""The paper's printed figures and the finder of those that disagree."""

from decimal import Decimal

import pytest

from landslip.experiments.paper import (
    METHODS,
    PaperCheck,
    PaperMethod,
    PaperScores,
    checks,
    disagreements,
    f1_check,
)


def printed(precision: str, recall: str, f1: str) -> PaperScores:
    return PaperScores(precision=Decimal(precision), recall=Decimal(recall), f1=Decimal(f1))


def of(what: str) -> PaperCheck:
    (found,) = (check for check in checks() if check.what == what)
    return found


def test_the_printed_figures_that_cannot_be_right_together_are_found() -> None:
    found = {check.what: (str(check.printed), str(check.computed)) for check in disagreements()}
    assert found == {
        "The F1 of SVM on 2013-08-12": ("70.97", "69.23"),
        "The F1 of LinkNet, encoder transferred on 2014-10-02": ("79.74", "79.55"),
        "The gain in precision over SVM in the abstract": ("17.16", "17.18"),
        "The gain in precision over improved U-Net in the abstract": ("2.98", "2.58"),
        "The gain in recall over improved U-Net in the abstract": ("6.35", "6.42"),
        "The gain in F1 over improved U-Net in the abstract": ("4.61", "4.48"),
    }


def test_the_gain_over_the_svm_is_the_mean_of_the_printed_differences() -> None:
    ours, svm = METHODS[PaperMethod.TRANSFERRED], METHODS[PaperMethod.SVM]
    mean = sum(ours[date].f1 - svm[date].f1 for date in ours) / 3
    assert round(mean, 1) == Decimal("17.4")
    assert of("The gain in F1 over SVM in the abstract").agrees


@pytest.mark.parametrize(
    ("f1", "agrees"),
    [
        # 2 P R / (P + R) of 77.41 where both are rounded: from 77.400 to 77.410, printed +- 0.005
        ("77.39", False),
        ("77.40", True),
        ("77.41", True),
        ("77.42", False),
    ],
)
def test_rounding_alone_is_no_disagreement(f1: str, agrees: bool) -> None:
    check = f1_check("F1", printed("78.55", "76.30", f1))
    assert float(check.low) == pytest.approx(2 * 78.545 * 76.295 / (78.545 + 76.295))
    assert check.agrees is agrees


def test_a_figure_printed_with_one_decimal_may_be_off_by_more() -> None:
    gain = of("The gain in precision over AlbuNet in the abstract")
    assert str(gain.printed) == "0.9"
    assert gain.agrees
    assert str(gain.computed) == "0.90"


def test_a_check_reads_as_a_sentence() -> None:
    assert of("The F1 of SVM on 2013-08-12").sentence == (
        "The F1 of SVM on 2013-08-12 is printed as 70.97; its precision 63.63 and recall 75.91 "
        "give 69.23, which disagrees."
    )
