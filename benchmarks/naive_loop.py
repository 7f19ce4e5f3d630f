"""Maps landslides of a scene by the loop that most users write, to be measured against.

    python benchmarks/naive_loop.py SCENE --model MODEL --out FOLDER

Windows of 256 px that overlap by a quarter, batches of 8, eager fp32 torch on all cores; sums of
probabilities in arrays of the whole scene; mask as GeoTIFF and polygons as GeoPackage.
"""

import argparse
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import rasterio.features
import torch
from numpy.typing import NDArray
from rasterio.windows import Window

from landslip.models.card import ModelCard
from landslip.models.folder import open_model
from landslip.models.weights import load_network

TILE, OVERLAP, BATCH = 256, 64, 8
NODATA = 255


def main() -> None:
    """Predict, threshold, and write mask and polygons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = open_model(options.model)
    network = load_network(model).eval()
    with rasterio.open(options.scene) as scene:
        probability, valid = predict(scene, network, model.card)
        profile = scene.profile
    mask = np.where(valid, probability >= model.card.threshold, NODATA).astype(np.uint8)
    write_mask(mask, profile, options.out / "mask.tif")
    write_polygons(mask, profile, options.out / "landslides.gpkg")


def predict(
    scene: rasterio.DatasetReader, network: torch.nn.Module, card: ModelCard
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean probability and where there is data, both (height, width)."""
    shape = scene.height, scene.width
    sums, counts = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    valid = np.zeros(shape, dtype=np.bool_)
    mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in scaling(card))
    indexes = [list(scene.descriptions).index(band) + 1 for band in card.input.bands]
    corners = [(row, col) for row in starts(scene.height) for col in starts(scene.width)]
    for first in range(0, len(corners), BATCH):
        part = corners[first : first + BATCH]
        tiles = []
        for row, col in part:
            stored = scene.read(indexes, window=Window(col, row, TILE, TILE))
            inside = (stored != scene.nodata).all(axis=0)
            tiles.append(np.where(inside, (stored - mean) / std, 0).astype(np.float32))
            valid[row : row + TILE, col : col + TILE] |= inside
        with torch.inference_mode():
            logits = network(torch.from_numpy(np.stack(tiles)))
            found = torch.sigmoid(logits)[:, 0].numpy()
        for (row, col), tile in zip(part, found, strict=True):
            sums[row : row + TILE, col : col + TILE] += tile
            counts[row : row + TILE, col : col + TILE] += 1
    return (sums / counts).astype(np.float32), valid


def scaling(card: ModelCard) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and standard deviation of each band, in the scene's stored numbers."""
    known = card.input
    return (np.array(known.mean) - known.offset) / known.scale, np.array(known.std) / known.scale


def starts(length: int) -> list[int]:
    """Return where windows begin along a side; the last one ends at the scene's end."""
    last = length - TILE
    return [*range(0, last, TILE - OVERLAP), last]


def write_mask(mask: NDArray[np.uint8], profile: dict[str, Any], path: Path) -> None:
    """Write the mask as a compressed GeoTIFF."""
    settings = profile | {"count": 1, "dtype": "uint8", "nodata": NODATA, "compress": "deflate"}
    with rasterio.open(path, "w", **settings) as file:
        file.write(mask, 1)


def write_polygons(mask: NDArray[np.uint8], profile: dict[str, Any], path: Path) -> None:
    """Write the outlines of what is 1 in the mask."""
    outlines = rasterio.features.shapes(mask, mask=mask == 1, transform=profile["transform"])
    features = [{"geometry": outline, "properties": {}} for outline, _ in outlines]
    frame = geopandas.GeoDataFrame.from_features(features, columns=["geometry"], crs=profile["crs"])
    frame.to_file(path, driver="GPKG")


if __name__ == "__main__":
    main()
