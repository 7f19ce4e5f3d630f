"""Short trainings with several optimisers and learning rates, for each network the same search.

    python benchmarks/recipe_trials.py DATASET [--encoder resnet18] [--encoder-weights FILE]
        [--networks linknet,albunet,unet,improved-unet] [--tiles 100] [--epochs 4]
        [--trials sgd:0.01,adamw:0.001:2] [--training FILE] [--log FILE]

A trial is optimiser:learning rate[:epochs of warm-up]. Each is trained on the same first tiles of
the training split, on one thread, and scored on the validation split after its last epoch: average
precision, and F1 at the threshold that is best there. Trials in the log are not run again.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

TRIALS = "sgd:0.03,sgd:0.01,sgd:0.003,sgd:0.001,adamw:0.002:1,adamw:0.001:1,adamw:0.0003:1"


def main() -> None:
    """Run the trials that are not in the log, and print all as a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--encoder-weights", default="imagenet")
    parser.add_argument("--networks", default="linknet,albunet,unet,improved-unet")
    parser.add_argument("--tiles", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--trials", default=TRIALS)
    parser.add_argument("--training", type=Path, help="YAML of settings under those of the trials")
    parser.add_argument("--log", type=Path, default=Path("recipe_trials.jsonl"))
    options = parser.parse_args()
    log: Path = options.log
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for trial in options.trials.split(","):
        for network in options.networks.split(","):
            name = {"network": network, "trial": trial, "training": str(options.training)}
            if any(name.items() <= result.items() for result in done):
                continue
            done.append(name | score(options, network, trial))
            with log.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
    print("| network | trial | settings under it | training loss | average precision | F1 |")
    print("|---|---|---|---|---|---|")
    for one in sorted(done, key=lambda result: (result["network"], -result["ap"])):
        print(
            f"| {one['network']} | {one['trial']} | {one['training']} | {one['loss']:.3f} "
            f"| {one['ap']:.4f} | {one['f1']:.4f} |"
        )


def score(options: argparse.Namespace, network: str, trial: str) -> dict[str, float]:
    """Train once and return the last epoch's training loss and scores of the validation tiles."""
    import torch

    from landslip.core.choices import Split
    from landslip.core.text import read_yaml
    from landslip.datasets.format import TileDataset
    from landslip.datasets.normalisation import Normalisation, band_statistics
    from landslip.models.networks.architecture import Architecture
    from landslip.models.networks.build import build_network
    from landslip.models.training.fit import FitRequest, fit
    from landslip.models.training.module import EpochResult, TrainingCallbacks
    from landslip.models.training.recipe import read_config

    torch.set_num_threads(1)
    optimizer, rate, *warmup = trial.split(":")
    stated: dict[str, Any] = {
        "arch": network,
        "encoder": options.encoder,
        "encoder_weights": options.encoder_weights,
        "epochs": options.epochs,
        "optimizer": optimizer,
        "learning_rate": float(rate),
        "warmup_epochs": float(warmup[0]) if warmup else 0.0,
        "weight_decay": 0.01 if optimizer == "adamw" else 1e-4,
    }
    under = {} if options.training is None else read_yaml(options.training)
    config = read_config("default", under, stated)
    dataset = TileDataset(options.dataset)
    known = band_statistics(dataset, dataset.positions(Split.TRAIN))
    result: list[EpochResult] = []

    class FirstTiles(TileDataset):
        def positions(self, split: Split) -> list[int]:
            found = super().positions(split)
            return found[: options.tiles] if split is Split.TRAIN else found

    with tempfile.TemporaryDirectory() as folder:
        request = FitRequest(
            dataset=FirstTiles(options.dataset),
            normalisation=Normalisation(
                radiometry=dataset.card.radiometry, mean=known.mean, std=known.std
            ),
            config=config,
            folder=Path(folder),
        )
        architecture = Architecture(arch=config.arch, encoder=config.encoder, bands=dataset.bands)
        weights = config.encoder_weights
        built = build_network(architecture, encoder_weights=weights, seed=config.seed)
        fit(request, built, TrainingCallbacks(on_epoch=result.append))
    last = result[-1]
    return {
        "loss": last.train_loss,
        "ap": last.average_precision or 0.0,
        "f1": (last.counts.f1 if last.counts else None) or 0.0,
    }


if __name__ == "__main__":
    main()
