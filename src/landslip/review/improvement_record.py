"""``improvement.json``: what a model learnt from, and whether that made it better."""

from typing import Any, Literal

from landslip import __version__
from landslip.core.messages import Message, message
from landslip.core.records import StrictModel
from landslip.metrics.bootstrap import IntervalEstimate
from landslip.models.card import ParentModelCard
from landslip.review.ground_tiles import GroundSummary
from landslip.review.model_comparison import ModelComparison

RECORD = "improvement.json"


class ReviewProvenance(StrictModel):
    """A review that a model learnt from: its file, the digest of that, and its newest change."""

    place: str
    sha256: str
    revision: int


class ImprovementRecord(StrictModel):
    """The content of ``improvement.json``.

    Attributes:
        started_from: the model that was fine-tuned.
        reviews: that it learnt from.
        ground: what was reviewed.
        own_tiles: tiles of the model's own training that were mixed in.
        folds: of blocks of ground, each left out in turn.
        settings: of fine-tuning that differ from the model's own training.
        seed: of folds and intervals.
        comparison: on reviewed ground that neither model was trained on.
        beyond_threshold: F1 after minus before, with the threshold of the model before chosen on
            reviewed ground too: what is more than another threshold.
    """

    format: Literal["landslip-improvement"] = "landslip-improvement"
    version: Literal[1] = 1
    code_version: str = __version__
    started_from: ParentModelCard
    reviews: tuple[ReviewProvenance, ...]
    ground: GroundSummary
    own_tiles: int
    folds: int
    settings: dict[str, Any]
    seed: int
    comparison: ModelComparison
    beyond_threshold: IntervalEstimate

    @property
    def is_better(self) -> bool:
        """Whether the new model is better than the one before."""
        return self.comparison.verdict == "better"

    @property
    def may_be_threshold(self) -> bool:
        """Whether it is better, but maybe no more than the model before with another threshold."""
        low = self.beyond_threshold.low
        return self.is_better and low is not None and low <= 0

    @property
    def note(self) -> Message:
        """The result in a sentence."""
        before, after = self.comparison.before.f1.value, self.comparison.after.f1.value
        low, high = self.comparison.f1.low, self.comparison.f1.high
        if before is None or after is None or low is None or high is None:
            return message("warning.improvement_undefined", tiles=self.comparison.tiles)
        key = {
            "better": "improvement.better",
            "by threshold": "improvement.better_by_threshold",
            "worse": "warning.improvement_worse",
            "not distinguishable": "warning.improvement_undecided",
        }["by threshold" if self.may_be_threshold else self.comparison.verdict]
        return message(
            key,
            before=before,
            after=after,
            low=low,
            high=high,
            blocks=self.comparison.blocks,
            beyond=self.beyond_threshold.value or 0.0,
        )
