"""The small pictures of a product."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_THUMB_PX = 256
_DARK, _BRIGHT = 1, 99
_NATURAL = [2, 1, 0]


def write_browse(preview: NDArray[np.uint16], base: Path) -> tuple[Path, Path]:
    """Write ``BASE.jpg`` and ``BASE_thumb.jpg`` and return their paths.

    Args:
        preview: (4: blue, green, red, nir, or 1, height, width) counts, 0 where there are none.
        base: of the names, without suffix.
    """
    layers = preview[_NATURAL] if len(preview) == 4 else preview
    pixels = np.stack([_stretched(layer) for layer in layers], axis=-1)
    picture = Image.fromarray(pixels[..., 0] if len(layers) == 1 else pixels)
    paths = base.with_name(f"{base.name}.jpg"), base.with_name(f"{base.name}_thumb.jpg")
    picture.save(paths[0], quality=85)
    picture.thumbnail((_THUMB_PX, _THUMB_PX))
    picture.save(paths[1], quality=85)
    return paths


def _stretched(layer: NDArray[np.uint16]) -> NDArray[np.uint8]:
    seen = layer[layer > 0]
    if seen.size == 0:
        return np.zeros(layer.shape, dtype=np.uint8)
    low, high = np.percentile(seen, [_DARK, _BRIGHT])
    scaled = (layer - low) / max(high - low, 1) * 255
    pixels: NDArray[np.uint8] = np.clip(scaled, 0, 255).astype(np.uint8)
    return pixels
