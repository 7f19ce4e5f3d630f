"""Maps landslides of a scene with geoai's function for whole scenes, to be measured against.

    VENV/bin/python benchmarks/geoai_loop.py SCENE --model MODEL --out FOLDER

Runs in a virtual environment with geoai-py; ``src`` must be on PYTHONPATH, for the network. Windows
of 256 px that overlap by a quarter and batches of 8, as in naive_loop.py; all else is geoai's own.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from geoai.inference import predict_geotiff  # type: ignore[import-not-found]
from geoai.utils import raster_to_vector  # type: ignore[import-not-found]
from numpy.typing import NDArray

from landslip.models.card import ModelCard
from landslip.models.folder import open_model
from landslip.models.weights import load_network

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
    threshold = model.card.threshold
    least_logit = np.log(threshold) - np.log1p(-threshold)
    mean, std = scaling(model.card)

    def normalised(tile: NDArray[np.float32]) -> NDArray[np.float32]:
        values: NDArray[np.float32] = ((tile - mean) / std).astype(np.float32)
        return values

    def decided(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
        mask: NDArray[np.uint8] = (logits >= least_logit).astype(np.uint8)
        return mask

    predict_geotiff(
        load_network(model),
        str(options.scene),
        str(options.out / "mask.tif"),
        tile_size=256,
        overlap=64,
        batch_size=8,
        input_bands=band_indexes(model.card, options.scene),
        output_dtype="uint8",
        output_nodata=NODATA,
        preprocess_fn=normalised,
        postprocess_fn=decided,
        device="cpu",
        verbose=False,
    )
    raster_to_vector(
        str(options.out / "mask.tif"),
        str(options.out / "landslides.gpkg"),
        class_values=[1],
        min_area=0,
    )


def band_indexes(card: ModelCard, scene: Path) -> list[int]:
    """Return where the model's bands stand in the scene, counted from 1."""
    with rasterio.open(scene) as file:
        names = list(file.descriptions)
    return [names.index(band) + 1 for band in card.input.bands]


def scaling(card: ModelCard) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and standard deviation of each band, in the scene's stored numbers."""
    known = card.input
    mean, std = (np.array(values, dtype=np.float32) for values in (known.mean, known.std))
    scale, offset = np.float32(known.scale), np.float32(known.offset)
    return ((mean - offset) / scale)[:, None, None], (std / scale)[:, None, None]


if __name__ == "__main__":
    main()
