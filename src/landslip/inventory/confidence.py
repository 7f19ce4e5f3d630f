"""The confidence of landslides: that of whole objects, where the model has it."""

from dataclasses import replace

from landslip.core.messages import message
from landslip.inventory.detections import Detections
from landslip.inventory.scene_context import SpectralAttributes
from landslip.models.engines.base import PROBABILITY_LEVELS


def with_object_confidence(
    detections: Detections, spectral: SpectralAttributes | None
) -> Detections:
    """Give landslides of an extraction the confidence of objects, or a note why they have none.

    It is of objects as the model's threshold cuts them: where another lower threshold was stated,
    or the model has no such confidence, the mean probability of the pixels stays. Parts of a region
    that was divided are objects of their own; of several sources, what was put together is one.
    """
    objects, cleaning, card = detections.objects, detections.cleaning, detections.model_card
    if objects is None or cleaning is None:
        return detections
    fitted = None if card is None else card.object_confidence
    if fitted is None:
        return replace(detections, notes=(*detections.notes, message("confidence.not_fitted")))
    if abs(cleaning.low - fitted.threshold) >= 1 / PROBABILITY_LEVELS:
        numbers = {"fitted": fitted.threshold, "low": cleaning.low}
        note = message("confidence.other_threshold", **numbers)
        return replace(detections, notes=(*detections.notes, note))
    known = objects if spectral is None else replace(objects, ndvi=spectral.ndvi_mean)
    return replace(detections, confidence=fitted.confidence(known), confidence_basis="objects")
