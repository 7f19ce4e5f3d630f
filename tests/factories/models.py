"""Model cards and folders."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from landslip.core.bands import BandRadiometry, Radiometry
from landslip.core.choices import TerrainUnits, Tta, Units
from landslip.core.files import sha256_of
from landslip.models.calibration.curve import CalibrationCurve
from landslip.models.card import (
    CalibrationScoresCard,
    InputCard,
    ModelCard,
    ProbabilityCalibrationCard,
    ReliabilityCard,
    TrainingCard,
    TtaCard,
    mlm_properties,
)
from landslip.models.folder import CARD, ModelFolder
from landslip.models.networks.architecture import Architecture

WEIGHTS_CONTENT = b"tensors"
SEVERAL_SOURCES = Radiometry.of_bands(
    "uint16",
    [
        BandRadiometry(units=Units.REFLECTANCE, scale=1e-4),
        BandRadiometry(units=Units.REFLECTANCE, scale=2e-4, offset=-0.1, nodata=0),
        BandRadiometry(units=TerrainUnits.DEGREE, scale=0.05, offset=2.0, nodata=0),
        BandRadiometry(units=TerrainUnits.ONE, scale=1e-3, offset=-1.0, nodata=0),
    ],
)
SEVERAL_BANDS = ("red", "before_red", "slope", "northness")


def make_card(**known: Any) -> ModelCard:
    """Return the card of a model; ``known`` changes its input, by default 10-bit numbers."""
    fields = {
        "bands": ("blue", "green", "red", "nir"),
        "units": Units.DN,
        "dtype": "uint16",
        "scale": 1.0,
        "offset": 0.0,
        "nodata": 0.0,
        "resolution_m": 2.0,
        "tile_size": 256,
        "multiple": 32,
        "mean": (300.0, 300.0, 250.0, 600.0),
        "std": (50.0, 50.0, 50.0, 100.0),
        "quantiles": ((200, 300, 400), (200, 300, 400), (150, 250, 350), (300, 600, 900)),
    }
    expected = InputCard(**(fields | known))
    architecture = Architecture(encoder="resnet18", bands=expected.bands)
    return ModelCard(
        name="model",
        code_version="0",
        architecture=architecture,
        input=expected,
        threshold=0.5,
        training=TrainingCard(
            config={},
            encoder_weights_sha256=None,
            dataset_source="made",
            dataset_tiles={"train": 1},
            pixels_sha256="0",
            split_sha256="0",
            split_method="random by tile",
            epoch=1,
            epochs=1,
            precision="fp32",
            device="cpu",
            seconds=1.0,
            torch_version="2",
        ),
        metrics={},
        files={"weights.safetensors": hashlib.sha256(WEIGHTS_CONTENT).hexdigest()},
        stac=mlm_properties("model", architecture, expected, 1, "2"),
    )


def calibrated_card(card: ModelCard, curve: CalibrationCurve, method: str = "platt") -> ModelCard:
    """Return a card with a curve that was fitted to nothing."""
    scores = CalibrationScoresCard(calibration_error=0.1, brier=0.1, log_loss=0.3)
    table = ReliabilityCard(mean_probability=(0.2,), landslide_share=(0.1,), pixels=(100,))
    calibration = ProbabilityCalibrationCard(
        method=method,
        knots=curve.knots,
        slope_below=curve.slope_below,
        slope_above=curve.slope_above,
        split="val",
        tiles=10,
        pixels=100,
        landslide_pixels=10,
        folds=0,
        dataset_source="made",
        pixels_sha256="0",
        split_sha256="0",
        seed=0,
        engine="openvino",
        precision="fp32",
        before=scores,
        after=None,
        reliability_before=table,
        reliability_after=None,
    )
    return card.model_copy(update={"calibration": calibration})


def write_card(
    folder: Path, card: ModelCard, files: Iterable[str] = (), **changes: Any
) -> ModelFolder:
    """Write a card that lists files of its folder with their digests; ``changes`` are to it."""
    if files:
        changes["files"] = {name: sha256_of(folder / name) for name in files}
    written = card.model_copy(update=changes)
    (folder / CARD).write_text(written.model_dump_json(indent=2) + "\n")
    return ModelFolder(folder, written)


def of_several_sources(model: ModelFolder) -> ModelFolder:
    """Return a model of four bands of digital numbers as one of two dates and terrain.

    Mean and deviation go with scale and offset of each band, so that from the same stored numbers
    the network sees what it was trained on.
    """
    known, bands = model.card.input, SEVERAL_SOURCES.bands
    changes = {
        "bands": SEVERAL_BANDS,
        "units": SEVERAL_SOURCES.units,
        "scale": SEVERAL_SOURCES.scale,
        "band_radiometry": bands,
        "mean": tuple(m * one.scale + one.offset for m, one in zip(known.mean, bands, strict=True)),
        "std": tuple(d * one.scale for d, one in zip(known.std, bands, strict=True)),
    }
    moved = known.model_copy(update=changes)
    return ModelFolder(model.path, model.card.model_copy(update={"input": moved}))


def tta_card(mode: Tta, threshold: float) -> TtaCard:
    """Return the description of a threshold that was chosen with a test-time augmentation."""
    return TtaCard(
        mode=mode,
        threshold=threshold,
        f1=0.9,
        split="val",
        tiles=6,
        pixels_sha256="0",
        split_sha256="0",
        engine="torch",
        precision="fp32",
    )
