"""Which light network is fast in int8, alone and in the whole of `landslip extract`.

    python benchmarks/light_networks.py [--side 4096] [--epochs 24] [--rounds 5] [--seed 0]
        [--out TABLES.md] [--tiny]

Alone: LinkNets with random weights, on which speed does not depend, exported to int8 like any
model. CPU seconds of one window of 512 x 512 px on one core, the least of the rounds, in which all
networks and precisions take turns.

The whole: two networks, trained for a few epochs on synthetic terrain so that their maps look like
maps, map one synthetic scene by the command; a process of its own each time, by turns, the first
round not counted. Medians of the rounds.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from extract_parts.comparison import log
from extract_parts.inputs import BANDS, SceneLayout, make_image, write_scene, write_tiles
from extract_parts.openvino_runs import capable_precisions
from extract_parts.processes import ProcessCost, extract_command, run_measured
from int8 import with_int8
from landslip.core.choices import Precision
from landslip.datasets.format import TileDataset
from landslip.models.engines.base import WindowSpec
from landslip.models.engines.openvino import OpenvinoEngine, OpenvinoRunner
from landslip.models.export.int8 import QuantisationTiles
from landslip.models.folder import ModelFolder, open_model
from landslip.models.training.recipe import read_config
from landslip.models.training.run import TrainRequest, train

WINDOW_PX = 512
FAST = "fast"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A LinkNet: its encoder, the encoder's levels and the width of its decoder."""

    encoder: str
    levels: int = 4
    width: int = 64

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of its training."""
        return {
            "encoder": self.encoder,
            "encoder_levels": self.levels,
            "decoder_width": self.width,
        }


REFERENCE = Network(encoder="resnet50")
CANDIDATES = (
    REFERENCE,
    Network(encoder="resnet18"),
    Network(encoder="resnet18", width=32),
    Network(encoder="resnet18", levels=3),
    Network(encoder="resnet18", levels=3, width=32),
    Network(encoder="tf_efficientnet_lite2"),
    Network(encoder="tf_efficientnet_lite0"),
    Network(encoder="tf_efficientnet_lite0", width=32),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is done; the first candidate is the reference."""

    candidates: tuple[Network, ...] = CANDIDATES
    ground_px: int = 1024
    side: int = 4096
    epochs: int = 24
    rounds: int = 5


TINY = Size(
    candidates=(Network(encoder="test_resnet"), Network(encoder="test_resnet", width=4)),
    ground_px=512,
    side=512,
    epochs=1,
    rounds=1,
)


def main() -> None:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=Size().side, help="of the scene")
    parser.add_argument("--epochs", type=int, default=Size().epochs)
    parser.add_argument("--rounds", type=int, default=Size().rounds)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tiny", action="store_true", help="both parts in little, for the test")
    options = parser.parse_args()
    stated = {name: getattr(options, name) for name in ("side", "epochs", "rounds")}
    size = TINY if options.tiny else replace(Size(), **stated)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ground = make_image(options.seed, size.ground_px)
        (folder / "tiles").mkdir()
        write_tiles(folder / "tiles", ground)
        write_scene(
            folder / "scene.tif", ground, SceneLayout(shape=(size.side, size.side)), options.seed
        )
        dataset = TileDataset(folder / "tiles")
        lines = [*alone(dataset, folder, size), "", *whole_process(dataset, folder, size)]
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def trained(
    dataset: TileDataset, out: Path, recipe: str, network: Network, **settings: Any
) -> ModelFolder:
    """Train a network from scratch and return its model with int8."""
    stated = {"encoder_weights": "none", "batch_size": 4, **network.settings, **settings}
    config = read_config(recipe, None, stated)
    log(f"{out.name}: {config.epochs} epochs, then int8")
    train(TrainRequest(dataset=dataset, out=out, config=config))
    exported = out.with_name(f"{out.name}_int8")
    return with_int8(open_model(out), QuantisationTiles(dataset=dataset), exported)


def alone(dataset: TileDataset, folder: Path, size: Size) -> Iterator[str]:
    """Time the networks alone, by turns."""
    precisions = (Precision.INT8, Precision(capable_precisions()[-1]))
    stored = np.full((len(BANDS), WINDOW_PX, WINDOW_PX), 1000, dtype=np.uint16)
    stored += np.random.default_rng(1).integers(0, 500, stored.shape, dtype=np.uint16)
    valid = np.ones((WINDOW_PX, WINDOW_PX), dtype=np.bool_)
    cores = os.sched_getaffinity(0)
    runners: dict[tuple[Network, Precision], OpenvinoRunner] = {}
    seconds: dict[tuple[Network, Precision], float] = {}
    for at, network in enumerate(size.candidates):
        once = {"epochs": 1, "steps_per_epoch": 1}
        model = trained(dataset, folder / f"candidate{at}", "default", network, **once)
        known = model.card.normalisation_of(model.card.radiometry)
        spec = WindowSpec(shape=valid.shape, normalisation=known)
        os.sched_setaffinity(0, {min(cores)})  # one thread
        for precision in precisions:
            runners[network, precision] = OpenvinoEngine(model, precision).runner(spec)
        os.sched_setaffinity(0, cores)
    for runner in runners.values():
        runner.run(stored, valid)
    for _ in range(size.rounds):
        for key, runner in runners.items():
            started = time.process_time()
            runner.run(stored, valid)
            spent = time.process_time() - started
            seconds[key] = min(spent, seconds.get(key, spent))
    reference = seconds[size.candidates[0], Precision.INT8]
    yield f"| encoder | levels | width | int8, ms | times the first | {precisions[1]}, ms |"
    yield "|---|---|---|---|---|---|"
    for network in size.candidates:
        int8, wide = (seconds[network, precision] for precision in precisions)
        words = f"| {network.encoder} | {network.levels} | {network.width} "
        yield f"{words}| {1e3 * int8:.1f} | {reference / int8:.2f} | {1e3 * wide:.1f} |"


def whole_process(dataset: TileDataset, folder: Path, size: Size) -> Iterator[str]:
    """Time `landslip extract` in int8 with the network of `fast` and with the reference."""
    fast = read_config(FAST, None, {})
    light = Network(encoder=fast.encoder, levels=fast.encoder_levels, width=fast.decoder_width)
    networks = {FAST: light, size.candidates[0].encoder: size.candidates[0]}
    costs: dict[str, list[ProcessCost]] = {}
    scene = folder / "scene.tif"
    commands = {}
    for name, network in networks.items():
        model = trained(dataset, folder / name, FAST, network, epochs=size.epochs)
        commands[name] = extract_command(
            scene, model.path, folder / f"{name}_map", "--precision", "int8", "--overwrite"
        )
    for turn in range(size.rounds + 1):
        for name, command in commands.items():
            cost = run_measured(command)
            log(f"{name}: {cost.seconds:.1f} s")
            if turn > 0:  # the first fills caches
                costs.setdefault(name, []).append(cost)
    yield f"`landslip extract --precision int8`, {size.side} x {size.side} px, {len(BANDS)} bands"
    yield ""
    yield "| network | seconds | CPU seconds | times the second, in seconds |"
    yield "|---|---|---|---|"
    slow = costs[size.candidates[0].encoder]
    for name, found in costs.items():
        seconds = statistics.median(cost.seconds for cost in found)
        spent = statistics.median(cost.cpu_seconds for cost in found)
        ratio = statistics.median(
            other.seconds / one.seconds for one, other in zip(found, slow, strict=True)
        )
        yield f"| {name} | {seconds:.2f} | {spent:.2f} | {ratio:.2f} |"


if __name__ == "__main__":
    main()
