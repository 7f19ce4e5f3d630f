"""``model.json``: architecture, input, training and later additions of a model."""

from typing import Any, Literal

import numpy as np
from pydantic import AliasChoices, Field, field_validator, model_validator

from landslip.core.bands import BandRadiometry, Bands, Radiometry
from landslip.core.choices import SingleModel, ThresholdSource, Tta, Units
from landslip.core.messages import Message, message
from landslip.core.records import DType, StrictModel
from landslip.datasets.normalisation import Normalisation
from landslip.metrics.spread import ProbabilitySpread
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.calibration.levels import LevelTable, level_table, middle_of_ends
from landslip.models.calibration.object_confidence import ObjectConfidence
from landslip.models.engines.base import PROBABILITY_LEVELS, threshold_level
from landslip.models.networks.architecture import Architecture

FORMAT_VERSION = 1
MIN_AREA_PX = 4


class InputCard(StrictModel):
    """The pixels that the model takes; statistics are by band, in ``units``."""

    bands: tuple[str, ...]
    units: Units
    dtype: DType = Field(description="of the stored numbers in the training data")
    scale: float
    offset: float
    nodata: float | None
    band_radiometry: tuple[BandRadiometry, ...] = Field(
        (),
        description="units, scale, offset and nodata of each band, where they differ; a value that "
        "is missing in one band becomes its training mean. (): all are as above",
    )
    resolution_m: float | None
    tile_size: int
    multiple: int = Field(description="height and width are multiples of this")
    mean: tuple[float, ...]
    std: tuple[float, ...]
    quantiles: tuple[tuple[float, float, float], ...] = Field(
        description="1 %, 50 % and 99 % quantiles of the training pixels"
    )
    correlations: tuple[tuple[float, ...], ...] | None = Field(
        None, description="(bands, bands) of the training pixels; None: not measured"
    )

    @model_validator(mode="after")
    def _of_each_band(self) -> "InputCard":
        if len(self.band_radiometry) not in (0, len(self.bands)):
            raise ValueError("band_radiometry has an entry for each band, or none")
        return self

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a stored pixel, in all bands."""
        return len(self.bands) * np.dtype(self.dtype).itemsize


class ParentModelCard(StrictModel):
    """The model that training started from."""

    name: str
    weights_sha256: str


class FoldsCard(StrictModel):
    """How epoch and threshold were chosen by networks that were trained in folds.

    Scores are those of the pooled out-of-fold predictions: each tile by the network that was not
    trained on it. Epoch and threshold, two numbers, are chosen on the same predictions.
    """

    folds: int
    tiles: int
    groups: int = Field(description="of tiles, over which the intervals are")
    epochs: tuple[tuple[int, float | None], ...] = Field(
        description="candidates, and the average precision of each"
    )
    single: SingleModel | None = Field(
        description="how one model was made of them; None: it is their ensemble"
    )
    average_precision: float | None
    intervals: dict[str, tuple[float, float] | None] = Field(
        description="95 %, of the scores that metrics has under out_of_fold"
    )
    halves: bool = Field(
        False, description="the labels of half a tile were left out in turn, of too few tiles"
    )


class TrainingCard(StrictModel):
    """How the model was trained, and on what."""

    config: dict[str, Any]
    encoder_weights_sha256: str | None
    dataset_source: str
    dataset_tiles: dict[str, int]
    pixels_sha256: str
    split_sha256: str
    split_method: str
    epoch: int
    epochs: int
    precision: str
    device: str
    seconds: float
    torch_version: str
    started_from: ParentModelCard | None = Field(None, description="None: no model")
    folds: FoldsCard | None = Field(None, description="None: not trained in folds")


class OnnxCard(StrictModel):
    """The ONNX export, and how closely it matches the network."""

    opset: int
    largest_difference: float = Field(description="of probabilities, from torch's")
    deepness_tile: int = Field(description="side of the tiles that deepness.onnx takes, px")
    torch_version: str
    onnx_version: str


class Int8Card(StrictModel):
    """The F1 loss of int8 quantisation, measured on tiles not used for its calibration."""

    f1_percent: float
    f1_fp32_percent: float
    loss_points: float
    max_loss_points: float
    other_layers: str = Field(description="precision of the layers that are not int8")
    split: str
    tiles: int
    pixels: int
    calibration_tiles: int
    calibration_seed: int
    dataset_source: str
    pixels_sha256: str
    split_sha256: str
    nncf_version: str
    openvino_version: str


class ExportsCard(StrictModel):
    """The additions of `landslip export`."""

    onnx: OnnxCard | None = None
    int8: Int8Card | None = None


class CalibrationScoresCard(StrictModel):
    """Calibration error of probabilities; see `landslip.models.calibration.metrics`."""

    calibration_error: float = Field(description="expected calibration error over 20 equal bins")
    likely_calibration_error: float | None = Field(
        None,
        description="the same over pixels of a probability of 0.1 or more, since background hides "
        "their error in the other; None: no such pixel, or written by an earlier version",
    )
    brier: float
    log_loss: float


class ReliabilityCard(StrictModel):
    """Reliability diagram: the non-empty ones of 20 equal bins of probability."""

    mean_probability: tuple[float, ...]
    landslide_share: tuple[float, ...]
    pixels: tuple[int, ...]

    @model_validator(mode="after")
    def _of_the_same_bins(self) -> "ReliabilityCard":
        if not len(self.mean_probability) == len(self.landslide_share) == len(self.pixels):
            raise ValueError("a reliability diagram has the three numbers of each bin")
        return self


class CurveIntervalCard(StrictModel):
    """A probability of the network, the calibrated one, and its 95 % interval."""

    network: float
    calibrated: float
    low: float
    high: float


class TtaCard(StrictModel):
    """The threshold of probabilities with test-time augmentation, and the tiles it was chosen on.

    It is the best of the F1 of all pixels together.
    """

    mode: Tta
    threshold: float = Field(ge=0, le=1)
    f1: float | None = Field(description="of these tiles at this threshold")
    split: str
    tiles: int
    pixels_sha256: str
    split_sha256: str
    engine: str
    precision: str


class ProbabilityCalibrationCard(StrictModel):
    """How the network's probabilities are calibrated, and the data it was fitted on."""

    method: str = Field(description="temperature, platt or isotonic")
    knots: tuple[tuple[float, float], ...] = Field(description="(logit, calibrated logit)")
    slope_below: float
    slope_above: float
    split: str
    tiles: int
    pixels: int
    landslide_pixels: int
    folds: int = Field(description="of whole groups of tiles; 0: not cross-validated")
    dataset_source: str
    pixels_sha256: str
    split_sha256: str
    seed: int
    engine: str
    precision: str
    before: CalibrationScoresCard
    after: CalibrationScoresCard | None = Field(
        description="on folds not fitted on; None: not known"
    )
    reliability_before: ReliabilityCard
    reliability_after: ReliabilityCard | None
    tta: Tta = Field(Tta.NONE, description="of the probabilities that it was fitted to")
    landslide_tiles: int | None = None
    landslide_groups: int | None = None
    intervals: tuple[CurveIntervalCard, ...] = Field(
        (),
        description="of the curve, by bootstrap: at the model's threshold first, then at the "
        "quantiles of the landslide pixels",
    )
    interval_units: int | None = Field(
        None, description="groups or blocks that were drawn, or tiles where there is one of them"
    )
    ends: tuple[float, float] | None = Field(
        None, description="mean probability of pixels within 0.002 of 0 and of 1; None: not known"
    )

    @model_validator(mode="after")
    def _is_a_curve(self) -> "ProbabilityCalibrationCard":
        CalibrationCurve(
            knots=self.knots, slope_below=self.slope_below, slope_above=self.slope_above
        )
        return self


class ObjectsCard(StrictModel):
    """Connected objects of the training labels, and those that the network finds rightly.

    Quantiles are those of 5 %, 50 % and 95 %; None: there is no such object.
    """

    label_objects: int = Field(description="of the training tiles, not cut by a tile's edge")
    label_px: tuple[float, float, float] | None = Field(description="quantiles of their pixels")
    right_objects: int = Field(
        description="objects found in the validation tiles, half or more on landslides"
    )
    right_maxima: tuple[float, float, float] | None = Field(
        description="quantiles of their highest probabilities, before calibration"
    )

    @property
    def peak(self) -> float | None:
        """The probability that half of the rightly found objects reach; None: unknown."""
        return None if self.right_maxima is None else self.right_maxima[1]

    @property
    def min_area_px(self) -> int:
        """`MIN_AREA_PX`, or less where one in twenty of the labels' objects is smaller."""
        if self.label_px is None:
            return MIN_AREA_PX
        return max(1, min(MIN_AREA_PX, int(self.label_px[0])))


class SizeClassCard(StrictModel):
    """Objects of a size class (no end: None); see `landslip.metrics.objects`."""

    at_least_px: int
    under_px: int | None
    landslides: int
    detected: int
    detection_rate: float | None
    found: int
    false: int
    precision: float | None


class EvaluationCard(StrictModel):
    """On which tiles scores were measured, and how; the scores of pixels are in ``metrics``."""

    tiles: int
    threshold: float
    intervals: dict[str, tuple[float, float] | None] = Field(description="95 %")
    objects: tuple[SizeClassCard, ...] = Field((), description="(): not counted")
    interval_over: str = Field("tiles", description="what they are over: groups, blocks or tiles")
    interval_units: int | None = Field(None, description="their number")
    dataset_source: str
    pixels_sha256: str
    split_sha256: str
    engine: str
    precision: str
    tta: Tta = Field(Tta.NONE, description="test-time augmentation of the probabilities")


class TrainingStatisticsCard(StrictModel):
    """Statistics of the training tiles, to detect scenes out of distribution."""

    file: str
    tiles: int
    tile_px: int
    features: int
    layer: str
    spectral_p99: float
    feature_p99: float
    dataset_source: str
    pixels_sha256: str


class ModelCard(StrictModel):
    """The content of ``model.json``."""

    format: Literal["landslip-model"] = "landslip-model"
    version: int = FORMAT_VERSION
    name: str
    code_version: str
    architecture: Architecture
    input: InputCard
    threshold: float = Field(ge=0, le=1)
    threshold_source: ThresholdSource | None = Field(
        None, description="what it was chosen on; None: not known"
    )
    members: int = Field(
        1, ge=1, description="networks whose probabilities are averaged, in one file of weights"
    )
    training: TrainingCard
    metrics: dict[str, dict[str, float | None]] = Field(
        description="by split; the threshold is chosen on val, or on out_of_fold: pooled "
        "predictions of networks for tiles that they were not trained on"
    )
    evaluations: dict[str, EvaluationCard] = Field(
        {}, description="by split: of scores that were recorded after the training"
    )
    probabilities: dict[str, ProbabilitySpread] = Field(
        {}, description="spread of the network's own probabilities, by split; {}: not known"
    )
    notes: tuple[Message, ...] = Field(
        (), description="what should be known of the training, as of too few validation landslides"
    )
    files: dict[str, str] = Field(description="sha256 of each file of the folder")
    stac: dict[str, Any] = Field(description="terms of the STAC extension MLM")
    objects: ObjectsCard | None = Field(None, description="None: not measured")
    exports: ExportsCard | None = Field(None, description="None: never exported")
    calibration: ProbabilityCalibrationCard | None = Field(None, description="None: not calibrated")
    tta: tuple[TtaCard, ...] = Field(
        (), description="thresholds that were chosen with test-time augmentation, one a mode"
    )
    object_confidence: ObjectConfidence | None = Field(
        None, description="None: not fitted, and the confidence of landslides is that of pixels"
    )
    training_statistics: TrainingStatisticsCard | None = Field(
        None,
        description="None: not measured",
        # the second is of earlier versions
        validation_alias=AliasChoices("training_statistics", "look"),
    )

    @field_validator("tta", mode="before")
    @classmethod
    def _tta_of_earlier_versions(cls, value: object) -> object:
        """One record, or null, was what earlier versions wrote."""
        if value is None:
            return ()
        return (value,) if isinstance(value, dict | TtaCard) else value

    @property
    def bears_gaps(self) -> bool:
        """Whether the network was trained with the bands of other sources missing at times."""
        return float(self.training.config.get("drop_sources", 0.0)) > 0

    @property
    def bands(self) -> Bands:
        """The bands, in the network's order."""
        return Bands(self.input.bands)

    @property
    def radiometry(self) -> Radiometry:
        """Radiometry of the training data."""
        data = self.input
        return Radiometry(
            units=data.units,
            dtype=data.dtype,
            scale=data.scale,
            offset=data.offset,
            bands=data.band_radiometry,
        )

    @property
    def curve(self) -> CalibrationCurve | None:
        """The curve from the network's logits to calibrated ones; None: not calibrated."""
        fit = self.calibration
        if fit is None:
            return None
        return CalibrationCurve(
            knots=fit.knots, slope_below=fit.slope_below, slope_above=fit.slope_above
        )

    def with_tta(self, tta: Tta) -> "ModelCard":
        """Return the card of the model as it is applied with a test-time augmentation.

        Its threshold is the one that was chosen with it, if there is one.
        """
        chosen = self._tta_card(tta)
        return self if chosen is None else self.model_copy(update={"threshold": chosen.threshold})

    def with_tta_card(self, chosen: TtaCard) -> "ModelCard":
        """Return the card with the threshold of an augmentation, instead of an earlier one."""
        others = (one for one in self.tta if one.mode is not chosen.mode)
        return self.model_copy(update={"tta": (*others, chosen)})

    def threshold_warning(self, tta: Tta) -> Message | None:
        """Return a warning where the threshold was not chosen with a test-time augmentation."""
        if tta is Tta.NONE or self._tta_card(tta) is not None:
            return None
        return message("tta.threshold", threshold=self.threshold, mode=tta.value)

    def calibration_warning(self, tta: Tta) -> Message | None:
        """Return a warning where the curve was fitted with another test-time augmentation."""
        if self.calibration is None or self.calibration.tta is tta:
            return None
        return message("tta.calibration", fitted=self.calibration.tta.value, mode=tta.value)

    def _tta_card(self, tta: Tta) -> TtaCard | None:
        return next((one for one in self.tta if one.mode is tta), None)

    @property
    def upper_threshold(self) -> float:
        """The network's probability that a landslide reaches somewhere (hysteresis).

        Midway from the threshold to what half of the landslides reach that the network found
        rightly, or to 1 where that is not known.
        """
        peak = None if self.objects is None else self.objects.peak
        return (self.threshold + max(self.threshold, 1.0 if peak is None else peak)) / 2

    @property
    def min_area_px(self) -> int:
        """Default minimum area of an extraction, in pixels of the training data."""
        return MIN_AREA_PX if self.objects is None else self.objects.min_area_px

    @property
    def level_table(self) -> LevelTable | None:
        """The calibrated level (256,) of each level of the network; None: not calibrated.

        Both thresholds divide the levels as they do before calibration.
        """
        curve, fit = self.curve, self.calibration
        if curve is None or fit is None:
            return None
        thresholds = (self.threshold, self.upper_threshold)
        return level_table(curve, fit.ends or middle_of_ends(curve), thresholds)

    def calibrated(self, threshold: float) -> float:
        """Return a threshold of the network's probability on the scale of an extraction's rasters.

        It is the probability of a level, and its mask that of the network's threshold where that
        is the model's threshold or upper threshold. Unchanged where the model is not calibrated.
        """
        table = self.level_table
        if table is None:
            return threshold
        return float(table[threshold_level(threshold)]) / PROBABILITY_LEVELS

    @property
    def calibrated_threshold(self) -> float:
        """The model's threshold on the scale of an extraction's rasters; see `calibrated`."""
        return self.calibrated(self.threshold)

    def normalisation_of(self, radiometry: Radiometry, bands: Bands | None = None) -> Normalisation:
        """Return the model's normalisation for data stored in another radiometry.

        ``bands`` are those of the data, of which the model's are taken; None: the model's.

        Raises:
            InputError: a band of the model is missing.
        """
        if bands is not None:
            radiometry = radiometry.select(bands.positions_of(self.bands))
        return Normalisation(radiometry=radiometry, mean=self.input.mean, std=self.input.std)


def mlm_properties(
    name: str, architecture: Architecture, data: InputCard, parameters: int, torch_version: str
) -> dict[str, Any]:
    """Return the properties of the STAC Machine Learning Model extension, version 1.4."""
    scaling = [
        {"type": "z-score", "mean": mean, "stddev": std}
        for mean, std in zip(data.mean, data.std, strict=True)
    ]
    layout = {"dim_order": ["batch", "channel", "height", "width"], "data_type": "float32"}
    return {
        "stac_extensions": ["https://stac-extensions.github.io/mlm/v1.4.0/schema.json"],
        "mlm:name": name,
        "mlm:architecture": architecture.title,
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:framework": "PyTorch",
        "mlm:framework_version": torch_version,
        "mlm:total_parameters": parameters,
        "mlm:input": [
            {
                "name": "scene",
                "bands": list(data.bands),
                "input": {"shape": [-1, len(data.bands), -1, -1], **layout},
                "value_scaling": scaling,
                "resize_type": None,
            }
        ],
        "mlm:output": [
            {
                "name": "probability of landslide",
                "tasks": ["semantic-segmentation"],
                "result": {"shape": [-1, 1, -1, -1], **layout},
                "classification:classes": [
                    {"value": 1, "name": "landslide", "description": "landslide scar and deposit"}
                ],
                "post_processing_function": None,
            }
        ],
        "mlm:hyperparameters": {"encoder": architecture.encoder},
    }
