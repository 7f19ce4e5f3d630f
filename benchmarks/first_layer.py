"""Which initial filters serve a band that ImageNet does not know, such as NIR?

    python benchmarks/first_layer.py TRAIN TEST --encoder resnet18 --encoder-weights FILE
        [--epochs 20] [--seeds 3] [--work DIR]

Trains on dataset TRAIN by each rule and seed, scores dataset TEST at the threshold chosen on the
validation tiles of TRAIN, and prints a table. A run that was finished in DIR is not done again.
"""

import argparse
import json
import statistics
from pathlib import Path

from landslip.core.choices import EngineName, FirstLayer, Precision, Split
from landslip.datasets.format import TileDataset
from landslip.models.engines.choose import open_engine
from landslip.models.evaluation import evaluate
from landslip.models.folder import open_model
from landslip.models.training.recipe import TrainConfig
from landslip.models.training.run import TrainRequest, train


def main() -> None:
    """Run the matrix and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--encoder-weights", default="imagenet")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("first-layer-runs"))
    options = parser.parse_args()
    scores: dict[FirstLayer, list[float]] = {rule: [] for rule in FirstLayer}
    for seed in range(options.seeds):
        for rule in FirstLayer:
            scores[rule].append(score(options, rule, seed))
            print(f"seed {seed} {rule.value:<7} F1 {scores[rule][-1]:.4f}", flush=True)
    print("\n| rule | " + " | ".join(f"seed {at}" for at in range(options.seeds)) + " | mean |")
    print("|---|" + (options.seeds + 1) * "---|")
    for rule, found in scores.items():
        shown = " | ".join(f"{value:.4f}" for value in found)
        print(f"| {rule.value} | {shown} | {statistics.mean(found):.4f} |")


def score(options: argparse.Namespace, rule: FirstLayer, seed: int) -> float:
    """Train by one rule and seed, and return the F1 on the test dataset."""
    out = options.work / f"{rule.value}-{seed}"
    config = TrainConfig(
        encoder=options.encoder,
        encoder_weights=options.encoder_weights,
        first_layer=rule,
        epochs=options.epochs,
        seed=seed,
    )
    if not (out / "model.json").is_file():
        train(TrainRequest(dataset=TileDataset(options.train), out=out, config=config, resume=True))
    model = open_model(out)
    engine = open_engine(model, EngineName.OPENVINO, Precision.FP32)
    counts = evaluate(engine, model.card, TileDataset(options.test), Split.TEST).counts
    (out / "test.json").write_text(json.dumps(counts.as_dict()) + "\n")
    return counts.f1 or 0.0


if __name__ == "__main__":
    main()
