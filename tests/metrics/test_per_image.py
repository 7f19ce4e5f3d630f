import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score

from landslip.metrics.per_image import per_image_scores
from landslip.metrics.pixels import PixelCounts, sum_counts

EMPTY = PixelCounts(tn=100)
number = st.integers(0, 500)
images = st.lists(
    st.builds(PixelCounts, tp=st.integers(1, 500), fp=number, fn=number, tn=number), min_size=1
)


def test_images_by_hand() -> None:
    scores = per_image_scores([
        PixelCounts(tp=10, fp=10, fn=10, tn=70),  # F1 1/2, IoU 1/3
        EMPTY,  # 1, 1
        PixelCounts(fp=1, tn=99),  # 0, 0
        PixelCounts(),  # nothing is counted: no image
    ])  # fmt: skip
    assert scores.images == 3
    assert scores.f1 == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert scores.iou == pytest.approx((1 / 3 + 1 + 0) / 3)
    # pooled: tp 10, fp 11, fn 10, tn 269
    assert scores.class_f1 == pytest.approx((20 / 41 + 538 / 559) / 2)
    assert scores.class_iou == pytest.approx((10 / 31 + 269 / 290) / 2)


def test_background_images_lift_the_average_and_not_the_pooled_score() -> None:
    landslides = [PixelCounts(tp=60, fp=20, fn=20, tn=900)] * 5
    alone, mixed = per_image_scores(landslides), per_image_scores([*landslides, *[EMPTY] * 5])
    assert alone.f1 == pytest.approx(0.75)
    assert mixed.f1 == pytest.approx(0.875)
    assert sum_counts([*landslides, *[EMPTY] * 5]).f1 == pytest.approx(0.75)


def test_averages_over_classes_are_scikit_learns() -> None:
    generator = np.random.default_rng(0)
    truth, found = generator.random((2, 3, 50)) < [[[0.2]], [[0.3]]]
    tiles = [
        PixelCounts(
            tp=int((t & f).sum()), fp=int((~t & f).sum()), fn=int((t & ~f).sum()),
            tn=int((~t & ~f).sum()),
        )
        for t, f in zip(truth, found, strict=True)
    ]  # fmt: skip
    scores = per_image_scores(tiles)
    macro = f1_score(truth.ravel(), found.ravel(), average="macro")
    assert scores.class_f1 == pytest.approx(macro)
    macro = jaccard_score(truth.ravel(), found.ravel(), average="macro")
    assert scores.class_iou == pytest.approx(macro)
    each = [f1_score(t, f) for t, f in zip(truth, found, strict=True)]
    assert scores.f1 == pytest.approx(np.mean(each))


@given(images)
def test_only_pooled_figures_obey_the_algebra(tiles: list[PixelCounts]) -> None:
    pooled, averaged = sum_counts(tiles), per_image_scores(tiles)
    assert pooled.iou is not None
    assert pooled.f1 == pytest.approx(2 * pooled.iou / (1 + pooled.iou))
    assert averaged.iou is not None
    assert averaged.f1 is not None
    assert averaged.f1 <= 2 * averaged.iou / (1 + averaged.iou) + 1e-12


def test_without_images_or_landslides() -> None:
    assert per_image_scores([]).as_dict() == {
        "images": 0, "f1": None, "iou": None, "class_f1": None, "class_iou": None
    }  # fmt: skip
    scores = per_image_scores([EMPTY, EMPTY])
    assert (scores.f1, scores.iou, scores.class_f1) == (1.0, 1.0, None)
