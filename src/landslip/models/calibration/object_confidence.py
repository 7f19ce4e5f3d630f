"""The probability that a mapped object is a landslide, from its size and its probabilities.

A calibrated pixel says nothing of an object: the pixels of a speck were selected for being above
the threshold, and a small object of high pixels is false far more often than its mean promises. So
a logistic regression says how often objects like it were right on tiles that the network was not
trained on. It is numbers in ``model.json``, and is applied with numpy alone.

Right is what `landslip.metrics.objects` does not call false: half of the pixels, or more, are on
landslides of the label.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from landslip.core.records import StrictModel
from landslip.models.calibration.curve import sigmoid
from landslip.models.engines.base import PROBABILITY_LEVELS

FeatureName = Literal["area", "mean", "maximum", "ndvi"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFeatures:
    """What is known of objects (n,).

    Attributes:
        pixels: number of pixels of each.
        mean_probability: of its pixels, on the map's scale.
        max_probability: the highest of them.
        ndvi: mean NDVI of its pixels, NaN where it is unknown; None: of none.
    """

    pixels: NDArray[np.integer]
    mean_probability: NDArray[np.float64]
    max_probability: NDArray[np.float64]
    ndvi: NDArray[np.float64] | None = None

    def take(self, selected: NDArray[np.bool_]) -> "ObjectFeatures":
        """Return those objects only."""
        return ObjectFeatures(
            pixels=self.pixels[selected],
            mean_probability=self.mean_probability[selected],
            max_probability=self.max_probability[selected],
            ndvi=None if self.ndvi is None else self.ndvi[selected],
        )

    def column(self, name: FeatureName) -> NDArray[np.float64]:
        """Return a feature (n,): ln of the pixels, logits of the probabilities, or the NDVI."""
        if name == "area":
            return np.log(self.pixels.astype(np.float64))
        if name == "ndvi":
            unknown = np.full(len(self.pixels), np.nan)
            return unknown if self.ndvi is None else self.ndvi
        values = self.mean_probability if name == "mean" else self.max_probability
        end = 0.5 / PROBABILITY_LEVELS  # a map has whole levels
        clipped = np.clip(values, end, 1 - end)
        logits: NDArray[np.float64] = np.log(clipped) - np.log1p(-clipped)
        return logits


class FeatureTerm(StrictModel):
    """A feature in the logistic regression.

    Values beyond ``low`` and ``high``, the range that was fitted on, count as that end.
    """

    name: FeatureName
    low: float
    high: float
    mean: float
    sd: float = Field(gt=0)
    coefficient: float = Field(description="of (feature - mean) / sd")


class ObjectRegression(StrictModel):
    """A logistic regression: the logit is the intercept and the sum of the terms."""

    intercept: float
    terms: tuple[FeatureTerm, ...]

    def probabilities(self, objects: ObjectFeatures) -> NDArray[np.float64]:
        """Return the probability (n,) of being right, of objects whose features are all known."""
        logits = np.full(len(objects.pixels), self.intercept)
        for term in self.terms:
            values = np.clip(objects.column(term.name), term.low, term.high)
            logits += term.coefficient * (values - term.mean) / term.sd
        return sigmoid(logits)


class SizeReliability(StrictModel):
    """Held-out objects of a size class: how many were right, and how many were promised to be.

    Attributes:
        promised_by_pixels: mean over the objects of their mean probability.
        promised: mean of their confidence, by a regression fitted without their group.
    """

    at_least_px: int
    under_px: int | None
    objects: int
    right: int
    promised_by_pixels: float | None
    promised: float | None


class ObjectScoresCard(StrictModel):
    """Errors of confidences against right (1) and false (0), over held-out objects."""

    calibration_error: float = Field(description="expected calibration error over 10 equal bins")
    brier: float
    log_loss: float


class ObjectConfidence(StrictModel):
    """How the confidence of mapped objects was fitted, and on what.

    Attributes:
        threshold: of the objects' pixels, on the scale of an extraction's rasters.
        regression: of area, mean and maximum.
        with_ndvi: the same and NDVI; None: no NDVI on the tiles, or held-out objects gain nothing.
        cut: objects that were left out, since the edge of a tile, or of what is labelled, cuts
            them.
        units: groups of tiles, or tiles where there is one group, with objects.
        before: of the objects' mean probabilities.
        after: of held-out confidences; of ``with_ndvi`` where there is one.
    """

    threshold: float
    is_calibrated: bool = Field(description="probabilities are those of a calibrated model")
    regression: ObjectRegression
    with_ndvi: ObjectRegression | None = None
    split: str
    tiles: int
    units: int
    folds: int
    right: int
    false: int
    cut: int
    min_area_px: int
    before: ObjectScoresCard
    after: ObjectScoresCard
    by_size: tuple[SizeReliability, ...]
    dataset_source: str
    pixels_sha256: str
    split_sha256: str
    seed: int

    def confidence(self, objects: ObjectFeatures) -> NDArray[np.float64]:
        """Return the probability (n,) that objects are right, with NDVI where it is known."""
        found = self.regression.probabilities(objects)
        if self.with_ndvi is not None and objects.ndvi is not None:
            known = np.isfinite(objects.ndvi)
            found[known] = self.with_ndvi.probabilities(objects.take(known))
        return found
