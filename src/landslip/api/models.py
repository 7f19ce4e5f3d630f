"""Models: opened, trained, evaluated, calibrated, exported."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landslip.api.temporary import temporary_folder
from landslip.core.arguments import PathArgument, ProgressArgument, checked, choose, optional_path
from landslip.core.choices import (
    Arch,
    EngineName,
    FirstLayer,
    Head,
    Precision,
    SingleModel,
    Split,
    TrainingStrategy,
    Tta,
)
from landslip.core.errors import InputError, LandslipWarning, ModelError, argument
from landslip.core.html import html_table
from landslip.core.paths import require_writable
from landslip.core.progress import progress_bar
from landslip.datasets.format import TileDataset
from landslip.models.card import ModelCard
from landslip.models.folder import ModelFolder, open_model

if TYPE_CHECKING:
    from landslip.api.extraction import Probability
    from landslip.core.window import Window
    from landslip.experiments.results import Results
    from landslip.io.raster.scene import Scene
    from landslip.models.calibration.run import CalibrationResult
    from landslip.models.card import ExportsCard
    from landslip.models.engines.base import Engine
    from landslip.models.evaluation import Evaluation
    from landslip.models.training.module import EpochResult

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


@contextmanager
def merged_tiles(tiles: TilesArgument) -> Iterator[TileDataset]:
    """Give a dataset, opened where a path was given; of several, one merged in a temporary folder.

    Raises:
        InputError: there is none, or they differ in bands, units or data type.
    """
    if isinstance(tiles, TileDataset | str | PathLike):
        yield as_tiles(tiles)
    elif len(tiles) == 1:
        yield as_tiles(tiles[0])
    else:
        from landslip.datasets import merge

        with temporary_folder(keep_if=False) as folder:
            yield merge(tiles, out=folder / "tiles")


@checked()
def train(
    tiles: TilesArgument,
    *,
    out: PathArgument,
    arch: str | None = None,
    encoder: str | None = None,
    encoder_weights: str | None = None,
    first_layer: str | None = None,
    head: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    precision: str | None = None,
    workers: int | None = None,
    seed: int | None = None,
    recipe: str | None = None,
    config: PathArgument | Mapping[str, Any] | None = None,
    start_from: TrainedModel | PathArgument | None = None,
    folds: int | None = None,
    single: str | None = None,
    devices: int | None = None,
    num_nodes: int | None = None,
    strategy: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    force: bool = False,
    on_epoch: "Callable[[EpochResult], None] | None" = None,
    progress: ProgressArgument = None,
) -> TrainedModel:
    """Train a network on a dataset and write a model folder. Needs landslip[train].

    While it runs, checkpoints and TensorBoard logs are in ``OUT.training``; after an interruption
    the same call with ``resume=True`` goes on, to the same result. Epoch and threshold are chosen
    on the validation tiles, never on the test tiles.

    Args:
        tiles: from `landslip.datasets.open`, or its folder; several are merged in a temporary
            folder, as `landslip.datasets.merge` does.
        out: model folder to write.
        arch: ``linknet`` (default), ``albunet``, ``improved-unet``, a decoder of
            segmentation-models-pytorch, or ``two-date-linknet``, whose tiles have bands of an
            earlier date; it may start from a LinkNet of one date.
        encoder: timm backbone with a feature pyramid; default ``resnet50``.
        encoder_weights: ``imagenet`` (default, downloaded by timm), ``none``, a safetensors or pth
            file, ``sentinel2-rgb-moco``, ``sentinel2-all-moco`` or ``hf-hub:OWNER/REPO/FILE``.
        first_layer: first filters of bands other than red, green, blue; default ``mean``.
        head: activation in LinkNet's head: ``relu`` (default), ``batchnorm``, ``leaky``, ``silu``.
        epochs: passes over the tiles; default 40.
        batch_size: tiles in a step; default 8.
        precision: number format; default ``auto``.
        workers: reading processes; default 0.
        seed: of every draw; default 0.
        recipe: named settings: ``default`` (default), ``best``, ``fast`` or ``paper``.
        config: YAML file or dictionary of settings over the recipe's.
        start_from: model whose network, weights and normalisation training begins with. Without
            validation tiles, its threshold is chosen on the tuning tiles, each predicted by a model
            that was tuned without it.
        folds: train as many networks, each without a fold of groups of the training and validation
            tiles. Epoch and threshold are those that are best for the pooled predictions of all
            tiles by the network that was not trained on them. ``out`` also gets these predictions
            (``out_of_fold.npz``) and the networks' ensemble (``ensemble``, a model folder).
        single: how one model is made of those of the folds: ``refit`` (default) trains once more on
            all tiles, ``distil`` learns the ensemble's probabilities, ``average`` takes the mean of
            the weights.
        devices: GPUs of this machine, or processes where there is none; default 1.
        num_nodes: machines; each runs the same call; default 1.
        strategy: Lightning's; how devices share the work; default ``auto``.
        resume: go on with an interrupted run. What is not stated again is as it was; what is
            stated must be the same, but for ``workers``, ``devices``, ``num_nodes`` and
            ``strategy``.
        overwrite: replace a model, and drop an interrupted run.
        force: only warn of tiles that do not look like the training data of ``start_from``.
        on_epoch: called after each epoch.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the dataset cannot be trained on, or a setting is wrong; with ``resume``, no
            run was interrupted, or a stated setting or the dataset differs from its own.
        OutputExistsError: ``out`` or an interrupted run exists.

    Examples:
        >>> model = landslip.train(tiles, out="MODEL", encoder="resnet50")
    """
    if start_from is not None and (encoder_weights, first_layer, head) != (None, None, None):
        raise InputError(
            f"{argument('start_from')} takes all weights from a model; leave out "
            f"{argument('encoder_weights')}, {argument('first_layer')} and {argument('head')}, "
            "which are of a new network"
        )
    if find_spec("torch") is None:  # before a network is looked for
        raise ModuleNotFoundError("No module named 'torch'", name="torch")
    from landslip.models.networks.weights_download import check_network
    from landslip.models.training.interrupted_run import read_run, run_folder
    from landslip.models.training.recipe import DEFAULT_RECIPE, read_config, stated_settings

    stated = {
        "arch": None if arch is None else choose(Arch, arch, "arch"),
        "encoder": encoder,
        "encoder_weights": encoder_weights,
        "first_layer": (
            None if first_layer is None else choose(FirstLayer, first_layer, "first_layer")
        ),
        "head": None if head is None else choose(Head, head, "head"),
        "epochs": epochs,
        "batch_size": batch_size,
        "precision": None if precision is None else choose(Precision, precision, "precision"),
        "workers": workers,
        "seed": seed,
    }
    one_model = _single_model(folds, single, is_resumed=resume)
    settings = config if isinstance(config, Mapping) else optional_path(config)
    start = None if start_from is None else as_model(start_from).folder
    if resume:
        before = read_run(Path(out))
        own = stated_settings(recipe, settings, stated)
        train_config = before.resumed_config(own, run_folder(Path(out)))
        if start is None and before.start is not None:
            start = _start_of(before.start)
        process = before.devices, before.nodes, before.strategy
        folds = before.folds if folds is None else folds
        one_model = one_model or before.single
    else:
        train_config = read_config(recipe or DEFAULT_RECIPE, settings, stated)
        process = 1, 1, TrainingStrategy.AUTO
        if start is None and train_config.downloads_weights:
            check_network(train_config.encoder)
    from landslip.models.training.distributed import DistributedSettings, this_process
    from landslip.models.training.model_writer import position_notes
    from landslip.models.training.module import TrainingCallbacks
    from landslip.models.training.run import TrainRequest
    from landslip.models.training.run import train as run

    distributed = DistributedSettings(
        devices=process[0] if devices is None else devices,
        nodes=process[1] if num_nodes is None else num_nodes,
        strategy=choose(TrainingStrategy, process[2] if strategy is None else strategy, "strategy"),
    )
    request = partial(
        TrainRequest,
        out=Path(out),
        config=train_config,
        start=start,
        folds=folds or 1,
        single=one_model or SingleModel.REFIT,
        resume=resume,
        overwrite=overwrite,
        force=force,
        distributed=distributed,
    )
    is_first = this_process(distributed).is_main
    with (
        merged_tiles(tiles) as dataset,
        progress_bar("train", "steps", show=progress if is_first else False) as shown,
    ):
        callbacks = TrainingCallbacks(on_step=shown)
        if on_epoch is not None:
            callbacks = replace(callbacks, on_epoch=on_epoch)
        at_once = position_notes(dataset, train_config)
        for note in at_once:
            warnings.warn(note.text(), LandslipWarning, stacklevel=3)
        run(request(dataset=dataset, callbacks=callbacks))
    model = load_model(out)
    for note in model.card.notes:
        if note.is_warning and note not in at_once:
            warnings.warn(note.text(), LandslipWarning, stacklevel=3)
    return model


def _single_model(folds: int | None, single: str | None, *, is_resumed: bool) -> SingleModel | None:
    """Return how one model is made of those of folds, if that is stated; refuse what is not."""
    if folds is not None and folds < 2:
        raise InputError(f"{argument('folds')} is 2 or more; got {folds}")
    if single is None:
        return None
    if folds is None and not is_resumed:
        raise InputError(
            f"{argument('single', single)} is of a training in folds; state {argument('folds')}"
        )
    return choose(SingleModel, single, "single")


def _start_of(place: str) -> ModelFolder:
    """Open the model that an interrupted run started from."""
    try:
        return open_model(Path(place))
    except ModelError as error:
        raise InputError(
            f"the interrupted run started from the model {place}, which cannot be opened "
            f"({error}); name where it is now with {argument('start_from')}"
        ) from error


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


@checked("folders")
def run_experiment(
    config: PathArgument,
    *,
    out: PathArgument,
    resume: bool = False,
    jobs: int = 1,
    log: Callable[[str], None] | None = None,
    progress: ProgressArgument = None,
) -> "Results":
    """Compare methods on identical tiles: data sets x splits x methods x seeds.

    Args:
        config: YAML file, see ``docs/experiments.md``.
        out: folder for ``report.html``, ``results.json`` and a folder for each run.
        resume: go on with what an earlier call left there.
        jobs: runs at a time; the cores are shared among them.
        log: called with a line for each step.
        progress: True shows a bar, None in notebooks only; or a callable (done, total).

    Raises:
        InputError: the configuration is wrong, or training tiles leak into the test.

    Examples:
        >>> landslip.run_experiment("configs/smoke.yaml", out="EXPERIMENT", jobs=2)
    """
    from landslip.experiments.config import read_experiment
    from landslip.experiments.experiment import ExperimentRequest
    from landslip.experiments.experiment import run_experiment as run
    from landslip.reporting.experiment.page import write_report

    log = log or (lambda _line: None)
    with progress_bar("experiment", "runs", show=progress) as shown:
        results, datasets = run(
            ExperimentRequest(
                config=read_experiment(Path(config)),
                out=Path(out),
                resume=resume,
                jobs=jobs,
                log=log,
                progress=shown,
            )
        )
    log("report ...")
    write_report(results, datasets, Path(out))
    return results
