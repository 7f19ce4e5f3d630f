r"""In which order to look at polygons: by what is expected to be learned from one more.

Of polygon i, with area a and the probability p that it is a landslide:

- *novelty* n is from 0 to 1: how unlike the rest it is. Attributes (logarithm of the area,
  elongation, mean and spread of probability, NDVI, slope, where known) are standardised by median
  and median absolute deviation; with d the root mean square of the standard scores, each at most 6,
  n = max(d - 1, 0) / (max(d - 1, 0) + 2).
- *uncertainty* u is the entropy in bits of p' = p + n (0.5 - p) / 2. A model is confident of what
  it knows; of what is unlike everything it knows less than it says, so p is drawn towards 0.5, at
  most halfway.
- *size* s = sqrt(a / a99), at most 1, a99 being the 99th percentile: the share of the mapped area
  that hangs on the answer, which a few giants would else decide alone.
- *information* = u s: the bits that the answer is expected to bring, by how much hangs on it. What
  gives small polygons half of the weight of large ones, as u (1 + s) / 2 does, corrects less area
  with as many answers (`docs/results/review.md`).

p is the calibrated confidence. Once 20 polygons are accepted and 20 rejected, logistic regression
on the attributes, with logit p as offset and a quadratic penalty, may replace it: only if its
predictions of judgements that it was not fitted to are better than those of p (log loss over
5 folds).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import overload

import numpy as np
from numpy.typing import NDArray

from landslip.review.features import FeatureTable
from landslip.review.words import VERDICTS, Verdict

Values = NDArray[np.float64]
_PROBABILITY = ("confidence", "mean_probability")
_LOGARITHMS = ("area_m2",)
_PLAIN = ("elongation", "ndvi_mean", "slope_deg", "h_over_l", "surface_ratio")
_MAX_SCORE, _COMMON, _HALFWAY = 6.0, 1.0, 2.0
_CLIP = 0.005  # of probabilities
_LEAST_OF_BOTH = 20
_FOLDS, _PENALTY, _STEPS = 5, 5.0, 30
_EVERY = 5  # judgements, between two fits
_MAD = 1.4826  # standard deviations of a normal distribution


class QueueOrder(StrEnum):
    """What comes first."""

    INFORMATION = "information"
    UNCERTAINTY = "uncertainty"
    LARGEST = "largest"
    CONFIDENCE = "confidence"
    """The least confident first."""
    RANDOM = "random"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """A polygon to look at; ``score`` is what the order sorts by, the others are from 0 to 1."""

    id: int
    score: float
    uncertainty: float
    size: float
    novelty: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Information:
    """Expected information of polygons (n,) and its parts; never NaN."""

    probability: Values
    uncertainty: Values
    size: Values
    novelty: Values
    is_learned: bool

    @property
    def score(self) -> Values:
        """Expected information, from 0 to 1."""
        return np.asarray(self.uncertainty * self.size)


class InformationModel:
    """Expected information, with what was learned from judgements so far."""

    def __init__(self) -> None:
        """Start without judgements."""
        self._known: tuple[int, int, int] | None = None
        self._attributes: Values | None = None
        self._weights: Values | None = None

    def of(self, table: FeatureTable) -> Information:
        """Return the expected information of the polygons (n,) of a table."""
        own = table.own
        if self._attributes is None:
            self._attributes = attributes(table)
            self._own_novelty = novelty(self._attributes)
        p = probability(table)
        learned = self._learn(table, p[:own])
        if learned is not None:
            p = p.copy()
            p[:own] = predict(self._attributes, p[:own], learned)
        n = np.zeros(len(p))
        n[:own] = self._own_novelty
        n[table.outline > 0] = 0.0
        areas = np.nan_to_num(table.column("area_m2"), nan=0.0)
        known = areas[table.present & (areas > 0)]
        most = float(np.quantile(known, 0.99)) if len(known) else 1.0
        return Information(
            probability=p,
            uncertainty=entropy_bits(p + n * (0.5 - p) / 2),
            size=np.sqrt(areas / most).clip(0, 1),
            novelty=n,
            is_learned=learned is not None,
        )

    def _learn(self, table: FeatureTable, p: Values) -> Values | None:
        """Return the weights of the regression; None where it does not help, or is too early."""
        verdict = table.verdict[: table.own]
        accepted = verdict == VERDICTS.index(Verdict.ACCEPTED)
        rejected = verdict == VERDICTS.index(Verdict.REJECTED)
        counts = int(accepted.sum()), int(rejected.sum())
        if min(counts) < _LEAST_OF_BOTH or self._attributes is None:
            return None
        known = (counts[0] // _EVERY, counts[1] // _EVERY, table.own)
        if known != self._known:
            at = np.flatnonzero(accepted | rejected)
            self._known = known
            # of the inventory's own outlines, which the judgements are about
            self._weights = learn(self._attributes[at], p[at], accepted[at])
        return self._weights


def probability(table: FeatureTable) -> Values:
    """Return the probability (n,) that polygons are landslides; 0.5 where nothing is known."""
    own = np.full(len(table.ids), np.nan)
    for name in _PROBABILITY:
        column = table.source.columns.get(name)
        if column is not None and column.dtype == np.float64:
            own[: table.own] = np.where(np.isnan(own[: table.own]), column, own[: table.own])
    return np.where(np.isnan(own), 0.5, own).clip(_CLIP, 1 - _CLIP)


def attributes(table: FeatureTable) -> Values:
    """Return the robust standard scores (n, k) of the inventory's attributes; 0 where unknown."""
    columns = table.source.columns
    found: list[Values] = []
    for name in (*_LOGARITHMS, *_PLAIN, *_PROBABILITY):
        values = columns.get(name)
        if values is None or values.dtype != np.float64:
            continue
        if name in _LOGARITHMS:
            values = np.log(np.where(values > 0, values, np.nan))
        elif name in _PROBABILITY:
            values = _logit(values)
        found.append(values)
    if "max_probability" in columns and "mean_probability" in columns:
        found.append(columns["max_probability"] - columns["mean_probability"])
    if "perimeter_m" in columns and columns["area_m2"].dtype == np.float64:
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(np.log(columns["perimeter_m"] / np.sqrt(columns["area_m2"])))
    kept = [_standardised(values) for values in found]
    kept = [scores for scores in kept if scores.any()]
    return np.column_stack(kept) if kept else np.zeros((table.own, 0))


def _standardised(values: Values) -> Values:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return np.zeros(len(values))
    middle = np.median(finite)
    spread = _MAD * np.median(np.abs(finite - middle)) or float(finite.std())
    if not spread > 0:
        return np.zeros(len(values))
    scores = np.where(np.isfinite(values), (values - middle) / spread, 0.0)
    return np.asarray(scores.clip(-_MAX_SCORE, _MAX_SCORE))


def novelty(scores: Values) -> Values:
    """Return how unlike the rest polygons are, from 0 to 1, by their standard scores (n, k)."""
    if scores.shape[1] == 0:
        return np.zeros(len(scores))
    beyond = np.maximum(np.sqrt((scores**2).mean(axis=1)) - _COMMON, 0)
    return np.asarray(beyond / (beyond + _HALFWAY))


def entropy_bits(p: Values) -> Values:
    """Return the entropy of yes or no, in bits."""
    p = p.clip(1e-12, 1 - 1e-12)
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))


def learn(scores: Values, p: Values, accepted: NDArray[np.bool_]) -> Values | None:
    """Return the weights (k + 1,) of a logistic regression with offset logit p.

    None where it predicts judgements that it was not fitted to no better than p does.

    Args:
        scores: (n, k) attributes of judged polygons.
        p: (n,) their confidence.
        accepted: (n,) the judgements.
    """
    # folds by order alone, so that the same judgements give the same answer
    order = np.lexsort((p, accepted))
    fold = np.empty(len(p), dtype=np.int64)
    fold[order] = np.arange(len(p)) % _FOLDS
    without, with_ = np.empty(len(p)), np.empty(len(p))
    for number in range(_FOLDS):
        out = fold == number
        weights = _fit(scores[~out], p[~out], accepted[~out])
        with_[out] = _log_loss(predict(scores[out], p[out], weights), accepted[out])
        without[out] = _log_loss(p[out], accepted[out])
    gain = without - with_
    # by more than chance would
    if gain.mean() <= gain.std(ddof=1) / np.sqrt(len(gain)):
        return None
    return _fit(scores, p, accepted)


def predict(scores: Values, p: Values, weights: Values) -> Values:
    """Return probabilities (n,) by the regression."""
    z = _logit(p) + _design(scores) @ weights
    return np.asarray(1 / (1 + np.exp(-z.clip(-30, 30)))).clip(_CLIP, 1 - _CLIP)


def _fit(scores: Values, p: Values, accepted: NDArray[np.bool_]) -> Values:
    """Return the weights of the smallest penalised log loss, by Newton's method."""
    design, offset = _design(scores), _logit(p)
    weights = np.zeros(design.shape[1])
    penalty = np.full(design.shape[1], _PENALTY)
    penalty[0] = 1.0
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-(offset + design @ weights).clip(-30, 30)))
        gradient = design.T @ (expected - accepted) + penalty * weights
        curvature = (design * (expected * (1 - expected))[:, np.newaxis]).T @ design
        step = np.linalg.solve(curvature + np.diag(penalty), gradient)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def _design(scores: Values) -> Values:
    return np.column_stack([np.ones(len(scores)), scores])


def _logit(p: Values) -> Values:
    inside = np.where(np.isfinite(p), p.clip(_CLIP, 1 - _CLIP), np.nan)
    return np.asarray(np.log(inside / (1 - inside)))


def _log_loss(p: Values, accepted: NDArray[np.bool_]) -> Values:
    return np.asarray(-np.log(np.where(accepted, p, 1 - p)))


class Ranking(Sequence[QueueItem]):
    """Polygons in order, the first to look at first; items are made as they are asked for."""

    def __init__(self, ids: NDArray[np.int64], columns: Sequence[Values]) -> None:
        """Take ids (n,), and score, uncertainty, size and novelty (n,), in order."""
        self.ids, self._columns = ids, columns

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, at: int) -> QueueItem: ...

    @overload
    def __getitem__(self, at: slice) -> list[QueueItem]: ...

    def __getitem__(self, at: int | slice) -> QueueItem | list[QueueItem]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        score, uncertainty, size, novel = (float(column[at]) for column in self._columns)
        return QueueItem(
            id=int(self.ids[at]), score=score, uncertainty=uncertainty, size=size, novelty=novel
        )


def rank(
    table: FeatureTable, information: Information, order: QueueOrder, seed: int = 0
) -> Ranking:
    """Return the polygons that nobody has judged, the first to look at first.

    Of equals, the one with the lower id comes first. The random order is one of the seed and the
    ids, so that judging a polygon does not shuffle the others.
    """
    waiting = np.flatnonzero(table.verdict == VERDICTS.index(Verdict.UNREVIEWED))
    scores = {
        QueueOrder.INFORMATION: information.score,
        QueueOrder.UNCERTAINTY: information.uncertainty,
        QueueOrder.LARGEST: np.nan_to_num(table.column("area_m2"), nan=0.0),
        QueueOrder.CONFIDENCE: 1 - information.probability,
        QueueOrder.RANDOM: _random(table.ids, seed),
    }[order]
    at = waiting[np.lexsort((table.ids[waiting], -scores[waiting]))]
    known = (scores, information.uncertainty, information.size, information.novelty)
    return Ranking(table.ids[at], [column[at] for column in known])


def _random(ids: NDArray[np.int64], seed: int) -> Values:
    """Return a number from 0 to 1 of each id, by splitmix64."""
    with np.errstate(over="ignore"):
        z = ids.astype(np.uint64) + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.asarray(z / np.float64(2**64))
