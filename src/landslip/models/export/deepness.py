"""What QGIS's plugin Deepness reads from an ONNX file.

Deepness (github.com/PUTvision/qgis-plugin-deepness) takes square tiles of one fixed side, divides
whatever QGIS hands out by 255, subtracts ``standardization_mean`` and divides by
``standardization_std`` where it knows these keys, and takes a pixel for the class where the
network's one channel is at least ``seg_thresh``. QGIS applies a file's scale and offset before.
"""

import json

from landslip.models.card import ModelCard

DIVISOR = 255.0
TILE_PX = 512
OVERLAP_PERCENT = 20


def deepness_tile(multiple: int) -> int:
    """Return the side of Deepness's tiles: `TILE_PX`, rounded up to the model's multiple."""
    return -(-TILE_PX // multiple) * multiple


def deepness_keys(card: ModelCard) -> dict[str, str]:
    """Return the metadata of the ONNX file, each value as JSON.

    Mean 0 and deviation 1 ask Deepness for nothing more than its division: the network in the file
    undoes it and normalises by itself, so that versions that do not know the keys agree.
    """
    bands = len(card.input.bands)
    keys = {
        "model_type": "Segmentor",
        "class_names": {"0": "background", "1": "landslide"},
        "tile_size": deepness_tile(card.input.multiple),
        "tiles_overlap": OVERLAP_PERCENT,
        "seg_thresh": card.threshold,
        "seg_small_segment": 0,
        "standardization_mean": [0.0] * bands,
        "standardization_std": [1.0] * bands,
    }
    if card.input.resolution_m is not None:
        keys["resolution"] = 100 * card.input.resolution_m
    return {name: json.dumps(value) for name, value in keys.items()}
