"""The order in which polygons are looked at."""

from pathlib import Path

import numpy as np
import pytest
from tests.review.factories import change, new_review, squares

from landslip.core.errors import InputError
from landslip.review.features import FeatureTable, SourceTable
from landslip.review.queue import (
    Information,
    InformationModel,
    QueueOrder,
    entropy_bits,
    learn,
    novelty,
    predict,
    rank,
)


def information(**columns: object) -> tuple[FeatureTable, Information]:
    frame = squares(len(next(iter(columns.values())))).assign(**columns)  # type: ignore[arg-type]
    table = FeatureTable(SourceTable.of(frame))
    return table, InformationModel().of(table)


def test_entropy_is_one_bit_at_a_half() -> None:
    found = entropy_bits(np.array([0.5, 0.9, 0.0, 1.0]))
    assert found == pytest.approx([1, 0.4689956, 0, 0], abs=1e-6)


def test_uncertain_and_large_polygons_come_first() -> None:
    table, found = information(
        confidence=[0.99, 0.5, 0.5, 0.01], area_m2=[1e4, 1e4, 900.0, 1e4], elongation=1.0
    )
    order = [item.id for item in rank(table, found, QueueOrder.INFORMATION)]
    assert order[:2] == [2, 3]  # both uncertain; the larger first
    assert [item.id for item in rank(table, found, QueueOrder.LARGEST)][-1] == 3
    assert [item.id for item in rank(table, found, QueueOrder.CONFIDENCE)] == [4, 2, 3, 1]
    assert found.score == pytest.approx(found.uncertainty * np.sqrt([1.0, 1.0, 0.09, 1.0]))
    assert (found.score >= 0).all()
    assert (found.score <= 1).all()


def test_what_is_unlike_the_rest_is_less_certain_than_it_says() -> None:
    count = 60
    elongation = np.r_[np.linspace(1, 2, count - 1), 40.0]
    table, found = information(confidence=[0.95] * count, area_m2=500.0, elongation=elongation)
    assert found.novelty.argmax() == count - 1
    assert rank(table, found, QueueOrder.INFORMATION)[0].id == count
    usual = entropy_bits(np.array([0.95]))[0]
    assert found.uncertainty[count // 2] == pytest.approx(usual, abs=1e-6)
    assert found.uncertainty[-1] > 1.3 * usual


def test_novelty_is_robust_against_other_outliers() -> None:
    scores = np.zeros((100, 1))
    scores[:30] = 6.0
    assert novelty(scores)[:30].min() > 0.6
    assert novelty(scores)[30:].max() == 0
    assert novelty(np.zeros((5, 0))).tolist() == [0] * 5


def test_polygons_without_confidence_are_ordered_by_size() -> None:
    frame = squares(5).drop(columns="confidence").assign(elongation=1.0)
    table = FeatureTable(SourceTable.of(frame))
    found = rank(table, InformationModel().of(table), QueueOrder.INFORMATION)
    by_size = (np.argsort(-frame.geometry.area.to_numpy()) + 1).tolist()
    assert [item.id for item in found] == by_size


def test_the_random_order_is_of_the_seed_and_no_judgement_shuffles_it(tmp_path: Path) -> None:
    store = new_review(tmp_path)
    _, before = store.queue("random", seed=3)
    order = [item.id for item in before]
    assert sorted(order) == list(range(1, 10))
    assert [item.id for item in store.queue("random", seed=4)[1]] != order
    change(store, "accept", order[0], order[4])
    after = [item.id for item in store.queue("random", seed=3)[1]]
    assert after == [one for one in order if one not in (order[0], order[4])]
    with pytest.raises(InputError, match="order must be one of information"):
        store.queue("best")


def judgements(
    count: int, seed: int, *, depends: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return attributes, confidence and judgements; the confidence is right, or misses one."""
    rng = np.random.default_rng(seed)
    scores, p = rng.standard_normal((count, 5)), rng.uniform(0.2, 0.95, count)
    logit = np.log(p / (1 - p)) + (2.0 * scores[:, 2] if depends else 0.0)
    return scores, p, rng.uniform(size=count) < 1 / (1 + np.exp(-logit))


def test_regression_learns_what_confidence_misses() -> None:
    scores, p, accepted = judgements(120, 0, depends=True)
    weights = learn(scores, p, accepted)
    assert weights is not None
    assert np.abs(weights[1:]).argmax() == 2
    held = judgements(4000, 1, depends=True)

    def log_loss(by: np.ndarray) -> float:
        return float(-np.log(np.where(held[2], by, 1 - by)).mean())

    assert log_loss(predict(held[0], held[1], weights)) < 0.9 * log_loss(held[1])


def test_regression_is_left_out_where_confidence_is_right() -> None:
    found = [learn(*judgements(80, seed, depends=False)) for seed in range(20)]
    assert sum(one is not None for one in found) <= 3


def test_the_queue_learns_from_twenty_judgements_of_both_kinds(tmp_path: Path) -> None:
    store = new_review(tmp_path, 100)
    frame = store.source.landslides
    long = frame["id"][frame["elongation"] > 2.5].tolist()  # roads
    short = frame["id"][frame["elongation"] <= 2.5].tolist()
    change(store, "reject", *long[:25])
    model = InformationModel()
    assert not model.of(store.table()).is_learned
    change(store, "accept", *short[:25])
    found = model.of(store.table())
    assert found.is_learned
    p = dict(zip(store.table().ids.tolist(), found.probability, strict=True))
    assert np.mean([p[one] for one in long[25:]]) < 0.5 < np.mean([p[one] for one in short[25:]])
