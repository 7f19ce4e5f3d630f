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
    def note(self) -> Message:
        """The result in a sentence."""
        compared = self.comparison
        before, after, ends = compared.before.f1.value, compared.after.f1.value, compared.f1.ends
        if before is None or after is None or ends is None:
            return message("warning.improvement_undefined", tiles=compared.tiles)
        f1: dict[str, Any] = {
            "before": before,
            "after": after,
            "low": ends[0],
            "high": ends[1],
            "blocks": compared.blocks,
        }
        if compared.verdict == "worse":
            return message("warning.improvement_worse", **f1)
        if compared.verdict == "not distinguishable":
            return message("warning.improvement_undecided", **f1)
        average = compared.average_precision.ends
        if average is None:
            return message("warning.improvement_unranked", **f1)
        key = "improvement.better" if self.is_better else "warning.improvement_f1_alone"
        return message(key, **f1, average_low=average[0], average_high=average[1])
