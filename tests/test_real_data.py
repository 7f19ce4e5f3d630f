"""Real imagery and weights, read in place; each test is skipped where its data is absent."""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import safetensors.torch

from landslip.core.bands import Bands
from landslip.core.choices import Split
from landslip.datasets.format import TileDataset
from landslip.datasets.pairs import PairsRequest, dataset_from_pairs
from landslip.datasets.scene import SceneDatasetRequest, dataset_from_scene
from landslip.datasets.splits.assignment import SplitPlan
from landslip.io.raster import Scene, SceneOptions
from landslip.models.networks.architecture import Architecture
from landslip.models.networks.build import build_network

SHARED = Path(__file__).parents[2] / "shared"
DATA = Path(os.environ.get("LANDSLIP_DATA", SHARED / "data"))
WEIGHTS = Path(os.environ.get("LANDSLIP_WEIGHTS", SHARED / "weights"))


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"needs {path.name} (set LANDSLIP_DATA)")


BIJIE = DATA / "bijie" / "landslide"
VILLANGAD = DATA / "planetscope_villangad"
RGB, RGBN = Bands(("red", "green", "blue")), Bands(("red", "green", "blue", "nir"))


@needs(BIJIE)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_bijie_tiles_become_a_dataset_with_neighbours_together(tmp_path: Path) -> None:
    request = PairsRequest(
        images=(BIJIE / "images",),
        masks=(BIJIE / "masks",),
        bands=RGB,
        plan=SplitPlan(),
        groups=r"([a-z]+\d\d)",
    )
    card = dataset_from_pairs(request, tmp_path / "tiles")
    assert sum(card.tiles.values()) == len(list((BIJIE / "images").iterdir()))
    assert card.tiles["test"] / sum(card.tiles.values()) == pytest.approx(0.2, abs=0.02)
    dataset = TileDataset(tmp_path / "tiles")
    sides = [
        {dataset.index["group"][at] for at in dataset.positions(split)}
        for split in (Split.TRAIN, Split.VALIDATION, Split.TEST)
    ]
    assert len(set.union(*sides)) == sum(len(side) for side in sides)
    name = str(dataset.index["tile_id"][100])
    with rasterio.open(BIJIE / "masks" / f"{name}.png") as file:
        assert np.array_equal(file.read(1) == 255, dataset.tile(100).label == 1)


@needs(VILLANGAD)
def test_a_planetscope_scene_and_its_mask_become_tiles(tmp_path: Path) -> None:
    scene, mask = VILLANGAD / "scene_rgbn_uint16.tif", VILLANGAD / "weak_mask.tif"
    options = SceneOptions(bands=RGBN)
    result = dataset_from_scene(
        SceneDatasetRequest(scene=scene, labels=mask, options=options), tmp_path / "tiles"
    )
    assert sum(result.card.tiles.values()) == 9 * 8
    with Scene(scene, options) as opened, rasterio.open(mask) as file:
        _, valid = opened.read(opened.grid.window)
        landslide = file.read(1) == 1
    assert result.card.landslide_share == pytest.approx((landslide & valid).sum() / valid.sum())
    assert result.card.resolution_m == pytest.approx(3.0)
    assert result.card.nodata == 0


@pytest.mark.parametrize("encoder", ["resnet18", "resnet50"])
def test_pretrained_encoders_are_taken_whole(encoder: str) -> None:
    path = WEIGHTS / f"{encoder}_imagenet_pqf.safetensors"
    if not path.exists():
        pytest.skip(f"needs {path.name} (set LANDSLIP_WEIGHTS)")
    bands = ("nir", "red", "green", "blue")
    network = build_network(Architecture(encoder=encoder, bands=bands), encoder_weights=str(path))
    tensors = safetensors.torch.load_file(path)
    found = network.state_dict()
    for name, tensor in tensors.items():
        if name.startswith("fc") or name.endswith("num_batches_tracked"):
            continue
        mine = found[f"encoder.{name}"]
        assert (
            mine[:, 1:].allclose(tensor.float())
            if name == "conv1.weight"
            else mine.allclose(tensor.float())
        )
