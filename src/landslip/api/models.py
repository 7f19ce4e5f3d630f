"""Models: opened, evaluated, calibrated, exported."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from landslip.api.temporary import temporary_folder
from landslip.core.arguments import PathArgument, ProgressArgument, checked, choose
from landslip.core.choices import (
    EngineName,
    Precision,
    Split,
    Tta,
)
from landslip.core.errors import InputError, LandslipWarning, argument
from landslip.core.html import html_table
from landslip.core.paths import require_writable
from landslip.core.progress import progress_bar
from landslip.datasets.format import TileDataset
from landslip.models.card import ModelCard
from landslip.models.folder import ModelFolder, open_model

if TYPE_CHECKING:
    from landslip.api.extraction import Probability
    from landslip.core.window import Window
    from landslip.io.raster.scene import Scene
    from landslip.models.calibration.run import CalibrationResult
    from landslip.models.card import ExportsCard
    from landslip.models.engines.base import Engine
    from landslip.models.evaluation import Evaluation

ModelArgument = "TrainedModel | PathArgument"
TilesArgument = TileDataset | PathArgument | Sequence[TileDataset | PathArgument]


class TrainedModel:
    """A model folder, opened."""

    def __init__(self, folder: ModelFolder) -> None:
        """Take an opened folder; `load_model` opens one."""
        self.folder = folder
        self._engine = cache(self._open_engine)

    @property
    def path(self) -> Path:
        """The model folder."""
        return self.folder.path

    @property
    def card(self) -> ModelCard:
        """What ``model.json`` says: bands, units, threshold, training data, metrics."""
        return self.folder.card

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands that the model takes."""
        return tuple(self.card.bands)

    def engine(
        self,
        engine: str = EngineName.AUTO,
        precision: str = Precision.AUTO,
        *,
        tta: str | bool = Tta.NONE,
    ) -> "Engine":
        """Return what runs the network: ``openvino``, ``torch`` or ``onnx``; opened once.

        With ``tta`` (test-time augmentation) its probabilities are the means of those of an image
        and its three flips (``flips``, or True), which takes four times as long, or of its flips
        and quarter turns (``dihedral``), eight times.

        Raises:
            InputError: the engine does not compute in this precision, or ``tta`` is unknown.
            MissingDependencyError: the engine is not installed.
        """
        return self._engine(engine, precision, choose(Tta, tta, "tta"))

    @checked()
    def predict(
        self,
        scene: "Scene | PathArgument",
        window: "Window | tuple[int, int, int, int] | None" = None,
        *,
        engine: str = EngineName.AUTO,
        precision: str = Precision.AUTO,
        tta: str | bool = Tta.NONE,
        force: bool = False,
        progress: ProgressArgument = None,
    ) -> "Probability":
        """Return the probability of landslide for every pixel of a scene, held in memory.

        For scenes that are larger than memory use `landslip.extract`, which writes to disk.

        Args:
            scene: from `landslip.open_scene`, or a path or address.
            window: (col_off, row_off, width, height) of a part of the scene; None: all of it.
            engine: see `engine`.
            precision: number format that the network runs in.
            tta: test-time augmentation, see `engine`.
            force: only warn of bands and values that do not look like the training data.
            progress: True shows a bar, None in notebooks only; or a callable (done, total).

        Returns:
            Probability (height, width) float32, NaN where the scene has no data, with its grid.

        Raises:
            ModelError: the scene's bands, units or values do not fit the model.
            InputError: the window is outside the scene.
        """
        from landslip.api.extraction import predict

        runner = self.engine(engine, precision, tta=tta)
        return predict(self, scene, window, runner, progress, force=force)

    def __repr__(self) -> str:
        card = self.card
        return (
            f"TrainedModel({str(self.path)!r}: {card.architecture.arch}, "
            f"{','.join(card.bands)} in {card.input.units}, threshold {card.threshold:.3f})"
        )

    def _repr_html_(self) -> str:
        card = self.card
        calibration = "none" if card.calibration is None else card.calibration.method
        resolution = card.input.resolution_m
        rows = {
            "folder": str(self.path),
            "network": f"{card.architecture.arch}, encoder {card.architecture.encoder}",
            "bands": f"{', '.join(card.bands)} ({card.input.units})",
            "resolution": "unknown" if resolution is None else f"{resolution:g} m",
            "threshold": f"{card.threshold:.3f}",
            "calibration": str(calibration),
        }
        return html_table("landslip model", rows)

    def _open_engine(self, engine: str, precision: str, tta: Tta) -> "Engine":
        from landslip.models.engines.choose import open_engine

        return open_engine(
            self.folder,
            choose(EngineName, engine, "engine"),
            choose(Precision, precision, "precision"),
            tta,
        )


@checked()
def load_model(path: PathArgument) -> TrainedModel:
    """Open a model folder.

    Raises:
        ModelError: it is no model folder, of another version, or damaged.

    Examples:
        >>> model = landslip.load_model("MODEL")
    """
    return TrainedModel(open_model(Path(path)))


def as_model(model: TrainedModel | PathArgument) -> TrainedModel:
    """Return a model, opened where a path was given."""
    return model if isinstance(model, TrainedModel) else load_model(model)


def as_tiles(tiles: TileDataset | PathArgument) -> TileDataset:
    """Return a dataset, opened where a path was given."""
    return tiles if isinstance(tiles, TileDataset) else TileDataset(Path(tiles))


def listed_tiles(tiles: TilesArgument) -> list[TileDataset]:
    """Return the datasets of an argument, opened where paths were given."""
    if isinstance(tiles, TileDataset | str | PathLike):
        return [as_tiles(tiles)]
    return [as_tiles(one) for one in tiles]


@contextmanager
def merged_tiles(tiles: TilesArgument) -> Iterator[TileDataset]:
    """Give a dataset, opened where a path was given; of several, one merged in a temporary folder.

    Raises:
        InputError: there is none, or they differ in bands, units or data type.
    """
    each = listed_tiles(tiles)
    if len(each) == 1:
        yield each[0]
    else:
        from landslip.datasets import merge

        with temporary_folder(keep_if=False) as folder:
            yield merge(each, out=folder / "tiles")


@checked()
def evaluate(
    model: TrainedModel | PathArgument,
    tiles: TilesArgument,
    *,
    split: str = Split.TEST,
    engine: str = EngineName.AUTO,
    precision: str = Precision.AUTO,
    tta: str | bool = Tta.NONE,
    off_centre: bool = False,
    record: bool = False,
    overwrite: bool = False,
    force: bool = False,
    progress: ProgressArgument = None,
) -> "Evaluation":
    """Score a model on the tiles of a dataset's split.

    Pixels are counted over all tiles of the split at the threshold that was chosen on validation
    tiles. Intervals are 95 % bootstrap intervals over the groups of the tiles, over blocks of
    ground where tiles have coordinates and no groups, else over tiles.

    Args:
        model: from `load_model`, or its folder.
        tiles: of the model's bands; of several datasets those of all.
        split: tiles to score.
        engine: see `TrainedModel.engine`.
        precision: number format that the network runs in.
        tta: test-time augmentation, see `TrainedModel.engine`.
        off_centre: predict each tile through a window that is moved off its centre too, and
            compare the scores of the same pixels: what a model learned of the place in the tile
            is lost there.
        record: write the scores into ``model.json`` too; load the model again afterwards.
        overwrite: replace recorded scores of other tiles.
        force: only warn of tiles that do not look like the model's training data.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Returns:
        Counts of each tile; ``.as_dict()`` has precision, recall, F1 and IoU with intervals, and
        the spread of the probabilities; ``.notes`` what should be known of them.

    Raises:
        InputError: the split has no tile, or scores are to be recorded of tiles that the model was
            trained on.
        ModelError: the dataset's bands or units are not the model's.
        OutputExistsError: scores of other tiles are recorded.

    Examples:
        >>> landslip.evaluate("MODEL", "TILES").as_dict()["f1"]
    """
    from landslip.models import evaluation

    opened, part = as_model(model), choose(Split, split, "split")
    runner = opened.engine(engine, precision, tta=tta)
    with (
        merged_tiles(tiles) as dataset,
        progress_bar("evaluate", "tiles", show=progress) as shown,
    ):
        scores = evaluation.evaluate(
            runner,
            opened.card,
            dataset,
            part,
            off_centre=off_centre,
            force=force,
            progress=shown,
        )
        if record:
            evaluation.record_evaluation(
                opened.folder, dataset, scores, runner, overwrite=overwrite
            )
    return scores


@checked()
def calibrate(
    model: TrainedModel | PathArgument,
    tiles: TileDataset | PathArgument,
    *,
    split: str = Split.VALIDATION,
    method: str = "auto",
    training_statistics: bool = True,
    seed: int = 0,
    engine: str = EngineName.AUTO,
    precision: str = Precision.AUTO,
    tta: str | bool = Tta.NONE,
    overwrite: bool = False,
    force: bool = False,
    progress: ProgressArgument = None,
) -> "CalibrationResult":
    """Calibrate a model's probabilities; the curve is stored in the model folder.

    Args:
        model: from `load_model`, or its folder, which is changed. Load it again afterwards.
        tiles: of the model's bands.
        split: tiles to fit on, ``val`` or ``test``; never those trained on.
        method: ``temperature``, ``platt``, ``isotonic``, or ``auto``: the best of those that the
            tiles have enough landslides for.
        training_statistics: measure the training tiles too, so that scenes out of distribution
            are detected.
        seed: of the folds.
        engine: see `TrainedModel.engine`.
        precision: number format that the network runs in.
        tta: test-time augmentation, see `TrainedModel.engine`.
        overwrite: replace an earlier calibration.
        force: only warn of tiles that do not look like the model's training data.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the split has no tiles, or too few with landslides for the method
            (``landslip.models.calibration.support.MINIMUM``).
        OutputExistsError: the model is calibrated already.

    Examples:
        >>> landslip.calibrate("MODEL", "TILES").selection.method
    """
    from landslip.core.choices import CalibrationMethod
    from landslip.models.calibration import run

    opened, dataset, part = as_model(model), as_tiles(tiles), choose(Split, split, "split")
    require_writable(opened.folder.path, opened.folder.path)
    _warn_of_tiles(opened, dataset, part, force=force)
    with progress_bar("calibrate", "tiles", show=progress) as shown:
        return run.calibrate(
            run.CalibrateRequest(
                model=opened.folder,
                dataset=dataset,
                engine=opened.engine(engine, precision, tta=tta),
                split=part,
                method=choose(CalibrationMethod, method, "method"),
                seed=seed,
                training_statistics=training_statistics,
                overwrite=overwrite,
                progress=shown,
            )
        )


@checked()
def export(
    model: TrainedModel | PathArgument,
    *,
    out: PathArgument,
    onnx: bool = True,
    int8: bool = False,
    calibrate: TileDataset | PathArgument | None = None,
    tiles: int = 100,
    max_loss: float = 0.5,
    seed: int = 0,
    overwrite: bool = False,
    force: bool = False,
    progress: ProgressArgument = None,
) -> "ExportsCard":
    """Write a model again, with ONNX and int8 graphs beside what it has. Needs landslip[export].

    Args:
        model: from `load_model`, or its folder; it stays as it is.
        out: model folder to write.
        onnx: write ``model.onnx``, and ``deepness.onnx`` for QGIS.
        int8: add a graph in int8.
        calibrate: dataset for int8: ranges come from its training tiles, the loss of F1 is
            measured on its validation tiles, else on its test tiles.
        tiles: training tiles to take ranges from, at most.
        max_loss: largest loss of F1 by int8, in percentage points.
        seed: of the draw of tiles.
        overwrite: replace a model folder that exists.
        force: only warn of tiles that do not look like the model's training data.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: ``int8`` and ``calibrate`` are not given together, or int8 loses too much.

    Examples:
        >>> landslip.export("MODEL", out="FAST", int8=True, calibrate="TILES")
    """
    from landslip.models.export.int8 import QuantisationTiles
    from landslip.models.export.run import ExportRequest
    from landslip.models.export.run import export as run

    if int8 != (calibrate is not None):
        raise InputError(
            f"{argument('int8', True)} and {argument('calibrate', 'DATASET')} go together: "
            "int8 is calibrated on the dataset's training tiles, its loss of F1 measured on others"
        )
    ranges, opened = None, as_model(model)
    if calibrate is not None:
        dataset = as_tiles(calibrate)
        _warn_of_tiles(opened, dataset, Split.TRAIN, force=force)
        ranges = QuantisationTiles(dataset=dataset, tiles=tiles, seed=seed)
    with progress_bar("int8", "tiles", show=progress) as shown:
        return run(
            ExportRequest(
                model=opened.folder,
                out=Path(out),
                onnx=onnx,
                int8=ranges,
                max_loss_points=max_loss,
                overwrite=overwrite,
                progress=shown,
            )
        )


@checked()
def predict_tiles(
    model: TrainedModel | PathArgument,
    tiles: TileDataset | PathArgument,
    *,
    out: PathArgument,
    split: str = Split.TEST,
    most: int = 24,
    engine: str = EngineName.AUTO,
    precision: str = Precision.AUTO,
    tta: str | bool = Tta.NONE,
    overwrite: bool = False,
    force: bool = False,
    progress: ProgressArgument = None,
) -> int:
    """Draw tiles as image | label | prediction, errors coloured, into a folder of PNG files.

    Args:
        model: from `load_model`, or its folder.
        tiles: of the model's bands.
        out: folder to write.
        split: tiles to draw.
        most: how many, spread evenly over the split.
        engine: see `TrainedModel.engine`.
        precision: number format that the network runs in.
        tta: test-time augmentation, see `TrainedModel.engine`.
        overwrite: replace a folder that exists.
        force: only warn of tiles that do not look like the model's training data.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Returns:
        How many were drawn.

    Examples:
        >>> landslip.predict_tiles("MODEL", "TILES", out="PICTURES")
    """
    from landslip.metrics.pixels import sum_counts
    from landslip.models.evaluation import result_warning
    from landslip.models.prediction_pictures import PicturesRequest, draw_tiles

    opened, dataset, part = as_model(model), as_tiles(tiles), choose(Split, split, "split")
    _warn_of_tiles(opened, dataset, part, force=force)
    request = PicturesRequest(
        dataset=dataset,
        positions=dataset.positions(part),
        out=Path(out),
        most=most,
        overwrite=overwrite,
    )
    with progress_bar("draw", "tiles", show=progress) as shown:
        counts = draw_tiles(
            opened.engine(engine, precision, tta=tta), opened.card, request, progress=shown
        )
    if note := result_warning(sum_counts(counts), len(counts)):
        warnings.warn(note.text(), LandslipWarning, stacklevel=2)
    return len(counts)


def _warn_of_tiles(model: TrainedModel, dataset: TileDataset, split: Split, *, force: bool) -> None:
    """Refuse tiles that do not fit a model, and warn of those that may not."""
    from landslip.models.evaluation import check_dataset

    for note in check_dataset(model.card, dataset, dataset.positions(split), force=force):
        warnings.warn(f"{dataset.path}: {note.text()}", LandslipWarning, stacklevel=3)
