import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score

from landslip.metrics.bootstrap import Resampling, tail_percentage
from landslip.metrics.per_image import per_image_intervals, per_image_scores
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


def test_intervals_draw_whole_groups_of_images() -> None:
    generator = np.random.default_rng(0)
    images = [
        PixelCounts(tp=int(tp), fp=int(fp), fn=int(fn), tn=900)
        for tp, fp, fn in generator.integers(0, 90, (40, 3))
    ]
    names = [str(at // 4) for at in range(40)]
    found = per_image_intervals([images], names, Resampling(draws=300))
    scores = per_image_scores(images)
    assert {name: one.value for name, one in found.items()} == pytest.approx({
        name: getattr(scores, name) for name in found
    })  # fmt: skip
    # the same draws of ten groups, one at a time
    drawn = np.random.default_rng(0).integers(10, size=(300, 10))
    values = []
    for groups in drawn:
        taken = per_image_scores([one for group in groups for one in images[4 * group :][:4]])
        values.append((taken.f1, taken.class_iou))
    tail = tail_percentage(0.95, 10)
    low, high = np.percentile(np.array(values, dtype=float), [tail, 100 - tail], axis=0)
    assert (found["f1"].low, found["f1"].high) == pytest.approx((low[0], high[0]))
    ends = found["class_iou"].low, found["class_iou"].high
    assert ends == pytest.approx((low[1], high[1]), abs=1e-3)  # fewer effective units


def test_intervals_are_of_the_mean_over_seeds_and_need_two_groups() -> None:
    good, bad = PixelCounts(tp=10, tn=90), PixelCounts(fp=5, fn=10, tn=85)
    found = per_image_intervals([[good, good, EMPTY], [bad, good, PixelCounts()]], ["a", "b", "c"])
    assert found["f1"].value == pytest.approx((1 + 1 / 2) / 2)
    assert found["f1"].low is not None
    alone = per_image_intervals([[good, bad]], ["a", "a"])["f1"]
    assert (alone.value, alone.low, alone.high) == (0.5, None, None)
    assert per_image_intervals([[]], [])["class_f1"].value is None
