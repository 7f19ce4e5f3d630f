"""What a GPU does with landslip; `benchmarks/gpu.sh` runs it.

    python benchmarks/gpu.py pack TILES TILES.zip
    python benchmarks/gpu.py run TILES.zip [--weights FILE] [--out gpu.md] [--tiny]

Prints, and writes, one Markdown table for each part:

1. one full fold: the recipe `best` on the training tiles, scored on the test tiles;
2. training steps a second, of network, loss and optimiser on tiles that are on the device;
3. extraction: the network alone on pixels that are on the device; windows read from an array,
   computed, blended and cut at the threshold; and, where rasterio is installed, the whole process
   of `landslip extract` on a GeoTIFF, polygons included.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from landslip.core.choices import EngineName, Precision, Split, Tta
from landslip.datasets.format import TileDataset
from landslip.inference.blending import RowBlender
from landslip.inference.plan import WindowPlan
from landslip.models.engines.base import WindowSpec, threshold_level
from landslip.models.engines.choose import open_engine
from landslip.models.engines.torch import fold_batch_norm
from landslip.models.evaluation import evaluate
from landslip.models.folder import ModelFolder, open_model
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.training.loss import segmentation_loss
from landslip.models.training.recipe import read_config
from landslip.models.training.run import TrainRequest, train
from landslip.models.weights import load_network
from packed_tiles import pack, unpack

OVERLAP = 64
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is done; lengths in pixels."""

    encoders: tuple[str, ...] = ("resnet18", "resnet50")
    scene: int = 16384
    window: int = 2048
    crop: int = 256
    batches: tuple[int, ...] = (8, 32)
    seconds: float = 4.0
    training: tuple[tuple[str, object], ...] = ()


TINY = Size(
    encoders=("resnet18",),
    scene=160,
    window=96,
    crop=64,
    batches=(2,),
    seconds=0.1,
    training=(("epochs", 1), ("steps_per_epoch", 1), ("batch_size", 2), ("encoder", "resnet18")),
)


def main() -> None:
    """Pack tiles, or run all parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write a tile dataset as one file")
    packing.add_argument("tiles", type=Path)
    packing.add_argument("out", type=Path)
    running = commands.add_parser("run", help="measure")
    running.add_argument("tiles", type=Path, help="what pack wrote")
    running.add_argument("--weights", default="none", help="of the encoder: a file, or imagenet")
    running.add_argument("--out", type=Path, default=Path("gpu.md"))
    running.add_argument("--tiny", action="store_true", help="every part, on a CPU in a minute")
    options = parser.parse_args()
    if options.command == "pack":
        pack(options.tiles, options.out)
        return
    size = TINY if options.tiny else Size()
    text = [f"{device_name()}, torch {torch.__version__}, {len(os.sched_getaffinity(0))} cores\n"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset = unpack(options.tiles, folder / "tiles")
        for part in (
            fold_of_best(dataset, folder, options.weights, size),
            training_steps(size),
            extraction(dataset, folder, size),
        ):
            lines = list(part)
            text += [*lines, ""]
            print("\n".join(lines) + "\n")
            options.out.write_text("\n".join(text))  # what there is, if time runs out


def device() -> torch.device:
    """Return the GPU, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name() -> str:
    """Return what computes."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return platform.processor() or platform.machine()


def fold_of_best(dataset: TileDataset, folder: Path, weights: str, size: Size) -> Iterator[str]:
    """Train the recipe `best` and score it on the test tiles, plain and averaged over flips."""
    stated = {"encoder_weights": weights, **dict(size.training)}
    config = read_config("best", None, stated)
    started = time.monotonic()
    train(TrainRequest(dataset=dataset, out=folder / "best", config=config))
    seconds = time.monotonic() - started
    model = open_model(folder / "best")
    tiles = ", ".join(f"{number} {split}" for split, number in dataset.card.tiles.items())
    how = f"{config.encoder}, {config.epochs} epochs, {seconds:.0f} s, weights {weights}"
    yield f"One fold of `best`: {how} ({tiles} tiles)"
    yield ""
    yield "| test-time augmentation | average precision | F1 | precision | recall | threshold |"
    yield "|---|---|---|---|---|---|"
    for tta in Tta:
        engine = open_engine(model, EngineName.TORCH, tta=tta)
        found = evaluate(engine, model.card, dataset, Split.TEST, force=True)
        counts = found.counts
        scores = (found.average_precision, counts.f1, counts.precision, counts.recall)
        cells = ["-" if score is None else f"{score:.4f}" for score in scores]
        yield f"| {tta.value} | {' | '.join(cells)} | {found.threshold:.3f} |"


def training_steps(size: Size) -> Iterator[str]:
    """Measure training steps of network, loss and optimiser, in bf16."""
    yield f"Training steps: crops of {size.crop} px, bf16, AdamW"
    yield ""
    yield "| encoder | batch | steps/s | MPix/s |"
    yield "|---|---|---|---|"
    for encoder, batch in product(size.encoders, size.batches):
        rate = calls_per_second(training_step(encoder, batch, size.crop), size.seconds)
        yield f"| {encoder} | {batch} | {rate:.2f} | {rate * batch * size.crop**2 / 1e6:.2f} |"


def training_step(encoder: str, batch: int, crop: int) -> Callable[[], None]:
    """Return a function that does one training step of a LinkNet."""
    where = device()
    architecture = Architecture(encoder=encoder, bands=("red", "green", "blue"))
    network = build_network(architecture).to(where).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    generator = torch.Generator(where).manual_seed(0)
    image = torch.randn((batch, 3, crop, crop), generator=generator, device=where)
    image = image.contiguous(memory_format=torch.channels_last)
    label = (image[:, 0] > 1).to(torch.uint8)
    counted = torch.ones_like(label, dtype=torch.bool)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(where.type, torch.bfloat16):
            logits = network(image)[:, 0]
        loss = segmentation_loss(logits, label, counted, dice_over="batch")
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def extraction(dataset: TileDataset, folder: Path, size: Size) -> Iterator[str]:
    """Measure the network alone, windows of an array, and the whole process."""
    has_rasters = find_spec("rasterio") is not None and find_spec("geopandas") is not None
    yield f"Extraction: {size.scene} x {size.scene} px, windows of {size.window} px, MPix/s"
    if not has_rasters:
        yield "(rasterio or geopandas is not installed: the whole process is not measured)"
    yield ""
    yield "| encoder | precision | network alone | in memory, blended | whole process |"
    yield "|---|---|---|---|---|"
    scene = scene_of(dataset, size.scene)
    on_gpu = device().type == "cuda"
    for encoder in size.encoders:
        model = one_step_model(dataset, folder / encoder, encoder)
        for name in ("fp32", "bf16", "fp16") if on_gpu else ("fp32", "bf16"):
            alone = network_alone(model, name, size)
            blended = in_memory(model, Precision(name), scene, size)
            whole = "-"
            # an untrained network maps noise, whose polygons take longer than anything else
            trained = open_model(folder / "best")
            if has_rasters and name != "fp32" and encoder == trained.card.architecture.encoder:
                whole = f"{whole_process(trained, name, scene, folder):.2f}"
            yield f"| {encoder} | {name} | {alone:.2f} | {blended:.2f} | {whole} |"


def one_step_model(dataset: TileDataset, out: Path, encoder: str) -> ModelFolder:
    """Return a model of a network that is hardly trained; its speed is that of any."""
    stated = {
        "encoder": encoder,
        "encoder_weights": "none",
        "epochs": 1,
        "steps_per_epoch": 1,
        "batch_size": 2,
    }
    train(TrainRequest(dataset=dataset, out=out, config=read_config("default", None, stated)))
    return open_model(out)


def scene_of(dataset: TileDataset, side: int) -> NDArray[np.uint8]:
    """Return a scene (bands, side, side) of tiles beside each other."""
    first = dataset.tile(0).stored
    shape = first.shape[1:]
    columns = [at for at in range(len(dataset)) if dataset.shape(at) == shape]
    across = -(-side // shape[1])
    rows = [
        np.concatenate(
            [
                dataset.tile(columns[(row * across + col) % len(columns)]).stored
                for col in range(across)
            ],
            axis=2,
        )
        for row in range(-(-side // shape[0]))
    ]
    scene: NDArray[np.uint8] = np.concatenate(rows, axis=1)[:, :side, :side]
    return np.ascontiguousarray(scene)


def network_alone(model: ModelFolder, precision: str, size: Size) -> float:
    """Return 10^6 pixels a second of the network on a window that is on the device."""
    where, dtype = device(), DTYPES[precision]
    network = fold_batch_norm(load_network(model).eval())
    network = network.to(where).to(memory_format=torch.channels_last)
    image = torch.randn(1, len(model.card.bands), size.window, size.window, device=where)
    image = image.contiguous(memory_format=torch.channels_last)

    @torch.inference_mode()
    def call() -> None:
        with torch.autocast(where.type, dtype, enabled=dtype is not torch.float32):
            network(image)

    return calls_per_second(call, size.seconds) * size.window**2 / 1e6


def in_memory(
    model: ModelFolder, precision: Precision, scene: NDArray[np.uint8], size: Size
) -> float:
    """Return 10^6 pixels a second from an array to a mask; windows overlap and are blended."""
    engine = open_engine(model, EngineName.TORCH, precision)
    plan = WindowPlan(
        shape=scene.shape[1:],
        window=(size.window, size.window),
        overlap=OVERLAP if size.window > 2 * OVERLAP else 32,
        corner=(0, 0),
    )
    known = model.card.normalisation_of(model.card.radiometry)
    runner = engine.runner(WindowSpec(shape=plan.window, normalisation=known))
    level = threshold_level(model.card.threshold)

    def compute(index: tuple[int, int]) -> NDArray[np.uint8]:
        window = plan.window_at(*index)
        part = scene[:, window.row_off : window.row_end, window.col_off : window.col_end]
        stored = np.zeros((len(scene), *plan.window), dtype=scene.dtype)
        valid = np.zeros(plan.window, dtype=np.bool_)
        stored[:, : part.shape[1], : part.shape[2]] = part
        valid[: part.shape[1], : part.shape[2]] = True
        levels = runner.run(stored, valid)
        levels[~valid] = 255
        return levels

    compute((0, 0))
    started = time.perf_counter()
    blender, mapped = RowBlender(plan), 0
    with ThreadPoolExecutor(runner.streams) as threads:
        for at, levels in enumerate(threads.map(compute, plan)):
            blender.add(levels, at % plan.count[1])
            if at % plan.count[1] == plan.count[1] - 1:
                row = blender.finish_row()
                mapped += int(((row >= level) & (row != 255)).sum())
    return float(scene[0].size) / 1e6 / (time.perf_counter() - started)


def whole_process(
    model: ModelFolder, precision: str, scene: NDArray[np.uint8], folder: Path
) -> float:
    """Return 10^6 pixels a second of `landslip extract`, from its start to its end."""
    import rasterio
    from affine import Affine

    file, out = folder / "scene.tif", folder / f"map_{precision}"
    if not file.exists():
        profile = {"crs": "EPSG:32648", "transform": Affine(1, 0, 500_000, 0, -1, 3_000_000)}
        bands, height, width = scene.shape
        shape = {"count": bands, "height": height, "width": width, "dtype": scene.dtype}
        tiled = {"tiled": True, "blockxsize": 256, "blockysize": 256}
        with rasterio.open(file, "w", **(profile | shape | tiled)) as raster:
            raster.write(scene)
            raster.descriptions = tuple(model.card.bands)
    command = [sys.executable, "-m", "landslip", "extract", str(file), "--model", str(model.path)]
    command += ["--out", str(out), "--engine", "torch", "--precision", precision, "--force"]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(scene[0].size) / 1e6 / seconds


def calls_per_second(call: Callable[[], None], seconds: float) -> float:
    """Return how often something is computed in a second, after two calls that do not count."""
    for _ in range(2):
        call()
    wait()
    started, calls = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        call()
        calls += 1
        if calls % 8 == 0:
            wait()  # else launches run far ahead
    wait()
    return calls / (time.perf_counter() - started)


def wait() -> None:
    """Wait until the device has done what it was told."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
