"""A model folder with a tiny network, and scenes for it."""

from pathlib import Path

import numpy as np
import rasterio
import torch
from affine import Affine
from tests.factories.models import make_card

from landslip.core.bands import Bands, Radiometry
from landslip.core.choices import Units
from landslip.core.files import sha256_of
from landslip.core.grid import Grid
from landslip.datasets.normalisation import Normalisation
from landslip.inference.plan import WindowPlan
from landslip.inference.ray.worker import SceneJob
from landslip.io.raster import SceneOptions
from landslip.io.raster.location import Location
from landslip.models.engines.base import WindowSpec
from landslip.models.engines.openvino import export_graph
from landslip.models.folder import ModelFolder
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network
from landslip.models.weights import save_weights
from landslip.preprocessing.stack.scene import StackSources

BANDS = ("blue", "green", "red", "nir")
TRANSFORM = Affine(2, 0, 400_000, 0, -2, 3_400_000)
NORMALISATION = Normalisation(
    radiometry=Radiometry(units=Units.DN, dtype="uint16"), mean=(0.0,) * 4, std=(1.0,) * 4
)
FILES = ("mask.tif", "probability.tif", "landslides.gpkg")


def make_model(folder: Path) -> ModelFolder:
    """Write a network with random weights."""
    folder.mkdir(parents=True)
    architecture = Architecture(encoder="test_resnet", bands=BANDS)
    network = build_network(architecture, seed=3).eval()
    with torch.no_grad():  # so that probabilities are not all alike
        weight, bias = list(network.parameters())[-2:]
        weight.mul_(30)
        bias.zero_()
    files = [save_weights(network, folder), *export_graph(network, len(BANDS), folder)]
    digests = {name: sha256_of(folder / name) for name in files}
    changes = {"architecture": architecture, "files": digests, "threshold": 0.5}
    card = make_card().model_copy(update=changes)
    (folder / "model.json").write_text(card.model_dump_json())
    return ModelFolder(folder, card)


def write_scene(path: Path, shape: tuple[int, int], seed: int = 0) -> Path:
    """Write noise with a border of nodata."""
    generator = np.random.default_rng(seed)
    values = generator.normal(400, 60, (4, *shape)).clip(1, 1000).astype(np.uint16)
    values[:, :, :20] = 0
    profile = {"count": 4, "height": shape[0], "width": shape[1], "dtype": "uint16", "nodata": 0}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32648", transform=TRANSFORM, **profile
    ) as file:
        file.write(values)
        file.descriptions = BANDS
    return path


def scene_job(path: Path) -> SceneJob:
    """Return the job of a scene that does not exist."""
    shape = (100, 150)
    return SceneJob(
        location=Location.of(path),
        options=SceneOptions(),
        sources=StackSources(),
        grid=Grid(crs=None, transform=TRANSFORM, shape=shape),
        bands=Bands(BANDS),
        window_spec=WindowSpec(shape=(64, 64), normalisation=NORMALISATION),
        plan=WindowPlan(shape=shape, window=(64, 64), overlap=16, corner=(0, 0)),
        store="none",
        digest="",
        cache_mib=1,
        streams=1,
        readers=1,
    )


def contents(out: Path) -> dict[str, bytes]:
    """Return the bytes of a result's files."""
    return {name: (out / name).read_bytes() for name in FILES}


def children(parent: int, title: str) -> list[int]:
    """Return the ids of a process's children whose title begins so."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_text()
        except (OSError, ValueError):
            continue
        if int(stat[1]) == parent and command.startswith(title):
            found.append(int(folder.name))
    return sorted(found)
