"""Training: models from tiles, and experiments that compare methods."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landslip.api.models import (
    TilesArgument,
    TrainedModel,
    as_model,
    listed_tiles,
    load_model,
    merged_tiles,
)
from landslip.core.arguments import PathArgument, ProgressArgument, checked, choose, optional_path
from landslip.core.choices import (
    Arch,
    FirstLayer,
    Head,
    Precision,
    SingleModel,
    TrainingStrategy,
)
from landslip.core.errors import InputError, LandslipWarning, ModelError, argument
from landslip.core.progress import progress_bar
from landslip.models.folder import ModelFolder, open_model

if TYPE_CHECKING:
    from landslip.experiments.results import Results
    from landslip.models.training.module import EpochResult


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
    opened = listed_tiles(tiles)  # before weights are looked for
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
        merged_tiles(opened) as dataset,
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
