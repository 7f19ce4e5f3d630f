"""What a model's training tiles look like: ``look.npz`` in its folder."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from landslip.core.errors import ModelError
from landslip.models.ood.cloud import Cloud, Points

LOOK = "look.npz"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Training tiles by their pixels and by the network's deepest features.

    Attributes:
        tiles: how many were measured.
        tile_px: side of the windows of a scene that they are compared with.
        layer: of the graph whose output the features are.
        pixel_mean: (bands,) of normalised pixels.
        pixel_axes: (bands, bands) rows that turn centred pixels into uncorrelated numbers of
            variance 1.
        spectral: of what `spectra.describe` says of tiles.
        feature: of the means of the features over tiles.
    """

    tiles: int
    tile_px: int
    layer: str
    pixel_mean: Points
    pixel_axes: Points
    spectral: Cloud
    feature: Cloud

    @property
    def features(self) -> int:
        """How many features the layer has."""
        return len(self.feature.mean)

    @property
    def spectral_p99(self) -> float:
        """The spectral distance that 1 % of training tiles lie beyond."""
        return self.spectral.p99

    @property
    def feature_p99(self) -> float:
        """The distance of features that 1 % of training tiles lie beyond."""
        return self.feature.p99

    def write(self, path: Path) -> None:
        """Write an ``.npz``; the same look gives the same bytes."""
        stored: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "tiles": self.tiles,
            "tile_px": self.tile_px,
            "layer": self.layer,
            "pixel_mean": self.pixel_mean,
            "pixel_axes": self.pixel_axes,
        }
        for name in ("spectral", "feature"):
            cloud = getattr(self, name)
            stored |= {f"{name}_{part.name}": getattr(cloud, part.name) for part in fields(Cloud)}
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **stored)


def read_look(path: Path) -> Look:
    """Read what `Look.write` wrote.

    Raises:
        ModelError: it is missing, damaged, or of another version.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        version = int(found["version"])
        if version != FORMAT_VERSION:
            raise ModelError(
                f"{path}: version {FORMAT_VERSION} is read here and this is version {version}; "
                "measure it again with landslip calibrate --overwrite"
            )
        return Look(
            tiles=int(found["tiles"]),
            tile_px=int(found["tile_px"]),
            layer=str(found["layer"]),
            pixel_mean=found["pixel_mean"],
            pixel_axes=found["pixel_axes"],
            spectral=_cloud(found, "spectral"),
            feature=_cloud(found, "feature"),
        )
    except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
        raise ModelError(
            f"{path}: missing or damaged; measure it again with landslip calibrate --overwrite"
        ) from error


def _cloud(found: dict[str, Any], name: str) -> Cloud:
    return Cloud(
        mean=found[f"{name}_mean"],
        directions=found[f"{name}_directions"],
        variances=found[f"{name}_variances"],
        residual_variance=float(found[f"{name}_residual_variance"]),
        distances=found[f"{name}_distances"],
        p99=float(found[f"{name}_p99"]),
    )
