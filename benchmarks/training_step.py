"""How long a training step takes on this machine, and how long reading its tiles takes.

    python benchmarks/training_step.py DATASET [--encoder resnet18] [--steps 12] [--rounds 3]

Memory format, number format and glibc's handling of freed memory are compared side by side, each in
a process of its own, in an order drawn anew in each round; the table has medians of all
steps but the first two of each process.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

WARM_UP = 2


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.dataset, options.encoder, options.steps, options.one)))
        return
    print(f"{platform.processor() or platform.machine()}, {options.encoder}, batch 8")
    cases = [
        ",".join(case) for case in product(("nchw", "nhwc"), ("fp32", "bf16"), ("free", "keep"))
    ]
    seconds: dict[str, list[float]] = {case: [] for case in cases}
    reading: list[float] = []
    for _ in range(options.rounds):
        for case in random.sample(cases, len(cases)):
            found = in_own_process(options, case)
            seconds[case] += found["steps"]
            reading += found["reading"]
    print("| memory format | numbers | freed memory | s a step | against the first |")
    print("|---|---|---|---|---|")
    base = statistics.median(seconds[cases[0]])
    for case in cases:
        median = statistics.median(seconds[case])
        print(f"| {' | '.join(case.split(','))} | {median:.3f} | {base / median:.2f} x |")
    print(f"\nreading, normalising and cropping a batch: {statistics.median(reading):.4f} s")


def in_own_process(options: argparse.Namespace, case: str) -> dict[str, list[float]]:
    """Measure one case in a fresh process."""
    command = [sys.executable, "-W", "ignore", __file__, str(options.dataset), "--one", case]
    command += ["--encoder", options.encoder, "--steps", str(options.steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def measure(path: Path, encoder: str, steps: int, case: str) -> dict[str, list[float]]:
    """Return the seconds of each training step and of reading each batch."""
    import torch

    from landslip.core.choices import Split
    from landslip.datasets.format import TileDataset
    from landslip.datasets.normalisation import Normalisation, band_statistics
    from landslip.models.networks.architecture import Architecture
    from landslip.models.networks.build import build_network
    from landslip.models.training.data import crop_side, training_loader
    from landslip.models.training.fit import keep_freed_memory
    from landslip.models.training.loss import segmentation_loss
    from landslip.models.training.recipe import TrainConfig

    layout, numbers, memory = case.split(",")
    if memory == "keep":
        keep_freed_memory()
    order = torch.channels_last if layout == "nhwc" else torch.contiguous_format
    dataset = TileDataset(path)
    positions = dataset.positions(Split.TRAIN)
    known = band_statistics(dataset, positions[:20])
    normalisation = Normalisation(
        radiometry=dataset.card.radiometry, mean=known.mean, std=known.std
    )
    architecture = Architecture(encoder=encoder, bands=dataset.card.bands)
    crop = crop_side(dataset, positions, architecture.multiple)
    loader = training_loader(dataset, positions, normalisation, TrainConfig(), crop).loader
    network = build_network(architecture)
    network.to(memory_format=order).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    found: dict[str, list[float]] = {"steps": [], "reading": []}
    batches = iter(loader)
    for _ in range(steps):
        started = time.perf_counter()
        image, label, counted, _ = next(batches)  # whole tiles, not augmented
        found["reading"].append(time.perf_counter() - started)
        started = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=numbers == "bf16"):
            logits = network(image.contiguous(memory_format=order))[:, 0]
        loss = segmentation_loss(logits, label, counted, dice_over="image")
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        found["steps"].append(time.perf_counter() - started)
    return {name: values[WARM_UP:] for name, values in found.items()}


if __name__ == "__main__":
    main()
